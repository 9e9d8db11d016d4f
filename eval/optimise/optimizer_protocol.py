"""What every optimizer is: it says what it will cost, and makes a program better."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Protocol

import dspy

Examples = Sequence[dspy.Example]
MetricFunction = Callable[..., Any]
"""A metric as DSPy's optimizers call it."""


@dataclass(frozen=True)
class Cost:
    """What an optimizer is expected to ask."""

    answers: float
    """Answers of the program that are not known yet; each takes one call of the language model or more."""
    prompts: float = 0
    """Calls that write prompts."""
    demos: float = 0
    """Demos in the prompts of the answers, all together."""
    shown: float = 0
    """Questions, each with all of its passages, in the calls that write prompts, all together."""
    taught: float = 0
    """Of the answers, those that are to become demos."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def times(self, times: int) -> Cost:
        """Return what it takes several times."""
        return Cost(*(times * value for value in astuple(self)))


@dataclass(frozen=True)
class OptimizerInput:
    """What an optimizer learns from."""

    train: Examples
    dev: Examples
    metric: MetricFunction
    prompt_lm: dspy.LM
    seed: int
    workers: int = 1
    """How many questions are asked at once."""
    teacher: dspy.Module | None = None
    """Whose answers become demos; ``None`` for the student as it is."""

    @property
    def shuffled_train(self) -> list[dspy.Example]:
        """The train questions in an order drawn from the seed."""
        shuffled = list(self.train)
        random.Random(self.seed).shuffle(shuffled)
        return shuffled


class Optimizer(Protocol):
    """Makes a program better on the train questions, and chooses by the dev questions."""

    @property
    def demos(self) -> int:
        """Most demos of a predictor of the program that is found."""
        ...

    def cost(self, train: int, dev: int) -> Cost:
        """Return what so many questions are expected to cost."""
        ...

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        """Return the better program; the language model that answers is the one in ``dspy.context``."""
        ...
