"""The optimizers by name; most are DSPy's, set so that what they will cost is known before they begin.

What they try, they try with several workers at once, and find the same with any number of them: a call is replayed by what
it asks, not by when, and what is found is read in the order of the questions. What one call needs of the one before, such as
the writing of prompts, is asked one by one.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, ClassVar

import dspy
from dspy.utils.logging_utils import DSPY_LOGGING_STREAM

from ...retrieval.errors import BoundError, MissingExtraError, RunError
from .demo_optimisers import MOST_ERRORS, Bootstrap, Knn, bootstrap_answers, drawn_demos
from .optimizer_protocol import Cost, Examples, Optimizer, OptimizerInput


@dataclass(frozen=True)
class Mipro:
    """Instructions written by a language model and sets of demos, in combinations that a surrogate model picks."""

    candidates: int = 3
    """Instructions and demo sets, at least 3."""
    demos: int = 2
    trials: int = 6

    def cost(self, train: int, dev: int) -> Cost:
        # Combinations that come up twice are not asked twice: of c² of them, t draws and the first meet about so many.
        of = self.candidates**2
        met = of * (1 - (1 - 1 / of) ** (self.trials + 1))
        taught = bootstrap_answers(train, self.demos, self.candidates - 1)
        summaries = 2 + min(9, -(-train // _MIPRO_VIEW) - 1)
        # One demo set is empty and one full, and the better ones are picked more often.
        drawn = (self.candidates - 2) * drawn_demos(self.demos)
        each = (self.demos + drawn) / (self.candidates - 1)
        return Cost(met * dev + taught, summaries + self.candidates, demos=met * dev * each, taught=taught)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        teleprompter = dspy.MIPROv2(
            metric=data.metric,
            prompt_model=data.prompt_lm,
            task_model=dspy.settings.lm,
            auto=None,
            num_candidates=self.candidates,
            max_bootstrapped_demos=self.demos,
            max_labeled_demos=0,
            num_threads=data.workers,
            max_errors=MOST_ERRORS,
            seed=data.seed + 1,  # 0 would count as none
            verbose=False,
        )
        found: dspy.Module = teleprompter.compile(
            student,
            teacher=data.teacher,
            trainset=data.shuffled_train,
            valset=list(data.dev),
            num_trials=self.trials,
            minibatch=False,
            program_aware_proposer=False,
            view_data_batch_size=_MIPRO_VIEW,
        )
        return found


@dataclass(frozen=True)
class Gepa:
    """Instructions rewritten by a language model that reads what was wrong, kept along a Pareto front."""

    proposals: int = 8
    """How often instructions are rewritten, in whole rounds of `at_once`."""
    minibatch: int = 4
    """Train questions that a rewriting reads about."""
    at_once: int = 2
    """Rewritings that are tried together, each of its own program and about its own questions."""
    demos: ClassVar[int] = 0

    def cost(self, train: int, dev: int) -> Cost:
        # A rewriting is tried on the minibatch, whose answers by what it comes from are mostly known, and on all of dev where it
        # was better there: about every fifth one.
        answers = dev + self.proposals * (self.minibatch + dev / 5)
        return Cost(answers, self.proposals, shown=self.proposals * self.minibatch)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        from gepa.strategies.proposal_sampling import IndependentSampling
        from gepa.utils import MaxCandidateProposalsStopper

        # GEPA looks whether its metric takes all five.
        def metric(
            gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None
        ) -> Any:
            return data.metric(gold, pred, None, pred_name, pred_trace)  # its traces become no demos

        teleprompter = dspy.GEPA(
            metric=metric,
            max_metric_calls=_NEVER,
            reflection_minibatch_size=min(self.minibatch, len(data.train)),
            reflection_lm=data.prompt_lm,
            # In turns, every second rewriting would be lost on a prompt that the minibatch did not use.
            component_selector="all",
            skip_perfect_score=False,
            use_merge=False,
            num_threads=data.workers,
            seed=data.seed,
            gepa_kwargs={
                "sampling_strategy": IndependentSampling(self.at_once),
                # It counts the rounds.
                "stop_callbacks": MaxCandidateProposalsStopper(-(-self.proposals // self.at_once)),
            },
        )
        found: dspy.Module = teleprompter.compile(
            student, trainset=data.shuffled_train, valset=list(data.dev)
        )
        return found


@dataclass(frozen=True)
class Simba:
    """Demos and rules from train questions that go well one time and badly another. It does not look at dev."""

    batch: int = 8
    """Train questions of a step."""
    candidates: int = 4
    steps: int = 4
    demos: int = 2

    def cost(self, train: int, dev: int) -> Cost:
        batch = min(self.batch, train)
        made = min(batch, self.candidates + 1)
        # Of the programs that are made, about half answer as another one does. Dev is asked before and after.
        tried = (
            self.steps * batch * (self.candidates + made / 2)
            + (min(self.steps, self.candidates) / 2 + 1) * train
        )
        answers = tried + 2 * dev
        # They are added step by step, and none of a refusal, so that two fifths of the most are in a prompt on average.
        # A rule is written, from two answers, where a demo is not added and the answers differ enough: about every sixth time.
        written = self.steps * made / 6
        return Cost(answers, written, demos=answers * self.demos * 2 / 5, shown=2 * written)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        student.teaches = True
        teleprompter = dspy.SIMBA(
            metric=data.metric,
            bsize=min(self.batch, len(data.train)),
            num_candidates=self.candidates,
            max_steps=self.steps,
            max_demos=self.demos,
            prompt_model=data.prompt_lm,
            num_threads=data.workers,
        )
        found: dspy.Module = teleprompter.compile(student, trainset=data.shuffled_train, seed=data.seed)
        return found


@dataclass(frozen=True)
class Chain:
    """Demos first, then instructions, by way of DSPy's BetterTogether."""

    first: Bootstrap = field(default_factory=lambda: Bootstrap(candidates=2))
    second: Gepa = Gepa(proposals=4)

    @property
    def demos(self) -> int:
        return self.first.demos

    def cost(self, train: int, dev: int) -> Cost:
        # What the second begins with was tried on dev by the first.
        second = self.second.cost(train, dev) + Cost(-dev)
        return self.first.cost(train, dev) + replace(second, demos=second.answers * self.first.demos)

    def compile(self, student: dspy.Module, data: OptimizerInput) -> dspy.Module:
        student.set_lm(dspy.settings.lm)
        steps = {
            "demos": _Step(self.first, data),
            "instructions": _Step(self.second, data),
        }
        teleprompter = dspy.BetterTogether(metric=data.metric, **steps)
        found: dspy.Module = teleprompter.compile(
            student,
            trainset=data.shuffled_train,
            valset=list(data.dev),
            num_threads=data.workers,
            max_errors=MOST_ERRORS,
            shuffle_trainset_between_steps=False,
            seed=data.seed,
            strategy="demos -> instructions",
        )
        if found.flag_compilation_error_occurred:
            raise RunError("a step of the chain failed, as the log of dspy tells; run it again to go on")
        return found


class _Step(dspy.teleprompt.Teleprompter):
    """One of our optimizers as BetterTogether calls its own."""

    def __init__(self, optimizer: Optimizer, data: OptimizerInput) -> None:
        self._optimizer, self._data = optimizer, data

    def compile(self, student: dspy.Module, *, trainset: Examples, valset: Examples, **_: Any) -> dspy.Module:
        return self._optimizer.compile(student, replace(self._data, train=trainset, dev=valset))


OPTIMIZERS: Mapping[str, Optimizer] = {
    "bootstrap": Bootstrap(),
    "knn": Knn(),
    "mipro": Mipro(),
    "gepa": Gepa(),
    "simba": Simba(),
    "chain": Chain(),
}


def require_sizes(optimizer: Optimizer) -> None:
    """Raise `BoundError` for settings with which it could not search: it would say so only after much is paid."""
    for name, value in vars(optimizer).items():
        if isinstance(value, Bootstrap | Gepa):
            require_sizes(value)
            continue
        least = {"demos": 0}.get(name, 3 if isinstance(optimizer, Mipro) and name == "candidates" else 1)
        if isinstance(value, int) and value < least:
            raise BoundError(f"{name} of {type(optimizer).__name__} must be at least {least} (got {value})")


def require_library(optimizer: Optimizer) -> None:
    """Raise `MissingExtraError` for MIPROv2 without optuna, which it asks for only after much is paid."""
    if isinstance(optimizer, Mipro) and find_spec("optuna") is None:
        raise MissingExtraError("optuna", "optimize")


_NEVER = 10**9
"""More than are asked: what bounds a run is its budget."""
_MIPRO_VIEW = 30
"""Train questions, without their passages, that a call about what they are like reads."""


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep what DSPy's optimizers print, log and draw off the terminal: progress is shown in one way for all."""
    enabled = DSPY_LOGGING_STREAM.enabled
    DSPY_LOGGING_STREAM.enabled = False
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        DSPY_LOGGING_STREAM.enabled = enabled
