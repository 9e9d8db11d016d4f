"""The optimizers that change the demos of a prompt alone."""

from __future__ import annotations

from dataclasses import dataclass

import dspy

from ...programs.artifact.save import predictors_of
from .optimizer_protocol import Cost, OptimizerInput

MOST_ERRORS = 1
"""A `Student` does not raise, so the first error is a defect, and ends the run."""


@dataclass(frozen=True)
class Bootstrap:
    """Demos from train questions that were answered well; the best of several random choices of them."""

    demos: int = 2
    """Most demos of a predictor."""
    candidates: int = 4
    """Random choices, beside no demos and the first that were good."""

    def cost(self, train: int, dev: int) -> Cost:
        # Of the random choices about every second is one that was tried before, and known.
        drawn = self.candidates / 2
        taught = bootstrap_answers(train, self.demos, self.candidates + 1)
        demos = (self.demos + drawn * drawn_demos(self.demos)) * dev
        return Cost((2 + drawn) * dev + taught, demos=demos, taught=taught)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        teleprompter = dspy.BootstrapFewShotWithRandomSearch(
            metric=data.metric,
            max_bootstrapped_demos=self.demos,
            max_labeled_demos=0,
            max_rounds=1,
            num_candidate_programs=self.candidates,
            num_threads=data.workers,
            max_errors=MOST_ERRORS,
        )
        found: dspy.Module = teleprompter.compile(
            student, teacher=data.teacher, trainset=data.shuffled_train, valset=list(data.dev)
        )
        return found


@dataclass(frozen=True)
class FewShot:
    """The first train questions that were answered well become demos: the usual baseline. Dev is not looked at."""

    demos: int = 2

    def cost(self, train: int, dev: int) -> Cost:
        taught = bootstrap_answers(train, self.demos, 1)
        return Cost(taught, taught=taught)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        teleprompter = dspy.BootstrapFewShot(
            metric=data.metric,
            max_bootstrapped_demos=self.demos,
            max_labeled_demos=0,
            max_rounds=1,
            max_errors=MOST_ERRORS,
        )
        found: dspy.Module = teleprompter.compile(student, teacher=data.teacher, trainset=data.shuffled_train)
        return found


@dataclass(frozen=True)
class Knn:
    """All train questions that were answered well become demos; a prompt shows those nearest to the question.

    DSPy's KNNFewShot answers the nearest train questions anew for each question; here each is answered once, beforehand.
    It does not look at dev.
    """

    demos: int = 2
    """That a prompt shows."""
    pool: int = 64
    """Most demos that the program holds."""

    def cost(self, train: int, dev: int) -> Cost:
        taught = bootstrap_answers(train, self.pool, 1)
        # Dev is asked before and after.
        return Cost(taught + 2 * dev, demos=self.demos * dev, taught=taught)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        found = FewShot(self.pool).compile(student, data)
        for _, predictor in predictors_of(found):
            if predictor.demos:
                predictor.nearest_demos = self.demos
        return found


def bootstrap_answers(train: int, demos: int, times: int) -> float:
    """Return about how many train questions are answered to find demos, when every second answer is good enough."""
    most = min(train, 2.0 * demos)
    return train * (1 - (1 - most / train) ** times) if train else 0.0


def drawn_demos(most: int) -> float:
    """Return how many demos are drawn on average, 1 or more."""
    return (1 + most) / 2
