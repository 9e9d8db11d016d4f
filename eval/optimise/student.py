"""The program as an optimizer sees it: it never raises, its demos stay short, and every verdict is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import dspy

from ...programs.artifact.save import predictors_of
from ...programs.program import GroundedProgram
from ...retrieval.errors import QuincunxError
from ..runs.answer_run import program_fingerprint
from .demo_leaks import LeakFilter, cap_demos
from .metric import Metric, Verdict


class Student(dspy.Module):
    """A program whose failures are values: a prediction with ``code`` and ``message`` in place of an answer."""

    def __init__(self, program: GroundedProgram, notebook: TrialLog) -> None:
        super().__init__()
        self.program = program
        self.notebook = notebook

    def forward(self, **inputs: Any) -> dspy.Prediction:
        self.notebook.tidy(self.program)
        state = self.notebook.meet(self.program)
        try:
            prediction: dspy.Prediction = self.program(**inputs)
        except QuincunxError as error:
            prediction = dspy.Prediction(code=error.code, message=str(error))
        prediction._quincunx_state = state
        return prediction


@dataclass
class TriedProgram:
    """One state of the program that the optimizer tried."""

    state: str
    """`answers.program_fingerprint` of it."""
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
    """What the states of a program came to on the dev questions; shared by all copies of the student."""

    def __init__(self, dev: Sequence[str], giveaways: LeakFilter, told: Callable[[], None]) -> None:
        """``dev``: ids of the dev questions; ``told`` is called before every answer."""
        self.dev = tuple(dev)
        self.tried: dict[str, TriedProgram] = {}
        self.evaluations = 0
        """Calls of the program in all, those on the train questions too."""
        self._met: set[str] = set()
        self._giveaways = giveaways
        self._told = told

    def __deepcopy__(self, memo: object) -> TrialLog:
        return self

    def begin(self) -> None:
        """Begin another search: `best` is to be of what it meets."""
        self._met.clear()

    def tidy(self, program: GroundedProgram) -> None:
        """Take out of a program's demos what gives away a dev or test question, and what is too long."""
        for _, predictor in predictors_of(program):
            predictor.demos = cap_demos(self._giveaways.without(predictor.demos))

    def meet(self, program: GroundedProgram) -> str:
        """Note a state that is about to be tried, and return its fingerprint."""
        self._told()
        self.evaluations += 1
        state = program_fingerprint(program)
        self._met.add(state)
        if state not in self.tried:
            self.tried[state] = TriedProgram(state, program.deepcopy())
        return state

    def note(self, id: str, state: str, verdict: Verdict) -> None:
        """Note a verdict on an answer."""
        if id not in self.dev or state not in self.tried:
            return
        tried = self.tried[state]
        tried.scores[id] = float(verdict.score)
        tried.failed.discard(id)
        if verdict.failed:
            tried.failed.add(id)

    @property
    def whole(self) -> list[TriedProgram]:
        """The states that were tried on every dev question, in the order in which they were met."""
        return [tried for tried in self.tried.values() if len(tried.scores) == len(self.dev)]

    def best(self) -> TriedProgram | None:
        """Return the best of those that this search met, the earliest where several are; ``None`` for none of them."""
        met = [tried for tried in self.whole if tried.state in self._met]
        return max(met, key=lambda tried: tried.mean, default=None)

    def curve(self) -> list[dict[str, Any]]:
        """Return what each of them came to, as JSON values."""
        return [
            {"state": tried.state[:12], "dev": tried.mean, "failed": len(tried.failed)}
            for tried in self.whole
        ]


@dataclass(frozen=True)
class LoggingMetric:
    """A metric whose verdicts go into the notebook."""

    metric: Metric
    notebook: TrialLog

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: object = None,
        pred_name: str | None = None,
        pred_trace: object = None,
    ) -> Verdict:
        pred = dspy.Prediction() if pred is None else pred
        verdict = self.metric(gold, pred, trace, pred_name, pred_trace)
        self.notebook.note(gold.gold_id, getattr(pred, "_quincunx_state", ""), verdict)
        return verdict
