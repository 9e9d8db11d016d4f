"""What one call may spend, and counting what it does spend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dspy
from dspy.utils.usage_tracker import UsageTracker

from ..retrieval.errors import BoundError, BudgetExceededError, DeadlineExceededError


@dataclass(frozen=True)
class Budget:
    """The most that one call of a program may spend; ``None`` is no bound.

    Nothing is begun once a bound is reached. A reply that passes ``tokens`` is still used, for it is paid for.
    After ``seconds`` the call ends, and a language model that can be cancelled is.

    Raises:
        BoundError: a bound that is not over 0.

    Example:
        >>> program = quincunx.load("chat_bridge", budget=quincunx.Budget(lm_calls=3, seconds=60))
        >>> program(question="What is Sage Daily?").usage.lm_calls
        1
        >>> quincunx.Budget(tokens=0)
        Traceback (most recent call last):
        quincunx.retrieval.errors.BoundError: tokens must be a whole number of at least 1, or None (got 0)
    """

    lm_calls: int | None = None
    """Calls of the language model, those for a reply of the wrong form among them; at least 1. What an engine or DSPy
    itself tries again after an error of the server is one call."""
    tokens: int | None = None
    """Tokens of prompts and replies together, as the language model reports them; at least 1."""
    seconds: float | None = None
    """Wall time, over 0."""

    def __post_init__(self) -> None:
        for name, least in (("lm_calls", 1), ("tokens", 1)):
            value = getattr(self, name)
            if value is not None and not (type(value) is int and value >= least):
                raise BoundError(
                    f"{name} must be a whole number of at least {least}, or None (got {value!r})"
                )
        seconds = self.seconds
        if seconds is not None and not (type(seconds) in (int, float) and 0 < seconds < float("inf")):
            raise BoundError(f"seconds must be over 0 and finite, or None (got {self.seconds!r})")


@dataclass(frozen=True)
class Usage:
    """What one call of a program spent on the language model."""

    lm_calls: int
    cached: int
    """How many of them were answered from DSPy's cache, which costs nothing."""
    input_tokens: int | None
    """``None`` when the model reported none; cached calls count as nothing."""
    output_tokens: int | None


class Meter(UsageTracker):
    """Counts one call of a program, and refuses what its budget does not hold."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget = budget
        self.begun = time.monotonic()
        self.lm_calls = 0
        self._failed = 0
        self._paid = 0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline, below 0 after it; ``None`` without one."""
        if self.budget.seconds is None:
            return None
        return self.begun + self.budget.seconds - time.monotonic()

    def require_time(self) -> None:
        """Raise `DeadlineExceededError` after the deadline."""
        left = self.seconds_left
        if left is not None and left <= 0:
            raise self.deadline_error()

    def deadline_error(self) -> DeadlineExceededError:
        """Return the error for a deadline that passed."""
        return DeadlineExceededError(
            f"the call did not end within its {self.budget.seconds:g} s: allow more seconds, or take a faster model"
        )

    def count_call(self) -> None:
        """Count a call of the language model that is about to be made."""
        self.require_time()
        most, spent = self.budget.lm_calls, self._tokens()
        if most is not None and self.lm_calls >= most:
            raise BudgetExceededError(
                f"{self.lm_calls} calls of the language model were made, and the budget is lm_calls={most}: raise it"
            )
        if self.budget.tokens is not None and spent >= self.budget.tokens:
            raise BudgetExceededError(
                f"{spent} tokens were used, and the budget is tokens={self.budget.tokens}: raise it"
            )
        self.lm_calls += 1

    def count_failure(self) -> None:
        """Count a call that brought no reply."""
        self._failed += 1

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """What DSPy calls after each reply that did not come from its cache."""
        self._paid += 1
        super().add_usage(lm, usage_entry)

    @property
    def usage(self) -> Usage:
        """What was spent so far."""
        return Usage(
            self.lm_calls,
            max(0, self.lm_calls - self._failed - self._paid),
            self._sum("prompt_tokens"),
            self._sum("completion_tokens"),
        )

    def _tokens(self) -> int:
        return (self._sum("prompt_tokens") or 0) + (self._sum("completion_tokens") or 0)

    def _sum(self, name: str) -> int | None:
        counted = [entry.get(name) for entries in self.usage_data.values() for entry in entries]
        known = [count for count in counted if isinstance(count, int)]
        return sum(known) if known else None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what DSPy reports inside the block; a tracker of the app's own sees it as well."""
        outer = dspy.settings.usage_tracker
        with dspy.context(usage_tracker=self):
            try:
                yield
            finally:
                if outer is not None:
                    for lm, entries in self.usage_data.items():
                        outer.usage_data[lm].extend(entries)
