"""LM judges: whether an answer is grounded in what it cites, whether it helps or meets a criterion, and which of two answers is
better; asked without answering anew.

A judge is pinned by its name: kind, model, settings and the sha256 of its prompt. Its judgements are
rows of the run, one for each answer and repeat, committed as they come: killed, the same call goes on with
the others. A refusal is not judged; a judgement that failed keeps its error's code and is in no mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import dspy

from ...programs.artifact.fields import form
from ...programs.call.predict import ask, require_writer
from ...programs.call.steps import evidence
from ...programs.check.quotes import neutralise, restore
from ...programs.prompt.citing import neutralised
from ...programs.said import claims_of, output_lines
from ...retrieval.errors import BoundError, ModelOutputError, RunError, UsageError
from ...retrieval.passages import Passage
from ...retrieval.storage.home import NAME
from ...signatures.conversation import Turn
from ...signatures.judging import (
    CitedClaim,
    JudgeGroundedness,
    JudgeHelpfulness,
    JudgePreference,
    JudgeRubric,
)
from ..goldsets.goldset import GoldQuestion
from ..runs.answer_run import plain_settings
from ..runs.folder import fingerprint
from ..runs.ledger import Row, RunLedger
from ..runs.runner import ExampleResult, RowWatch, no_watch, run_examples
from .scores import answered_rows

LONGEST_REASON = 500
"""Characters of a reason that are kept."""
MOST_REPEATS = 100

Passages = Mapping[str, Passage]
Inputs = Callable[[GoldQuestion, Mapping[str, Any], Passages], dict[str, Any]]
"""What a judge is given: made of a question, its row's record and the passages by id."""


@dataclass(frozen=True)
class Criterion:
    """What an answer is to meet, for a judge of the kind ``rubric``."""

    name: str
    """Letters, digits, dashes and underscores."""
    text: str
    """Such as ``The answer names a price and its currency.``"""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or not self.text.strip():
            raise UsageError(
                f"a criterion has a name of letters, digits, dots, dashes or underscores and a text (got {self.name!r} and "
                f"{self.text[:60]!r})"
            )


@dataclass(frozen=True)
class Rival:
    """The answers of another run to the same questions, for a judge of the kind ``preference``."""

    run: str
    """Its name."""
    answers: Mapping[str, str]
    """What was answered, by question id; refusals are left out."""

    @classmethod
    def of(cls, run: RunLedger) -> Rival:
        """Return the answers of a run; raises `UsageError` for a run that asked nothing."""
        return cls(run.name, {id: _said(row.record) for id, row in answered_rows(run).items()})


@dataclass(frozen=True)
class Judge:
    """Who judges, and by what; made by `judge`."""

    kind: str
    """One of `KINDS`."""
    model: str
    settings: Mapping[str, Any]
    instructions: str
    """sha256 of the instructions and the fields that the judge is told."""
    lm: dspy.BaseLM = field(compare=False, repr=False)
    predict: dspy.Predict = field(compare=False, repr=False)
    criterion: Criterion | None = None
    rival: Rival | None = field(default=None, compare=False, repr=False)

    @property
    def subject(self) -> str:
        """What it judges: its kind, with the name of its criterion or of the other run."""
        of = self.criterion.name if self.criterion else self.rival.run if self.rival else ""
        return f"{self.kind} {of}".strip()

    @property
    def name(self) -> str:
        """What its judgements are filed under; another model, setting or instruction is another name."""
        settings = ",".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return f"{self.subject}:{self.model}:{settings}:{self.instructions[:12]}"

    def judgement(
        self, question: GoldQuestion, record: Mapping[str, Any], passages: Passages, repeat: int = 0
    ) -> dict[str, Any]:
        """Judge one answer; raises `RunError` for one that cannot be judged, else as `ask` does.

        A preference puts the answer first where ``repeat`` is even, and the other's where it is odd.
        """
        inputs, own_first = KINDS[self.kind][1](question, record, passages), repeat % 2 == 0
        if self.criterion is not None:
            inputs["criterion"] = self.criterion.text
        if self.rival is not None:
            if question.id not in self.rival.answers:
                raise RunError(
                    f"run {self.rival.run!r} has no answer to {question.id!r}: there is nothing to prefer"
                )
            answers = [inputs.pop("answer"), neutralise(self.rival.answers[question.id])]
            inputs["first"], inputs["second"] = answers if own_first else reversed(answers)
        prediction, usage = ask(f"the {self.kind} judge", self.predict, self.lm, inputs)
        if self.rival is None:
            verdict = prediction.verdict
        else:
            verdict = {"first": own_first, "second": not own_first}.get(prediction.better)
        if not isinstance(verdict, bool):
            raise ModelOutputError(f"the {self.kind} judge left out its verdict: take another model")
        reason = " ".join(restore(str(prediction.reason or "")).split())
        return {
            "verdict": verdict,
            "reason": reason.encode(errors="replace").decode()[:LONGEST_REASON],
            "usage": asdict(usage),
        }


def judge(
    kind: str, lm: dspy.BaseLM, *, criterion: Criterion | None = None, rival: Rival | None = None
) -> Judge:
    """Return a judge; its temperature is 0 unless ``lm`` sets one, and no cache answers for it.

    Args:
        kind: one of `KINDS`.
        lm: the model that judges.
        criterion: what answers are to meet; for ``rubric``, and for no other.
        rival: the answers that those of the run are held against; for ``preference``, and for no other.

    Raises:
        UsageError: a kind that is not there, or without what it needs; the extractive engine, which cannot judge.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of judge {kind!r}; known: {', '.join(KINDS)}")
    if (kind == "rubric", kind == "preference") != (criterion is not None, rival is not None):
        raise UsageError(
            f"a judge of the kind {kind!r} with criterion {criterion!r:.80} and rival {getattr(rival, 'run', None)!r}: rubric needs "
            "a criterion, preference the other run, and no other kind takes them"
        )
    require_writer(lm, "judge")
    if lm.kwargs.get("temperature") is None:
        lm = lm.copy(temperature=0.0)
    # A cached reply repeated is no second judgement, and would hide that the judge wavers.
    lm = lm.copy(cache=False)
    signature = KINDS[kind][0]
    prompt = {
        "instructions": signature.instructions,
        "fields": {
            name: [form(info.annotation), info.json_schema_extra["desc"]]
            for name, info in signature.fields.items()
        },
    }
    if criterion is not None:
        prompt["criterion"] = criterion.text
    if rival is not None:
        prompt["rival"] = dict(rival.answers)
    predict = dspy.Predict(signature)
    return Judge(
        kind, str(lm.model), plain_settings(lm.kwargs), fingerprint(prompt), lm, predict, criterion, rival
    )


def judge_run(
    run: RunLedger,
    by: Judge,
    *,
    repeats: int = 1,
    workers: int = 1,
    retry_failed: bool = False,
    watch: RowWatch = no_watch,
) -> None:
    """Judge every answer of a run of answers that this judge has not judged ``repeats`` times yet.

    ``run`` is one opened by `RunLedger.reopen`. Judgements that failed stay failed unless ``retry_failed``. The first
    repeat of all answers is made before the second of any. Otherwise as `run_examples`.

    A preference is asked for twice in each repeat, so that each answer stands first once.

    Raises `UsageError` for a run without answers, `BoundError` for ``repeats`` or ``workers`` out of range.
    """
    if not 1 <= repeats <= MOST_REPEATS:
        raise BoundError(f"repeats must be from 1 to {MOST_REPEATS} (got {repeats})")
    answers = answered_rows(run)
    if retry_failed:
        run.forget_failed_judgements(by.name)
    passages, questions = run.passages(), {question.id: question for question in run.questions()}
    times = repeats if by.rival is None else 2 * repeats
    sheet = _JudgementStore(run, by.name, [questions[id] for id in answers], times)

    def work(unit: GoldQuestion) -> ExampleResult:
        id, repeat = sheet.units[unit.id]
        return ExampleResult(by.judgement(questions[id], answers[id].record, passages, repeat))

    run_examples(sheet, work, workers=workers, watch=watch)


class _JudgementStore:
    """The judgements of one judge, as `run_examples` fills rows: one example for each answer and repeat."""

    def __init__(self, run: RunLedger, name: str, questions: Sequence[GoldQuestion], repeats: int) -> None:
        self._run, self._name = run, name
        self._questions = [
            replace(question, id=f"{repeat} {question.id}")
            for repeat in range(repeats)
            for question in questions
        ]
        ids = [question.id for question in questions] * repeats
        self.units = {
            unit.id: (id, place // len(questions))
            for place, (unit, id) in enumerate(zip(self._questions, ids, strict=True))
        }
        """Question id and repeat by the id of a unit."""

    def questions(self) -> list[GoldQuestion]:
        return self._questions

    def done(self) -> set[str]:
        found = self._run.judgements(self._name)
        made = {(id, record["repeat"]) for id, records in found.items() for record in records}
        return {unit for unit, place in self.units.items() if place in made}

    def add(self, row: Row, passages: Sequence[Passage] = ()) -> None:
        id, repeat = self.units[row.id]
        outcome = {"code": row.code, "message": row.message} if row.failed else row.record
        self._run.judge(id, self._name, repeat, {"repeat": repeat, **outcome, "seconds": row.seconds})


def _groundedness_inputs(
    question: GoldQuestion, record: Mapping[str, Any], passages: Mapping[str, Passage]
) -> dict[str, Any]:
    claims = [
        (str(claim["text"]), list(dict.fromkeys(c["passage_id"] for c in claim["citations"])))
        for claim in claims_of(record["output"])
    ]
    cited = dict.fromkeys(id for _, ids in claims for id in ids)
    if not cited or not cited.keys() <= passages.keys():
        lost = ", ".join(id for id in cited if id not in passages) or "every citation"
        raise RunError(f"the answer to {question.id!r} lacks {lost} in this run: ask it again into a new run")
    return {
        "claims": [
            CitedClaim(claim=neutralise(text), cites=[neutralise(id) for id in ids]) for text, ids in claims
        ],
        "passages": neutralised([evidence(passages[id]) for id in cited]),
    }


def _helpfulness_inputs(
    question: GoldQuestion, record: Mapping[str, Any], passages: Mapping[str, Passage]
) -> dict[str, Any]:
    return {
        "history": [
            Turn(question=neutralise(turn["question"]), answer=neutralise(turn["answer"]))
            for turn in question.history
        ],
        "question": neutralise(question.text),
        "reference": neutralise(question.answer),
        "answer": neutralise(_said(record)),
    }


def _said(record: Mapping[str, Any]) -> str:
    return "\n".join(output_lines(record["output"]))


KINDS: Mapping[str, tuple[type[dspy.Signature], Inputs]] = {
    "groundedness": (JudgeGroundedness, _groundedness_inputs),
    "helpfulness": (JudgeHelpfulness, _helpfulness_inputs),
    "rubric": (JudgeRubric, _helpfulness_inputs),
    "preference": (JudgePreference, _helpfulness_inputs),
}
