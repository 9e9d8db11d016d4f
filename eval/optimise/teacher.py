"""The program whose answers to train questions become demos; it answers several of them before they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import dspy

from ...programs.program import GroundedProgram
from ..runs.threads import map_in_threads
from .student import Student, TrialLog

Inputs = Mapping[str, Any]


class Teacher(Student):
    """A `Student` that DSPy's search for demos asks one train question after the other.

    With several workers it answers the next ones too, whichever it was not asked yet: the ledger keeps those answers, and
    they are there when the search comes to them. At most all train questions are answered so.
    """

    teaches = True

    def __init__(
        self, program: GroundedProgram, log: TrialLog, ahead: AnswersAhead, lm: dspy.LM | None
    ) -> None:
        """``lm``: the language model that it asks; the student's if ``None``."""
        super().__init__(program, log)
        self.ahead, self._asked = ahead, lm

    def forward(self, **inputs: Any) -> dspy.Prediction:
        with dspy.context(lm=self._asked or dspy.settings.lm):
            ahead = self.ahead.take(inputs)
            if len(ahead) > 1:
                with dspy.context(trace=[]):  # what is answered ahead is no part of this answer's trace
                    map_in_threads(self._answer, ahead, len(ahead))
            return super().forward(**inputs)

    def _answer(self, inputs: Inputs) -> None:
        super().forward(**inputs)


class AnswersAhead:
    """The train questions that were not answered yet; deepcopy returns self."""

    def __init__(self, train: Sequence[dspy.Example], workers: int) -> None:
        self._waiting = {repr(example.inputs().toDict()): example.inputs().toDict() for example in train}
        self._workers = workers
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> AnswersAhead:
        return self

    def order(self, train: Sequence[dspy.Example]) -> None:
        """Let those of these questions that wait be answered in their order."""
        with self._lock:
            keys = [repr(example.inputs().toDict()) for example in train]
            self._waiting = {key: self._waiting[key] for key in keys if key in self._waiting}

    def take(self, inputs: Inputs) -> list[Inputs]:
        """Return what is to be answered now that one question is asked: nothing where that one was answered before."""
        with self._lock:
            asked = self._waiting.pop(repr(dict(inputs)), None)
            if asked is None:
                return []
            others = list(self._waiting)[: self._workers - 1]
            return [asked, *(self._waiting.pop(other) for other in others)]
