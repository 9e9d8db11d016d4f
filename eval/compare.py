"""Two runs compared on the same questions.

A question that only one run has, or that failed in either, is in no mean: it is named instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..retrieval.errors import UsageError
from .goldsets.goldset import GoldQuestion
from .metrics.answer_scores import score_answers
from .metrics.means import cluster_labels
from .metrics.run_scores import RunScores, score_run
from .results import opened
from .runs.folder import header_differences
from .runs.ledger import RunLedger
from .stats.paired import Comparison, FamilyComparison, compare_paired, holm


@dataclass(frozen=True)
class QuestionDelta:
    """One question on which two runs differ."""

    id: str
    text: str
    a: float
    b: float


@dataclass(frozen=True)
class MeasureComparison(FamilyComparison):
    """Two runs in one measure, b against a; its `outcome` and `verdict` are those of the corrected p."""

    measure: str
    result: Comparison
    holm_p: float
    """p after Holm's correction over all measures compared."""
    worst: tuple[QuestionDelta, ...]
    """Questions on which b lost, the greatest loss first."""

    def __str__(self) -> str:
        """The means, the difference with its interval and n, such as ``recall@5 0.800 → 0.850, difference +0.050 …``."""
        found = self.result
        return (
            f"{self.measure} {found.mean_a:.3f} → {found.mean_b:.3f}, difference {found.difference:+.3f} "
            f"[{found.low:+.3f}, {found.high:+.3f}], n={found.n}"
        )

    @property
    def superscripts(self) -> tuple[str, str]:
        """Letters as ranx prints them: the run that is better by the corrected test bears the other's letter."""
        return {"better": ("", "a"), "worse": ("b", ""), "undecided": ("", "")}[self.outcome]


@dataclass(frozen=True)
class RunComparison:
    """Run b against run a."""

    a: str
    b: str
    n: int
    """Questions that both have scored."""
    only_a: tuple[str, ...]
    """Ids that b has not run, or does not hold."""
    only_b: tuple[str, ...]
    failed_a: tuple[str, ...]
    failed_b: tuple[str, ...]
    changed_gold: tuple[str, ...]
    """Ids whose gold differs between the runs: they are in no mean either."""
    too_few: tuple[str, ...]
    """Measures that fewer than 2 of the questions have in both runs: they cannot be compared."""
    measures: tuple[MeasureComparison, ...]
    differs: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """In what the runs were configured differently: the value in a and in b, by dotted name such as ``search.k``."""


def values_of(run: RunLedger, scored: RunScores) -> dict[str, dict[str, float]]:
    """Return every value of a run by measure by question id: the final order's measures, and the answers' checks."""
    found: dict[str, dict[str, float]] = {}
    for id, values in scored.values["final"].items():
        for measure, value in values.items():
            found.setdefault(measure, {})[id] = value
    if run.header["kind"] == "answers":
        for id, checks in score_answers(run, scored, int(run.header["seed"])).values.items():
            for name, value in checks.items():
                found.setdefault(name, {})[id] = value
    return found


def compare(
    a: RunLedger | str | Path,
    b: RunLedger | str | Path,
    measures: Sequence[str] | None = None,
    *,
    worst: int = 10,
) -> RunComparison:
    """Compare run b with run a in the measures that both have, or in those named; paired, question by question.

    Args:
        a: a run, its name in the home folder, or its folder: what is compared against.
        b: another run of the same gold set and split.
        measures: names such as ``recall@5`` or ``citation_recall``; all that both runs have if left out.
        worst: how many of the questions on which b lost most are named, in each measure.

    Returns:
        A `MeasureComparison` for each measure: means from 0 to 1, the difference b − a with its 95 % interval, p, wins,
        ties and losses, and the verdict in words. Beside them, the questions that could not be compared.

    Raises:
        UsageError: fewer than 2 questions are in both, or a measure is not in both.
        UnknownRunError: there is no such run.

    Example:
        >>> from quincunx import SearchSettings
        >>> from quincunx import evaluate_retrieval
        >>> from quincunx import compare
        >>> reranked = evaluate_retrieval("builddaily", split="dev", index="builddaily")
        >>> fused = evaluate_retrieval(
        ...     "builddaily", split="dev", index="builddaily", settings=SearchSettings(rerank=False)
        ... )
        >>> found = compare(fused, reranked, ["recall@5"])
        >>> found.n == reranked.means()["recall@5"].n
        True
        >>> print(found.measures[0])  # doctest: +ELLIPSIS
        recall@5 ... → ..., difference ... [..., ...], n=...
    """
    with opened(a) as before, opened(b) as after:
        return _compare(before, after, measures, worst)


def _compare(a: RunLedger, b: RunLedger, measures: Sequence[str] | None, worst: int) -> RunComparison:
    scored_a, scored_b = score_run(a), score_run(b)
    values_a, values_b = values_of(a, scored_a), values_of(b, scored_b)
    questions = scored_a.questions
    changed = {
        id
        for id, question in questions.items()
        if id in scored_b.questions and not _same_gold(question, scored_b.questions[id])
    }
    known = [measure for measure in values_a if measure in values_b]
    for measure in measures or ():
        if measure not in known:
            raise UsageError(f"measure {measure!r} is not in both runs; known: {', '.join(known)}")
    compared, too_few = {}, []
    seed = int(a.header["seed"])
    everything: set[str] = set()
    for measure in dict.fromkeys(measures or known):
        ids = [id for id in values_a[measure] if id in values_b[measure] and id not in changed]
        if len(ids) < 2:
            too_few.append(measure)
            continue
        everything |= set(ids)
        compared[measure] = (
            ids,
            compare_paired(
                [values_a[measure][id] for id in ids],
                [values_b[measure][id] for id in ids],
                clusters=cluster_labels([questions[id] for id in ids]),
                seed=seed,
            ),
        )
    if not compared:
        raise UsageError(
            f"runs {a.name} and {b.name} have fewer than 2 scored questions with the same gold in common: compare runs "
            "of one gold set and split"
        )
    adjusted = holm({measure: result.p for measure, (_, result) in compared.items()})
    return RunComparison(
        a=a.name,
        b=b.name,
        n=len(everything),
        only_a=tuple(id for id in scored_a.rows if id not in scored_b.rows),
        only_b=tuple(id for id in scored_b.rows if id not in scored_a.rows),
        failed_a=tuple(row.id for row in scored_a.failed),
        failed_b=tuple(row.id for row in scored_b.failed),
        changed_gold=tuple(id for id in questions if id in changed),
        too_few=tuple(too_few),
        measures=tuple(
            MeasureComparison(
                measure,
                result,
                adjusted[measure],
                _worst_losses(ids, values_a[measure], values_b[measure], questions)[:worst],
            )
            for measure, (ids, result) in compared.items()
        ),
        differs=header_differences(a.header, b.header),
    )


def _same_gold(a: GoldQuestion, b: GoldQuestion) -> bool:
    return (dict(a.gold), a.spans, a.answerable) == (dict(b.gold), b.spans, b.answerable)


def _worst_losses(
    ids: Sequence[str], a: Mapping[str, float], b: Mapping[str, float], questions: Mapping[str, GoldQuestion]
) -> tuple[QuestionDelta, ...]:
    lost = [QuestionDelta(id, questions[id].text, a[id], b[id]) for id in ids if b[id] < a[id]]
    return tuple(sorted(lost, key=lambda delta: (delta.b - delta.a, delta.id)))
