"""What a comparison says of two runs.

Invariants:
    1. The verdict is that of the p that is printed, which is the one that Holm's method corrected.
    2. Every measure asked for is there: with its regressions, or with the word that it cannot be compared.
    3. What so few questions cannot tell is said in words, never in a figure that is none.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from quincunx.app.cli import app
from quincunx.app.render.runs import comparison_tables
from quincunx.eval.compare import MeasureComparison, QuestionDelta, RunComparison
from quincunx.eval.metrics.means import StageComparison, detectable_difference, detectable_words
from quincunx.eval.report.page import chance
from quincunx.eval.stats.paired import Comparison, compare_paired, p_text


def result_of(p: float, difference: float = 0.2, **more: Any) -> Comparison:
    told: dict[str, Any] = {
        "n": 40, "clusters": None, "mean_a": 0.5, "mean_b": 0.5 + difference, "difference": difference, "low": -0.1,
        "high": 0.4, "p": p, "test": "exact McNemar", "wins": 12, "ties": 24, "losses": 4, "differing": 16, "alpha": 0.05,
    }  # fmt: skip
    return Comparison(**{**told, **more})


def measured(name: str, p: float, holm_p: float, difference: float = 0.2, lost: int = 0) -> MeasureComparison:
    worst = tuple(QuestionDelta(f"{name}-q{i}", f"question {i} of {name}", 1.0, 0.0) for i in range(lost))
    return MeasureComparison(name, result_of(p, difference), holm_p, worst)


def printed(*measures: MeasureComparison, too_few: tuple[str, ...] = ()) -> str:
    console = Console(width=200, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as out:
        for table in comparison_tables(RunComparison("a", "b", 40, (), (), (), (), (), too_few, measures)):
            console.print(table)
    return out.get()


def test_the_verdict_is_that_of_the_corrected_p() -> None:
    one = measured("recall@5", 0.03, 0.12)
    assert (one.outcome, one.superscripts) == ("undecided", ("", ""))
    assert one.verdict == "cannot tell: p is 0.03 alone and 0.12 among the family"
    assert (measured("mrr@5", 0.001, 0.004).verdict, measured("mrr@5", 0.001, 0.004, -0.2).verdict) == (
        "better",
        "worse",
    )
    assert StageComparison("fused", "final", "recall@5", result_of(0.03), 0.12).verdict == one.verdict
    line = next(line for line in printed(one).splitlines() if line.strip().startswith("recall@5"))
    assert "better" not in line
    assert "cannot tell" in line


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([-0.2, 0.0, 0.2]))
def test_verdict_letters_and_printed_p_agree(one: float, other: float, difference: float) -> None:
    p, holm_p = min(one, other), max(one, other)
    found = measured("recall@5", p, holm_p, difference)
    assert (found.outcome == "undecided") == (float(p_text(holm_p)) >= 0.05)
    assert (found.outcome == "undecided") == (found.superscripts == ("", ""))
    assert (found.verdict in ("better", "worse")) == (found.outcome != "undecided")


@pytest.mark.parametrize(
    ("p", "text", "on_the_page"),
    [
        (0.0496, "0.0496", "0.0496"),
        (0.049999, "0.049999", "0.049999"),
        (0.0500001, "0.05", "0.0500"),
        (0.05, "0.05", "0.0500"),
        (0.012345, "0.012", "0.0123"),
        (1.0, "1", "1.0000"),
        (3e-7, "3e-07", "< 0.0001"),
    ],
)
def test_p_is_never_rounded_to_the_other_side_of_alpha(p: float, text: str, on_the_page: str) -> None:
    assert (p_text(p), chance(p)) == (text, on_the_page)


def test_regressions_of_every_measure_are_listed() -> None:
    text = printed(
        measured("recall@5", 0.2, 0.4, lost=2), measured("mrr@5", 0.2, 0.4, lost=3), measured("map", 1, 1)
    )
    assert "worst regressions in recall@5, 2 of 4" in text
    assert "worst regressions in mrr@5, 3 of 4" in text
    assert all(f"{name}-q{i}" in text for name, n in (("recall@5", 2), ("mrr@5", 3)) for i in range(n))
    assert "no question lost in map" in text


def test_a_measure_that_cannot_be_compared_is_named() -> None:
    assert "1 measured on fewer than 2 questions of both: overlap" in printed(
        measured("map", 1, 1), too_few=("overlap",)
    )


def test_two_runs_are_compared_on_the_command_line(home: Path, tmp_path: Path) -> None:
    gold, run = str(write_gold(tmp_path / "gold")), CliRunner()
    for name, *more in (("one", "--rerank"), ("two", "--no-rerank", "--lexical-weight", "0")):
        arguments = [
            "eval",
            "retrieval",
            gold,
            "--profile",
            hashing_profile(),
            "--out",
            str(tmp_path / name),
            *more,
        ]
        assert run.invoke(app, arguments).exit_code == 0
    runs = [str(tmp_path / "one"), str(tmp_path / "two")]
    asked = ["--measure", "recall@5", "--measure", "mrr@5", "--measure", "recall@5"]
    found = json.loads(run.invoke(app, ["eval", "compare", *runs, *asked, "--json"]).stdout)
    assert [each["measure"] for each in found["measures"]] == ["recall@5", "mrr@5"]
    for each in found["measures"]:
        assert (each["outcome"] == "undecided") == (each["holm_p"] >= 0.05)
        assert each["holm_p"] >= each["result"]["p"]
        assert each["worst"]
    assert found["differs"] == {"search.rerank": [True, False], "search.lexical_weight": [1.5, 0.0]}
    shown = run.invoke(app, ["eval", "compare", *runs, *asked]).stdout
    assert "…" not in shown
    assert shown.index("search.rerank") < shown.index("recall@5")
    alike = run.invoke(app, ["eval", "compare", runs[0], runs[0]]).stdout
    assert "configured alike" in alike
    for each in found["measures"]:
        assert f"worst regressions in {each['measure']}" in shown
        assert all(f"{delta['id']}: {delta['text']}" in shown for delta in each["worst"])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_so_few_questions_are_said_in_words_to_tell_nothing(n: int) -> None:
    assert detectable_difference(n) is None
    assert "so few that no difference" in detectable_words(n)
    assert not any(character.isdigit() for character in detectable_words(n))


@given(st.integers(0, 400))
def test_what_questions_can_show_is_a_share_or_words(n: int) -> None:
    effect, words = detectable_difference(n), detectable_words(n)
    assert (effect is None) == (n < 6)
    assert effect is None or (0 < effect <= 1 and f"{effect:.3f}" in words)
    assert "inf" not in words.replace("info", "")
    assert "nan" not in words


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_comparison_of_a_few_questions_says_that_none_can_be_told(n: int) -> None:
    found = compare_paired([0.0] * n, [1.0] * n, seed=0)
    assert found.outcome == "undecided"
    assert (
        f"{n} of {n} pairs are discordant, and with fewer than 6 no result reaches p < 0.05" in found.verdict
    )
    assert math.isfinite(found.low)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_run_of_a_few_questions_has_no_figure_that_is_none(home: Path, tmp_path: Path, n: int) -> None:
    gold = str(write_gold(tmp_path / "gold", n=n, unanswerable=0))
    done = CliRunner().invoke(app, ["eval", "retrieval", gold, "--profile", hashing_profile()])
    assert done.exit_code == 0
    assert f"{n} question{'s' * (n > 1)} with gold" in done.stderr
    assert "so few that no difference" in " ".join(done.stderr.split())
    assert " inf" not in done.output
    again = CliRunner().invoke(app, ["eval", "retrieval", gold, "--profile", hashing_profile(), "--json"])
    assert json.loads(again.stdout)["counts"]["attempted"] == n
