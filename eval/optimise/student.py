"""The program as an optimizer sees it: it never raises, its demos stay short, and every verdict is logged."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import dspy

from ...programs.answer import Answer
from ...programs.artifact.save import predictors_of
from ...programs.predictor import nearest_demos
from ...programs.program import GroundedProgram
from ...retrieval.errors import QuincunxError
from ..runs.answer_run import program_fingerprint
from .demo_leaks import LeakFilter, cap_demos
from .metric import Metric, Verdict

SHOWN = ("question", "answered", "refusal", "output", "dropped", "passages")
"""Of an answer, what an optimizer may put into a prompt: SIMBA puts all of two answers into one."""


class ShownAnswer(Answer):
    """An answer of which an optimizer shows a language model what was said and read, and not all that was searched.

    ``dict(answer)`` holds that as JSON values; attributes are those of the whole answer.
    """

    def __init__(self, whole: Answer) -> None:
        record = whole.record()
        super().__init__(**{name: record[name] for name in SHOWN})
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole, name)


class Student(dspy.Module):
    """A program whose failures are values: a prediction with ``code`` and ``message`` in place of an answer."""

    teaches = False
    """Whether its answers become demos: then DSPy's trace, which demos are made of, holds what stood the check. What the
    language model wrote beside it would teach what the check takes out. Of a refusal it holds nothing: demos without a claim
    teach a small model to decline whatever it is asked."""

    def __init__(self, program: GroundedProgram, log: TrialLog) -> None:
        super().__init__()
        self.program = program
        self.log = log

    def forward(self, **inputs: Any) -> dspy.Prediction:
        self.log.filter_demos(self.program)
        state = self.log.register(self.program)
        try:
            answer = self.program(**inputs)
            prediction: dspy.Prediction = ShownAnswer(answer)
            if self.teaches:
                self._trace_checked(answer)
        except QuincunxError as error:
            prediction = dspy.Prediction(code=error.code, message=str(error))
        prediction._quincunx_state = state
        return prediction

    def _trace_checked(self, answer: Answer) -> None:
        trace: list[Any] = dspy.settings.trace or []
        if not answer.answered:
            trace.clear()
        trace[:] = [entry for entry in trace if not self._is_unused(entry, answer)]
        field = self.program.spec.output_field
        for at, (predictor, inputs, said) in enumerate(trace):
            if predictor is self.program.predict:
                trace[at] = (
                    predictor,
                    inputs,
                    dspy.Prediction(**{**dict(said.items()), field: answer.output}),
                )

    def _is_unused(self, entry: Any, answer: Answer) -> bool:
        """Whether an entry of a trace is a rephrased question that was not searched for."""
        predictor, _, said = entry
        if predictor is not self.program.rephrase:
            return False
        rephrased = " ".join(str(said.standalone).split())
        return not rephrased or not answer.searched[0].startswith(rephrased)


def make_student(program: GroundedProgram, log: TrialLog) -> Student:
    """Return a copy of a program as a student, which asks the language model of the run."""
    copied: GroundedProgram = program.deepcopy()
    copied.set_lm(None)  # an optimizer may have left its own in it, which asks no more
    return Student(copied, log)


@dataclass
class TriedProgram:
    """One state of the program that the optimizer tried."""

    state: str
    """`program_fingerprint` of it."""
    program: GroundedProgram
    scores: dict[str, float] = field(default_factory=dict)
    """By id of a dev question."""
    failed: set[str] = field(default_factory=set)
    """Ids of the dev questions that it failed on."""

    @property
    def mean(self) -> float:
        """Mean of the scores so far."""
        return fmean(self.scores.values())


class TrialLog:
    """The states of a program that were tried, and their scores on the dev questions.

    Safe to share across threads; deepcopy returns self.
    """

    def __init__(self, dev: Sequence[str], leak_filter: LeakFilter, on_answer: Callable[[], None]) -> None:
        """``dev``: ids of the dev questions; ``on_answer`` is called before every answer."""
        self.dev = tuple(dev)
        self.tried: dict[str, TriedProgram] = {}
        self.evaluations = 0
        """Calls of the program in all, those on the train questions too."""
        self._current: set[str] = set()
        """The states that the search of now tried."""
        self._leak_filter = leak_filter
        self._on_answer = on_answer
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: object) -> TrialLog:
        return self

    def begin(self) -> None:
        """Begin another search: `best` chooses from what it tries."""
        with self._lock:
            self._current.clear()

    def filter_demos(self, program: GroundedProgram) -> None:
        """Take out of a program's demos what leaks a dev or test question, and what is too long."""
        for _, predictor in predictors_of(program):
            predictor.demos = cap_demos(
                self._leak_filter.apply(predictor.demos), shown=nearest_demos(predictor)
            )

    def leaks(self, trace: Sequence[tuple[Any, Any, Any]]) -> bool:
        """Whether a demo that is made of a trace of DSPy would be left out."""
        demos = [dspy.Example(**{**inputs, **dict(said.items())}) for _, inputs, said in trace]
        with self._lock:
            return len(self._leak_filter.apply(demos)) < len(demos)

    def register(self, program: GroundedProgram) -> str:
        """Register the state of a program that is about to answer, and return its fingerprint."""
        state = program_fingerprint(program)
        with self._lock:
            self._on_answer()
            self.evaluations += 1
            self._current.add(state)
            if state not in self.tried:
                self.tried[state] = TriedProgram(state, program.deepcopy())
        return state

    def record(self, id: str, state: str, verdict: Verdict) -> None:
        """Record the verdict on an answer to a dev question; verdicts on other questions are passed over."""
        if id not in self.dev or state not in self.tried:
            return
        with self._lock:
            tried = self.tried[state]
            tried.scores[id] = float(verdict.score)
            tried.failed.discard(id)
            if verdict.failed:
                tried.failed.add(id)

    @property
    def complete(self) -> list[TriedProgram]:
        """The states that were tried on every dev question, in the order in which they were registered."""
        with self._lock:
            return [tried for tried in self.tried.values() if len(tried.scores) == len(self.dev)]

    def best(self) -> TriedProgram | None:
        """Return the best of those that the search of now tried, the earliest of equals; ``None`` where there is none."""
        current = [tried for tried in self.complete if tried.state in self._current]
        return max(current, key=lambda tried: tried.mean, default=None)

    def curve(self) -> list[dict[str, Any]]:
        """Return the score of each complete state, as JSON values."""
        return [
            {"state": tried.state[:12], "dev": tried.mean, "failed": len(tried.failed)}
            for tried in self.complete
        ]


@dataclass(frozen=True)
class LoggingMetric:
    """A metric whose verdicts are recorded in the log."""

    metric: Metric
    log: TrialLog

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: object = None,
    ) -> Verdict:
        """Judge an answer; one with a ``trace`` is to become a demo, and is not good enough where that teaches nothing or leaks."""
        pred = dspy.Prediction() if pred is None else pred
        verdict = self.metric(gold, pred, trace, pred_name, pred_trace)
        self.log.record(gold.gold_id, getattr(pred, "_quincunx_state", ""), verdict)
        if verdict and trace is not None and (not trace or self.log.leaks(trace)):
            verdict.threshold = math.inf  # so that the search for demos goes on to another
        return verdict
