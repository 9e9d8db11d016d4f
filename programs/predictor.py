"""A predictor that keeps the language model it was given."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any, Self

import dspy

from ..retrieval.errors import BoundError


class Predictor(dspy.Predict):
    """`dspy.Predict` whose language model is a setting of the app, like its index: no optimizer or file changes it.

    DSPy counts the model among what is learnt: ``reset`` and ``load_state`` drop it, and a saved state names it with
    its address. Here it stays through both, copies share it, and no state holds it.
    """

    _nearest_demos: int | None = None

    @property
    def nearest_demos(self) -> int | None:
        """How many of its demos a prompt shows, at least 1: those nearest to what is asked; ``None``: all of them."""
        return self._nearest_demos

    @nearest_demos.setter
    def nearest_demos(self, most: int | None) -> None:
        if most is not None and not (type(most) is int and most >= 1):
            raise BoundError(
                f"nearest_demos must be a whole number of at least 1, or None for all (got {most!r})"
            )
        self._nearest_demos = most

    def reset(self) -> None:
        """Forget the demos and traces, and keep the language model."""
        kept = getattr(self, "lm", None)
        super().reset()
        self.lm, self.nearest_demos = kept, None

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """Return what was learnt, without the language model."""
        bare = copy(self)
        bare.lm = None
        state: dict[str, Any] = super(Predictor, bare).dump_state(json_mode)
        return state if self.nearest_demos is None else {**state, "nearest_demos": self.nearest_demos}

    def load_state(self, state: dict[str, Any], *, allow_unsafe_lm_state: bool = False) -> Self:
        """Take over what another learnt, but not its language model."""
        kept = self.lm
        super().load_state(
            {"nearest_demos": None, **state, "lm": None}, allow_unsafe_lm_state=allow_unsafe_lm_state
        )
        self.lm = kept
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy what is learnt; the model, with its connections and its count of what it spent, is shared."""
        if self.lm is not None:
            memo[id(self.lm)] = self.lm
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(deepcopy(self.__getstate__(), memo))
        return twin


def nearest_demos(predictor: dspy.Predict) -> int | None:
    """Return how many demos a prompt of any predictor shows; ``None``: all of them."""
    most: int | None = getattr(predictor, "nearest_demos", None)
    return most
