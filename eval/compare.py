"""Two runs held against each other on the same questions, and a gate that fails only on what is certain.

A question that only one run has, or that failed in either, is in no mean: it is named instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..retrieval.errors import BoundError, UsageError
from .goldsets.goldset import GoldQuestion
from .metrics.answer_scores import score_answers
from .metrics.means import cluster_labels
from .metrics.run_scores import RunScores, score_run
from .runs.ledger import RunLedger
from .stats.paired import Comparison, compare_paired, holm

GateVerdict = Literal["holds", "worse", "cannot tell", "too many failures"]
EXIT_STATUS: Mapping[GateVerdict, int] = {"holds": 0, "worse": 1, "cannot tell": 3, "too many failures": 4}


@dataclass(frozen=True)
class QuestionDelta:
    """One question on which two runs differ."""

    id: str
    text: str
    a: float
    b: float


@dataclass(frozen=True)
class MeasureComparison:
    """Two runs in one measure, b against a."""

    measure: str
    result: Comparison
    holm_p: float
    """p after Holm's correction over all measures compared."""
    worst: tuple[QuestionDelta, ...]
    """Questions on which b lost, the greatest loss first."""

    @property
    def superscripts(self) -> tuple[str, str]:
        """Letters as ranx prints them: the run that is better by the corrected test bears the other's letter."""
        if self.holm_p >= self.result.alpha or not self.result.difference:
            return "", ""
        return ("", "a") if self.result.difference > 0 else ("b", "")


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
    measures: tuple[MeasureComparison, ...]


@dataclass(frozen=True)
class Gate:
    """Whether a run may pass."""

    verdict: GateVerdict
    reason: str
    measured: MeasureComparison | None

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.verdict]


def values_of(run: RunLedger, scored: RunScores) -> dict[str, dict[str, float]]:
    """Return every value of a run by measure by question id: the final order's measures, and the answers' checks."""
    found: dict[str, dict[str, float]] = {}
    for id, values in scored.values["final"].items():
        for measure, value in values.items():
            found.setdefault(measure, {})[id] = value
    if run.header["kind"] == "answers":
        for id, told in score_answers(run, scored, int(run.header["seed"])).values.items():
            for name, value in told.items():
                found.setdefault(name, {})[id] = value
    return found


def compare(
    a: RunLedger, b: RunLedger, measures: Sequence[str] | None = None, *, worst: int = 10
) -> RunComparison:
    """Compare two runs in the measures that both have, or in those named.

    Raises:
        UsageError: no question is in both, or a measure is in neither.
    """
    scored_a, scored_b = score_run(a), score_run(b)
    mine, theirs = values_of(a, scored_a), values_of(b, scored_b)
    questions = scored_a.questions
    changed = {
        id
        for id, question in questions.items()
        if id in scored_b.questions and not _same_gold(question, scored_b.questions[id])
    }
    known = [measure for measure in mine if measure in theirs]
    for measure in measures or ():
        if measure not in known:
            raise UsageError(f"measure {measure!r} is not in both runs; known: {', '.join(known)}")
    compared = {}
    seed = int(a.header["seed"])
    everything: set[str] = set()
    for measure in measures or known:
        ids = [id for id in mine[measure] if id in theirs[measure] and id not in changed]
        if len(ids) < 2:
            continue
        everything |= set(ids)
        compared[measure] = (
            ids,
            compare_paired(
                [mine[measure][id] for id in ids],
                [theirs[measure][id] for id in ids],
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
        measures=tuple(
            MeasureComparison(
                measure,
                result,
                adjusted[measure],
                _worst_losses(ids, mine[measure], theirs[measure], questions)[:worst],
            )
            for measure, (ids, result) in compared.items()
        ),
    )


def gate(
    run: RunLedger, against: RunLedger, measure: str, *, min_effect: float = 0.0, max_failed: float = 0.02
) -> Gate:
    """Say whether a run is worse than another in one measure, declared in advance.

    ``holds``: it is no worse, or by less than ``min_effect`` for certain. ``worse``: it is, by the test and by at least
    ``min_effect``. ``cannot tell``: the interval allows for a loss of ``min_effect`` or more, and n does not settle it.
    ``too many failures``: more than ``max_failed`` of either run's examples failed or are missing, so nothing is judged.

    Raises:
        BoundError: ``min_effect`` or ``max_failed`` outside 0 to 1. UsageError: see `compare`.
    """
    for name, value in (("min_effect", min_effect), ("max_failed", max_failed)):
        if not 0 <= value <= 1:
            raise BoundError(f"{name} must be from 0 to 1 (got {value})")
    for judged in (run, against):
        total, rows = len(judged.questions()), judged.rows()
        failed, missing = sum(row.failed for row in rows.values()), total - len(rows)
        if failed + missing > max_failed * total:
            reason = (
                f"{failed} of {total} examples of {judged.name} failed and {missing} are missing, more than "
                f"{max_failed:.0%}: nothing is judged"
            )
            return Gate("too many failures", reason, None)
    measured = compare(against, run, [measure]).measures[0]
    result = measured.result
    told = f"{measure} {result.mean_a:.3f} → {result.mean_b:.3f}, difference {result.difference:+.3f} [{result.low:+.3f}, {result.high:+.3f}], n={result.n}"
    if result.outcome == "worse" and -result.difference >= min_effect:
        return Gate("worse", f"{told}, p={result.p:.3g}", measured)
    if result.low >= -min_effect or not result.losses or result.outcome == "better":
        return Gate("holds", told, measured)
    return Gate("cannot tell", f"{told}: {result.verdict}", measured)


def _same_gold(a: GoldQuestion, b: GoldQuestion) -> bool:
    return (dict(a.gold), a.spans, a.answerable) == (dict(b.gold), b.spans, b.answerable)


def _worst_losses(
    ids: Sequence[str], a: Mapping[str, float], b: Mapping[str, float], questions: Mapping[str, GoldQuestion]
) -> tuple[QuestionDelta, ...]:
    lost = [QuestionDelta(id, questions[id].text, a[id], b[id]) for id in ids if b[id] < a[id]]
    return tuple(sorted(lost, key=lambda delta: (delta.b - delta.a, delta.id)))
