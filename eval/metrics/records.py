"""What the page of an evaluation run shows.

Measures are 0 to 1 unless their name says otherwise, higher is better; ranks count from 1; times are seconds.
``None`` stands for what was not measured, never 0. Numbers must be finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

Kind = Literal["retrieval", "answers"]
Status = Literal["ok", "failed"]

PASSAGE = {"passage": True}
"""Marks a field that holds a passage's id: the page keeps its number among `Report.passages` instead."""


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval, over how many questions, and how many were left out because they failed."""

    mean: float | None
    """``None`` where nothing could be averaged."""
    low: float | None
    high: float | None
    n: int
    failed: int = 0

    def __post_init__(self) -> None:
        require_finite("a mean and its interval", self.mean, self.low, self.high)


@dataclass(frozen=True)
class Counts:
    """What became of the questions; attempted = scored + failed. Skipped ones were never attempted."""

    attempted: int
    scored: int
    failed: int
    skipped: int


@dataclass(frozen=True)
class FunnelStep:
    """How many of n questions came as far as this step."""

    name: str
    """In words, such as ``in the 20``."""
    count: int
    n: int
    """Questions for which the step can be told."""


@dataclass(frozen=True)
class StageRow:
    """The means of one stage of retrieval."""

    stage: str
    cells: tuple[Mean, ...]
    """Aligned with `Report.measures`."""


@dataclass(frozen=True)
class ComparisonRecord:
    """Two systems on the same questions, paired."""

    baseline: str
    """What is compared against, such as ``fused`` or the name of another run."""
    stage: str
    measure: str
    difference: float
    """Stage minus baseline: above 0 the stage is better."""
    low: float
    high: float
    """Ends of the 95 % interval of the difference."""
    p: float | None
    holm_p: float | None
    """p after Holm's correction over the declared family."""
    wins: int
    ties: int
    losses: int
    verdict: str
    """In words, such as ``better`` or ``n=6 cannot tell``."""

    def __post_init__(self) -> None:
        require_finite("a comparison", self.difference, self.low, self.high, self.p, self.holm_p)


@dataclass(frozen=True)
class Refusals:
    """The 2 × 2 of questions: can the corpus answer it, and did the program refuse?"""

    answerable_answered: int
    answerable_refused: int
    unanswerable_answered: int
    unanswerable_refused: int

    @classmethod
    def of(cls, counts: Mapping[tuple[bool, bool], int]) -> Self:
        """Return the 2 × 2 of counts by whether a question can be answered, and whether it was."""
        cells = ((True, True), (True, False), (False, True), (False, False))
        return cls(*(counts.get(cell, 0) for cell in cells))


@dataclass(frozen=True)
class CheckRecord:
    """What was checked about a program's answers, as a share of them."""

    program: str
    name: str
    value: Mean


@dataclass(frozen=True)
class OutcomeRecord(CheckRecord):
    """What became of a program's questions."""

    count: int


@dataclass(frozen=True)
class PassageRecord:
    """A text that some question met; it stands once in the page."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class Gold:
    """What answers a question."""

    id: str = field(metadata=PASSAGE)
    """A passage's id, or the name of a document or span; only a passage's text can be shown."""
    grade: int


@dataclass(frozen=True)
class LostGold:
    """Gold that did not come into the given passages, and why."""

    id: str = field(metadata=PASSAGE)
    ranks: tuple[int | None, ...]
    """Its rank at each of `Report.stages`; ``None`` where the stage did not return it."""
    displaced_by: str | None = field(metadata=PASSAGE)
    """The passage that stands in its place."""
    diagnosis: str
    advice: str


@dataclass(frozen=True)
class CandidateRecord:
    """One of the passages that the search found; see `retrieval.passages.Candidate` for the ranks."""

    passage: str = field(metadata=PASSAGE)
    dense_rank: int | None
    lexical_rank: int | None
    fused_rank: int | None
    rerank_rank: int | None
    final_rank: int | None
    """The program is given the candidates whose final rank is at most `Report.given`."""
    grade: int = 0
    """0 where it is not gold."""


@dataclass(frozen=True)
class CitationRecord:
    """A passage that the answer names, with the words it takes from there."""

    passage: str = field(metadata=PASSAGE)
    quote: str


@dataclass(frozen=True)
class DroppedRecord:
    """One part of the model's answer that the check took out."""

    where: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Judgement:
    """What a language model said of the answer."""

    judge: str
    verdict: str
    """``yes``, ``no``, or the code of what failed."""
    reason: str


@dataclass(frozen=True)
class CheckValue:
    """What one check gives one answer."""

    name: str
    value: float


@dataclass(frozen=True)
class LossCount:
    """How much gold was lost for one reason, and what to do about it."""

    diagnosis: str
    gold: int
    questions: int
    advice: str


@dataclass(frozen=True)
class RefusalReason:
    """Why questions were declined, and how many."""

    reason: str
    rightly: int
    wrongly: int
    """Of those that the corpus answers."""


@dataclass(frozen=True)
class RuleCount:
    """How much a rule of the check took out of what a model said."""

    rule: str
    parts: int
    answers: int
    """Questions in whose answer it took something out."""


@dataclass(frozen=True)
class AnswerRecord:
    """What the program said after the check."""

    lines: tuple[str, ...]
    """Prose, one paragraph a line, or entries, one a line; empty for a refusal."""
    refusal: str = ""
    """Why nothing was answered; empty where something was."""
    citations: tuple[CitationRecord, ...] = ()
    dropped: tuple[DroppedRecord, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    checks: tuple[CheckValue, ...] = ()
    """Those that apply to it."""


@dataclass(frozen=True)
class QuestionRecord:
    """One question and all that became of it."""

    id: str
    text: str
    split: str
    kind: str
    """The kind of question, such as ``lookup``."""
    program: str
    """Empty where only retrieval was run."""
    status: Status
    error_code: str = ""
    error: str = ""
    """Why it failed."""
    answerable: bool = True
    refused: bool | None = None
    """``None`` where no program answered."""
    values: tuple[tuple[float | None, ...], ...] = ()
    """Stage × measure, aligned with `Report.stages` and `Report.measures`; empty where nothing was scored."""
    delta: float | None = None
    """The primary measure at the second of `Report.delta_stages` minus the first: below 0 the reranker lost."""
    seconds: tuple[float | None, ...] = ()
    """Aligned with `Report.timed`; empty where nothing was timed."""
    reached: tuple[bool | None, ...] = ()
    """Whether it came as far as each step of `Report.funnel`; empty where not told."""
    gold: tuple[Gold, ...] = ()
    lost: tuple[LostGold, ...] = ()
    candidates: tuple[CandidateRecord, ...] = ()
    answer: AnswerRecord | None = None
    reference: str = ""
    """The answer that the gold set has; empty where it has none."""

    def __post_init__(self) -> None:
        values = (value for row in self.values for value in row)
        require_finite(f"question {self.id!r}", *values, self.delta, *self.seconds)


@dataclass(frozen=True)
class Report:
    """An evaluation run."""

    name: str
    kind: Kind
    facts: tuple[tuple[str, str], ...]
    """Name and value in the order shown: commit, gold set, split, index, models, settings, seed."""
    counts: Counts
    funnel: tuple[FunnelStep, ...]
    stages: tuple[str, ...]
    measures: tuple[str, ...]
    table: tuple[StageRow, ...]
    primary: str
    """The measure declared in advance, one of `measures`."""
    questions: tuple[QuestionRecord, ...]
    passages: tuple[PassageRecord, ...]
    comparisons: tuple[ComparisonRecord, ...] = ()
    delta_stages: tuple[str, str] = ("fused", "final")
    """Without and with the reranker: what `QuestionRecord.delta` compares."""
    timed: tuple[str, ...] = ()
    """The stages that are timed; their sum is a question's time."""
    given: int = 5
    """How many passages a program is given."""
    refusals: Refusals | None = None
    """Only where kind is ``answers``."""
    refusal_reasons: tuple[RefusalReason, ...] = ()
    """The commonest first."""
    dropped: tuple[RuleCount, ...] = ()
    """What the check took out; the commonest rule first."""
    checks: tuple[CheckRecord, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know first, such as a run that was cut off, or an n that cannot tell."""
    outcomes: tuple[OutcomeRecord, ...] = ()
    """Shares of all questions, of runs of answers alone."""
    right_rule: str = ""
    """By what an answer counts as right."""
    losses: tuple[LossCount, ...] = ()
    """Why gold is not among the passages given; the commonest reason first."""

    def __post_init__(self) -> None:
        require("primary", self.primary, "one of measures", self.primary in self.measures)
        for row in self.table:
            require(f"cells of stage {row.stage!r}", len(row.cells), "one a measure", self._fits(row.cells))
        ids = {passage.id for passage in self.passages}
        require("passages", len(self.passages), "each id once", len(ids) == len(self.passages))
        seen: set[str] = set()
        for question in self.questions:
            name = f"question {question.id!r}"
            require(name, question.id, "an id of its own", question.id not in seen)
            seen.add(question.id)
            rows, times, steps = len(question.values), len(question.seconds), len(question.reached)
            require(f"values of {name}", rows, "one row a stage, or none", rows in (0, len(self.stages)))
            for values in question.values:
                require(f"values of {name}", len(values), "one a measure", self._fits(values))
            require(f"seconds of {name}", times, "one a timed stage, or none", times in (0, len(self.timed)))
            require(f"reached of {name}", steps, "one a funnel step, or none", steps in (0, len(self.funnel)))
            for lost in question.lost:
                fits = len(lost.ranks) == len(self.stages)
                require(f"ranks of lost gold {lost.id!r} of {name}", len(lost.ranks), "one a stage", fits)

    def _fits(self, values: tuple[object, ...]) -> bool:
        return len(values) == len(self.measures)


def require(what: str, value: object, bound: str, holds: bool) -> None:
    """Refuse a report whose parts do not fit together.

    Raises:
        ValueError: it does not hold.
    """
    if not holds:
        raise ValueError(f"report: {what} must be {bound}, got {value!r}")


def require_finite(what: str, *values: float | None) -> None:
    """Refuse NaN and infinity, which a page can neither hold nor show; what was not measured is ``None``."""
    for value in values:
        require(f"numbers of {what}", value, "finite, or None", value is None or math.isfinite(value))
