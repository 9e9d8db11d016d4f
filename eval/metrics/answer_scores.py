"""What the answers of a run are worth, from its rows alone.

Unanswerable questions are in the 2 × 2 of refusals and in the four outcomes, and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...programs.call.steps import SEARCHED_FOR
from ...programs.registry import program_spec
from ...programs.said import output_lines
from ..runs.ledger import RunLedger
from ..stats.paired import Interval
from . import records as data
from .answer_checks import check_answer
from .means import mean_of
from .run_scores import RunScores

OUTCOMES = ("answered rightly", "answered wrongly", "declined rightly", "declined wrongly")
"""What a question may come to. An answer is right by the rule of its program, where the corpus holds one, see
`ProgramSpec.right`."""
WITHOUT_REFERENCES = ("citation_recall", 0.5)
"""By what an answer counts as right where its program goes by reference answers and the gold set has none."""


Reached = Mapping[str, tuple[bool | None, ...]]
"""By question id, whether each of its gold units was cited; ``None`` for one that does not count."""


@dataclass(frozen=True)
class CheckMean:
    """The mean of one check."""

    program: str
    name: str
    mean: Interval


@dataclass(frozen=True)
class OutcomeShare:
    """How many questions came to one of `OUTCOMES`."""

    name: str
    count: int
    share: Interval
    """Of all that did not fail."""


@dataclass(frozen=True)
class AnswerScores:
    """The checks of all answers."""

    program: str
    right: tuple[str, float]
    """By which check, and from which value on, an answer counts as right."""
    values: Mapping[str, Mapping[str, float]]
    """Value by check by question id; a check that does not apply is absent."""
    checks: tuple[CheckMean, ...]
    refusals: data.Refusals
    outcomes: tuple[OutcomeShare, ...]
    """Of all questions, answerable or not; empty where none was answered or declined."""
    steps: tuple[data.FunnelStep, ...]
    """Of the funnel, after the passages."""
    tokens: Mapping[str, int]
    """``input`` and ``output``, as the language model reported them; absent where it did not."""
    lm_calls: int
    reached: Reached
    """Whether a question, by its id, came as far as each of the steps; ``None`` where that does not apply."""
    _scored: RunScores

    @property
    def right_rule(self) -> str:
        """By what an answer counts as right, such as ``reference_stated of 1``."""
        return _rule_words(self.right)

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return {
            "checks": {check.name: asdict(check.mean) for check in self.checks},
            "refusals": asdict(self.refusals),
            "outcomes": {outcome.name: asdict(outcome.share) for outcome in self.outcomes},
            "lm_calls": self.lm_calls,
            "tokens": dict(self.tokens),
            "values": self.values,
        }

    def shown(self, id: str) -> data.AnswerRecord | None:
        """Return an answer as the page shows it; ``None`` for a failure."""
        record = self._scored.rows[id].record
        if not record:
            return None
        return data.AnswerRecord(
            lines=tuple(output_lines(record["output"])),
            refusal=record["refusal"] or "",
            citations=tuple(data.CitationRecord(c["passage_id"], c["quote"]) for c in record["citations"]),
            dropped=tuple(data.DroppedRecord(d["where"], d["rule"], d["reason"]) for d in record["dropped"]),
            checks=tuple(data.CheckValue(*check) for check in self.values.get(id, {}).items()),
        )

    def dropped(self) -> tuple[data.RuleCount, ...]:
        """Return what the check took out by rule, the commonest first."""
        rules = [
            [part["rule"] for part in row.record["dropped"]]
            for row in self._scored.rows.values()
            if not row.failed
        ]
        parts, answers = (
            Counter(rule for found in rules for rule in each(found)) for each in (list[str], set[str])
        )
        return tuple(data.RuleCount(rule, count, answers[rule]) for rule, count in parts.most_common())

    def refusal_reasons(self) -> tuple[data.RefusalReason, ...]:
        """Return why questions were declined, the commonest reason first."""
        counts = Counter(
            ((row.record["refusal"] or "").partition(SEARCHED_FOR)[0], self._scored.questions[id].answerable)
            for id, row in self._scored.rows.items()
            if not row.failed and not row.record["answered"]
        )
        found = [
            data.RefusalReason(reason, counts[reason, False], counts[reason, True])
            for reason in {reason for reason, _ in counts}
        ]
        return tuple(sorted(found, key=lambda each: (-each.rightly - each.wrongly, each.reason)))


def score_answers(run: RunLedger, scored: RunScores, seed: int) -> AnswerScores:
    """Check every answer of a run."""
    program = str(run.header["program"])
    values = {
        id: check_answer(program, scored.questions[id], row.record, scored.passages)
        for id, row in scored.rows.items()
        if not row.failed and scored.questions[id].answerable
    }
    names = dict.fromkeys(name for checks in values.values() for name in checks)
    right = program_spec(program).right
    if right[0] == "reference_stated" and not any(question.answer for question in scored.questions.values()):
        right = WITHOUT_REFERENCES
    reached = {id: _steps_reached(right, scored, values, id) for id in scored.rows}
    return AnswerScores(
        program=program,
        right=right,
        values=values,
        checks=tuple(CheckMean(program, name, _mean(program, scored, values, name, seed)) for name in names),
        refusals=_refusals(scored),
        outcomes=_outcomes(scored, reached, seed),
        steps=_steps(right, scored, reached),
        tokens=_tokens(scored),
        lm_calls=sum(row.record["usage"]["lm_calls"] for row in scored.rows.values() if not row.failed),
        reached=reached,
        _scored=scored,
    )


def _mean(
    program: str, scored: RunScores, values: Mapping[str, Mapping[str, float]], name: str, seed: int
) -> Interval:
    ids = [id for id in values if name in values[id]]
    questions = [scored.questions[id] for id in ids]
    return mean_of([values[id][name] for id in ids], questions, seed, _least(program, name))


def _least(program: str, name: str) -> float:
    measure = program_spec(program).measures.get(name)
    return 0.0 if measure is None else measure.least


def _refusals(scored: RunScores) -> data.Refusals:
    counts = Counter(
        (scored.questions[id].answerable, bool(row.record["answered"]))
        for id, row in scored.rows.items()
        if not row.failed
    )
    return data.Refusals.of(counts)


def _outcomes(scored: RunScores, reached: Reached, seed: int) -> tuple[OutcomeShare, ...]:
    came_to = {}
    for id, row in scored.rows.items():
        if row.failed:
            continue
        answered, right = bool(row.record["answered"]), scored.questions[id].answerable
        if answered and right:
            stands = reached[id][1]
            if stands is None:
                continue  # its rule does not apply to this question
            right = stands
        came_to[id] = OUTCOMES[0 if right else 1] if answered else OUTCOMES[3 if right else 2]
    if not came_to:
        return ()
    questions = [scored.questions[id] for id in came_to]
    found = []
    for name in OUTCOMES:
        hits = [float(outcome == name) for outcome in came_to.values()]
        found.append(OutcomeShare(name, int(sum(hits)), mean_of(hits, questions, seed)))
    return tuple(found)


def _rule_words(right: tuple[str, float]) -> str:
    check, least = right
    return f"{check} of {least:g}" if least >= 1 else f"{check} of {least:g} or more"


def _steps(right: tuple[str, float], scored: RunScores, reached: Reached) -> tuple[data.FunnelStep, ...]:
    each = [reached[id] for id in scored.scored]
    return tuple(
        data.FunnelStep(
            name, sum(bool(steps[place]) for steps in each), sum(steps[place] is not None for steps in each)
        )
        for place, name in enumerate(("gold is cited", _rule_words(right)))
    )


def _steps_reached(
    right: tuple[str, float], scored: RunScores, values: Mapping[str, Mapping[str, float]], id: str
) -> tuple[bool | None, ...]:
    row, question = scored.rows[id], scored.questions[id]
    if row.failed:
        return (None, None)
    if not question.answerable:
        return (None, not row.record["answered"])
    check, least = right
    cites = {scored.passages[c["passage_id"]].document_id for c in row.record["citations"]}
    value = values[id].get(check)
    return (not cites.isdisjoint(question.gold), None if value is None else value >= least)


def _tokens(scored: RunScores) -> dict[str, int]:
    found = {}
    for name in ("input", "output"):
        counts = [row.record["usage"][f"{name}_tokens"] for row in scored.rows.values() if not row.failed]
        if any(count is not None for count in counts):
            found[name] = sum(count or 0 for count in counts)
    return found
