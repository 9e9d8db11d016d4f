"""In what two runs differ: settings, models and prompts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from gold_sets import hashing_profile, write_gold

from quincunx.eval.diff import RunDifference, diff_runs
from quincunx.eval.evaluate import evaluate_retrieval
from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.report.summary import write_run_report
from quincunx.eval.runs.answer_run import run_answers
from quincunx.eval.runs.folder import INFORMATION
from quincunx.eval.runs.retrieval_run import RetrievalSetup
from quincunx.programs.loading import load
from quincunx.programs.program import GroundedProgram
from quincunx.retrieval.errors import UnknownRunError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.settings import SearchSettings

DEMO = {"question": "What is tea?", "passages": [], "answer": "A drink.\x1b[31m"}


@pytest.fixture
def gold(home: Path, tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold")


def answered(
    gold: Path, out: Path, change: Callable[[GroundedProgram], None] = lambda program: None, n: int = 5
) -> Path:
    """Ask the program with its prompt changed; returns the folder of the run."""
    setup = RetrievalSetup(read_gold_set(gold), profile=hashing_profile())
    folder = setup.folder()
    program = load(
        "chat_bridge",
        index=SearchHandle(folder, hashing_profile()),
        lm="extractive",
        settings=SearchSettings(n=n),
    )
    change(program)
    with run_answers(program, setup, folder, out=out) as run:
        write_run_report(run)
    return out


def other_prompt(program: GroundedProgram) -> None:
    predict = program.predict
    predict.signature = predict.signature.with_instructions(f"{predict.signature.instructions}\nBe brief.")
    predict.demos = [dspy.Example(DEMO)]


def test_settings_instructions_and_demos_that_differ_are_named(gold: Path, tmp_path: Path) -> None:
    a, b = answered(gold, tmp_path / "a"), answered(gold, tmp_path / "b", other_prompt, n=3)
    found = diff_runs(a, b)
    assert (found.a, found.b, found.configured) == ("a", "b", {"search.n": (5, 3)})
    assert found.prompts is not None
    [(predictor, lines)] = found.prompts.items()
    assert predictor == "predict"
    assert "instructions changed" in lines
    assert "+Be brief." in lines
    assert [line for line in lines if line.startswith("demo added") and "What is tea?" in line]
    back = diff_runs(b, a)
    assert back.configured == {"search.n": (3, 5)}
    assert back.prompts is not None
    assert "-Be brief." in back.prompts["predict"]
    assert diff_runs(a, a) == RunDifference("a", "a", {}, {})


def test_a_demo_with_half_of_a_pair_of_surrogates_is_kept_and_compared(gold: Path, tmp_path: Path) -> None:
    def broken_demo(program: GroundedProgram) -> None:
        program.predict.demos = [dspy.Example(DEMO, question="\ud800?")]

    a, b = answered(gold, tmp_path / "a"), answered(gold, tmp_path / "b", broken_demo)
    found = diff_runs(a, b).prompts
    assert found is not None
    assert [line for line in found["predict"] if line.startswith("demo added")]


def test_runs_without_prompts_say_so(gold: Path, tmp_path: Path) -> None:
    a = answered(gold, tmp_path / "a")
    searched = evaluate_retrieval(gold, profile=hashing_profile())
    found = diff_runs(a, searched.name)
    assert found.prompts is None
    assert found.configured["kind"] == ("answers", "retrieval")
    with pytest.raises(UnknownRunError):
        diff_runs(a, "nothing")
    header = json.loads((a / "header.json").read_text())
    older = {name: value for name, value in header.items() if name != "prompts"}
    (a / "header.json").write_text(json.dumps(older))
    assert diff_runs(a, a).prompts is None


def test_a_run_of_an_older_version_goes_on_and_prompts_are_in_no_report(gold: Path, tmp_path: Path) -> None:
    a = answered(gold, tmp_path / "a")
    assert "prompts" in INFORMATION
    report = (a / "report.json").read_bytes()
    assert b"prompts" not in report
    header = json.loads((a / "header.json").read_text())
    del header["prompts"]
    (a / "header.json").write_text(json.dumps(header))
    answered(gold, tmp_path / "a")
    assert (a / "report.json").read_bytes() == report


def test_the_terminal_shows_what_differs_without_control_characters(
    gold: Path, tmp_path: Path, quincunx: Callable[..., Any]
) -> None:
    a, b = answered(gold, tmp_path / "a"), answered(gold, tmp_path / "b", other_prompt)
    told = quincunx("eval", "diff", str(a), str(b)).out
    assert "the runs were configured alike" in told
    assert "+Be brief." in told
    assert "\x1b" not in told
    assert (
        quincunx("eval", "diff", str(a), str(b), "--json").json["prompts"]["predict"][0]
        == "instructions changed"
    )
    assert "the prompts are the same" in quincunx("eval", "diff", str(a), str(a)).out
