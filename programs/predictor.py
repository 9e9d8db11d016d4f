"""A predictor that keeps the language model it was given."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any, Self

import dspy


class Predictor(dspy.Predict):
    """`dspy.Predict` whose language model is a setting of the app, like its index: no optimizer or file changes it.

    DSPy counts the model among what is learnt: ``reset`` and ``load_state`` drop it, and a saved state names it with
    its address. Here it stays through both, copies share it, and no state holds it.
    """

    def reset(self) -> None:
        """Forget the demos and traces, and keep the language model."""
        kept = getattr(self, "lm", None)
        super().reset()
        self.lm = kept

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """Return what was learnt, without the language model."""
        bare = copy(self)
        bare.lm = None
        state: dict[str, Any] = super(Predictor, bare).dump_state(json_mode)
        return state

    def load_state(self, state: dict[str, Any], *, allow_unsafe_lm_state: bool = False) -> Self:
        """Take over what another learnt, but not its language model."""
        kept = self.lm
        super().load_state({**state, "lm": None}, allow_unsafe_lm_state=allow_unsafe_lm_state)
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
