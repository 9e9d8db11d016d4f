"""One metric for every optimizer: a score, and in words what was wrong.

    metric = Metric("chat_bridge", gold)              # the parts and weights that suit the program
    metric = Metric("chat_bridge", gold, {"citation_recall": 2, "overlap": 1}, threshold=0.7)

It is called as DSPy's optimizers call theirs, ``metric(example, prediction, trace, pred_name, pred_trace)``, and what
it returns is a `Verdict`: a number for those that compare, true or false for those that pick demos, and feedback for
those that reflect.

An answer is worth nothing where it cites no gold document, however well it keeps to the rules and whatever it says:
where gold is dealt out at random, no manners can gain anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dspy

from ...programs.answer import Answer
from ...programs.registry import program_spec
from ...programs.spec import GENERIC_PARTS
from ...retrieval.errors import BoundError
from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from ..metrics.answer_checks import check_answer
from ..runs.answer_run import answer_record

THRESHOLD = 0.6
"""Score from which on a verdict is true, so that an answer may become a demo."""


class Verdict(dspy.Prediction):
    """What one answer is worth. ``float(verdict)`` is its score, ``bool(verdict)`` whether that is high enough."""

    score: float
    """0 to 1; 0 for a failure, which is told apart by ``failed``."""
    feedback: str
    """What was missed or wrong, and at which stage."""
    parts: dict[str, float]
    """Value by part; those that do not apply are left out."""
    threshold: float
    failed: str | None
    """The code of the error, where there is no answer."""
    answered: bool
    """False for a refusal, and where there is no answer."""

    def __bool__(self) -> bool:
        return bool(self.score >= self.threshold)


@dataclass(frozen=True)
class Target:
    """A question, and the passages of the index that hold its gold."""

    question: GoldQuestion
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class Metric:
    """Judges the answers of one program; safe to share across threads."""

    program: str
    targets: Mapping[str, Target]
    """By question id, which an example has as ``gold_id``."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By part, one of `GENERIC_PARTS` or of the program's own measures; those of its `ProgramSpec` where left out."""
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        spec = program_spec(self.program)
        if not self.weights:
            object.__setattr__(self, "weights", dict(spec.metric))
        parts = [*GENERIC_PARTS, *spec.measures]
        unknown = [name for name in self.weights if name not in parts]
        if unknown:
            raise BoundError(f"unknown part of a metric {unknown[0]!r}; known: {', '.join(parts)}")
        if min(self.weights.values()) < 0 or not sum(self.weights.values()) > 0:
            raise BoundError(f"weights must be at least 0 and not all 0 (got {dict(self.weights)})")
        if not 0 <= self.threshold <= 1:
            raise BoundError(f"threshold must be from 0 to 1 (got {self.threshold})")

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction,
        trace: object = None,
        pred_name: str | None = None,
        pred_trace: object = None,
    ) -> Verdict:
        """Judge an answer; a prediction that is no `Answer` is a failure, and says which by its ``code``."""
        if not isinstance(pred, Answer):
            code = str(pred.get("code", "no_answer"))
            return self._verdict(0.0, f"The call failed: {pred.get('message', code)}", {}, failed=code)
        target = self.targets[gold.gold_id]
        question = target.question
        if not question.answerable:
            if not pred.answered:
                return self._verdict(1.0, "Rightly refused: nothing in the corpus answers this.", {})
            words = "The corpus holds no answer to this question, so the right reply was a refusal."
            return self._verdict(0.0, words, {}, answered=True)
        passages = {passage.id: passage for passage in [*pred.passages, *target.passages]}
        values = check_answer(self.program, question, answer_record(pred), passages)
        values["kept"] = 1 / (1 + len(pred.dropped))
        parts = {name: values[name] for name in self.weights if name in values}
        if not pred.answered:
            # Parts that only answers have must not be forgiven to a refusal.
            parts = {name: parts.get(name, 0.0) for name in self.weights if name != "kept"} | {"kept": 0.0}
        weight = sum(self.weights.get(name, 0.0) for name in parts)
        score = 0.0
        if weight and _cited(pred) & question.gold.keys():
            score = sum(self.weights.get(name, 0.0) * value for name, value in parts.items()) / weight
        return self._verdict(score, feedback(pred, target), parts, answered=pred.answered)

    def _verdict(
        self,
        score: float,
        words: str,
        parts: dict[str, float],
        failed: str | None = None,
        answered: bool = False,
    ) -> Verdict:
        return Verdict(
            score=score,
            feedback=words,
            parts=parts,
            threshold=self.threshold,
            failed=failed,
            answered=answered,
        )


def feedback(answer: Answer, target: Target) -> str:
    """Return in words what an answer to an answerable question missed, stage by stage, and what the check took out."""
    lines = [_document_outcome(answer, target, document) for document in sorted(target.question.best)]
    if not answer.answered:
        given = {passage.document_id for passage in answer.passages}
        if given & set(target.question.gold):
            lines.append("It refused although a passage that it was given answers the question.")
        else:
            lines.append("It refused; no passage that it was given answers the question.")
    wrong = {
        c.passage_id for c in answer.citations if _document(answer, c.passage_id) not in target.question.gold
    }
    lines += [f"It cites {id}, which does not answer the question." for id in sorted(wrong)]
    lines += [
        f"Taken out by the check at {dropped.where}: {dropped.reason} ({dropped.rule})."
        for dropped in answer.dropped
    ]
    if target.question.answer:
        lines.append(f"A right answer: {target.question.answer}")
    return "\n".join(lines)


def _document_outcome(answer: Answer, target: Target, document: str) -> str:
    """Return how far a document of the best gold came."""
    if document in _cited(answer):
        return f"Gold {document} was found and cited."
    if document in {passage.document_id for passage in answer.passages}:
        return f"Gold {document} was among the passages given, but was not cited."
    ranks = [c.final_rank for c in answer.candidates if c.passage.document_id == document]
    if ranks:
        return f"Gold {document} was found at rank {min(filter(None, ranks))}, below the passages given."
    if not any(passage.document_id == document for passage in target.passages):
        return f"Gold {document} is not in the index."
    return f"Gold {document} was not found by the search."


def _cited(answer: Answer) -> set[str | None]:
    """Return the documents that an answer cites; ``None`` stands for a passage that it was not given."""
    return {_document(answer, citation.passage_id) for citation in answer.citations}


def _document(answer: Answer, passage_id: str) -> str | None:
    return next((p.document_id for p in answer.passages if p.id == passage_id), None)


def example_of(question: GoldQuestion, inputs: Mapping[str, Any]) -> dspy.Example:
    """Return a question as optimizers take it; ``inputs`` are those of the program's call."""
    return dspy.Example(**inputs, gold_id=question.id).with_inputs(*inputs)
