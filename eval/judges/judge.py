"""LM judges: whether an answer is grounded in what it cites, and whether it helps; asked without answering
anew.

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
from ...signatures.conversation import Turn
from ...signatures.judging import CitedClaim, JudgeGroundedness, JudgeHelpfulness
from ..goldsets.goldset import GoldQuestion
from ..runs.answer_run import plain_settings
from ..runs.folder import fingerprint
from ..runs.ledger import Row, RunLedger
from ..runs.runner import ExampleResult, RowWatch, no_watch, run_examples
from .scores import answered_rows

LONGEST_REASON = 500
"""Characters of a reason that are kept."""
MOST_REPEATS = 100

Inputs = Callable[[GoldQuestion, Mapping[str, Any], Mapping[str, Passage]], dict[str, Any]]
"""What a judge is given: made of a question, its row's record and the passages by id."""


@dataclass(frozen=True)
class Judge:
    """Who judges, and by what; made by `judge`."""

    kind: str
    """``groundedness`` or ``helpfulness``."""
    model: str
    settings: Mapping[str, Any]
    instructions: str
    """sha256 of the instructions and the fields that the judge is told."""
    lm: dspy.BaseLM = field(compare=False, repr=False)
    predict: dspy.Predict = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """What its judgements are filed under; another model, setting or instruction is another name."""
        settings = ",".join(f"{name}={value}" for name, value in sorted(self.settings.items()))
        return f"{self.kind}:{self.model}:{settings}:{self.instructions[:12]}"

    def judgement(
        self, question: GoldQuestion, record: Mapping[str, Any], passages: Mapping[str, Passage]
    ) -> dict[str, Any]:
        """Judge one answer; raises `RunError` for one that cannot be judged, else as `ask` does."""
        inputs = KINDS[self.kind][1](question, record, passages)
        prediction, usage = ask(f"the {self.kind} judge", self.predict, self.lm, inputs)
        if not isinstance(prediction.verdict, bool):
            raise ModelOutputError(f"the {self.kind} judge left out its verdict: take another model")
        reason = " ".join(restore(str(prediction.reason or "")).split())
        return {
            "verdict": prediction.verdict,
            "reason": reason.encode(errors="replace").decode()[:LONGEST_REASON],
            "usage": asdict(usage),
        }


def judge(kind: str, lm: dspy.BaseLM) -> Judge:
    """Return a judge; its temperature is 0 unless ``lm`` sets one, and no cache answers for it.

    Raises `UsageError` for a kind that is not there, and for the extractive engine, which cannot judge.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of judge {kind!r}; known: {', '.join(KINDS)}")
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
    return Judge(
        kind, str(lm.model), plain_settings(lm.kwargs), fingerprint(prompt), lm, dspy.Predict(signature)
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

    Raises `UsageError` for a run without answers, `BoundError` for ``repeats`` or ``workers`` out of range.
    """
    if not 1 <= repeats <= MOST_REPEATS:
        raise BoundError(f"repeats must be from 1 to {MOST_REPEATS} (got {repeats})")
    answers = answered_rows(run)
    if retry_failed:
        run.forget_failed_judgements(by.name)
    passages, questions = run.passages(), {question.id: question for question in run.questions()}
    sheet = _JudgementStore(run, by.name, [questions[id] for id in answers], repeats)

    def work(unit: GoldQuestion) -> ExampleResult:
        id, _ = sheet.units[unit.id]
        return ExampleResult(by.judgement(questions[id], answers[id].record, passages))

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
        "answer": neutralise("\n".join(output_lines(record["output"]))),
    }


KINDS: Mapping[str, tuple[type[dspy.Signature], Inputs]] = {
    "groundedness": (JudgeGroundedness, _groundedness_inputs),
    "helpfulness": (JudgeHelpfulness, _helpfulness_inputs),
}
