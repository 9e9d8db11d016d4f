"""What the judgements of a run come to, worked out from its rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...retrieval.errors import UsageError
from ..metrics.means import mean_of
from ..runs.ledger import Row, RunLedger
from ..stats.agreement import flip_rate
from ..stats.paired import Interval


def answered_rows(run: RunLedger) -> dict[str, Row]:
    """Return the rows that hold an answer, by id; raises `UsageError` for a run that asked nothing."""
    if run.header["kind"] != "answers":
        raise UsageError(
            f"run {run.name!r} is of kind {run.header['kind']!r} and holds no answers to judge: make one with "
            "`quincunx eval answers`"
        )
    return {id: row for id, row in run.rows().items() if not row.failed and row.record["answered"]}


@dataclass(frozen=True)
class JudgeScores:
    """What a judge's judgements come to. An answer's score is the share of its verdicts that are true."""

    judge: str
    mean: Interval | None
    """Over the answers that were judged; ``None`` where none was. More is better, from 0 to 1."""
    answers: int
    """Answers of the run: refusals and failed examples left out."""
    repeats: int
    failed: Mapping[str, int]
    """Judgements that failed, by code; they are in no mean."""
    missing: int
    """Judgements not made yet."""
    flips: Interval | None
    """How often two repeats on one answer disagree, over the answers of which no repeat is missing."""
    values: Mapping[str, float]
    """Score by question id."""
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    """The judgements of each answer, by question id."""


def judge_scores(run: RunLedger, name: str) -> JudgeScores:
    """Work out what a judge's judgements come to, from the rows alone."""
    answers, found = answered_rows(run), run.judgements(name)
    records = {id: found.get(id, []) for id in answers}
    repeats = 1 + max((record["repeat"] for made in records.values() for record in made), default=0)
    verdicts_by_id = {id: verdicts for id, made in records.items() if (verdicts := verdicts_of(made))}
    values = {id: sum(verdicts) / len(verdicts) for id, verdicts in verdicts_by_id.items()}
    questions = {question.id: question for question in run.questions()}
    whole = [verdicts for verdicts in verdicts_by_id.values() if len(verdicts) == repeats]
    failed = Counter(record["code"] for made in records.values() for record in made if "code" in record)
    return JudgeScores(
        judge=name,
        mean=mean_of(list(values.values()), [questions[id] for id in values], int(run.header["seed"]))
        if values
        else None,
        answers=len(answers),
        repeats=repeats,
        failed=dict(sorted(failed.items())),
        missing=len(answers) * repeats - sum(len(made) for made in records.values()),
        flips=flip_rate(whole) if whole and repeats > 1 else None,
        values=values,
        records=records,
    )


def verdicts_of(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the verdicts, 0 or 1, of the judgements of one answer that did not fail, in their order."""
    return [int(record["verdict"]) for record in records if "verdict" in record]
