"""What calls, traces and artifacts need of a program, so that none of them needs the program itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import dspy

if TYPE_CHECKING:
    from .budget import Budget
    from .prompt.rules import Cites
    from .spec import ProgramSpec


class ProgramParts(Protocol):
    """The parts of a program; `GroundedProgram` has them."""

    name: str
    retriever: Any
    """The `Retriever` that it searches with."""
    spec: ProgramSpec
    predict: dspy.Predict
    rephrase: dspy.Predict | None
    """Makes the question self-contained, where a conversation went before it; ``None`` leaves it as it is."""
    decompose: dspy.Predict | None
    """Splits the question into several queries; ``None`` where it never is."""
    budget: Budget
    adapter: dspy.Adapter | None

    @property
    def cites(self) -> Cites: ...

    @property
    def queries(self) -> int: ...
    @queries.setter
    def queries(self, most: int) -> None: ...

    def named_sub_modules(self, type_: type, skip_compiled: bool) -> Any: ...
