"""What an optimisation may spend, what it costs, and what it has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...retrieval.errors import BoundError, UsageError
from ..prices import Price

ROLES = ("task", "prompt")
"""What language models are asked for: answers, and prompts."""


@dataclass(frozen=True)
class Caps:
    """The most that a whole optimisation may spend; ``None`` is no bound."""

    calls: int | None = None
    tokens: int | None = None
    """Of prompts and replies; the call that passes it is the last, and those that other workers had begun."""
    usd: float | None = None
    """As ``tokens``; needs prices."""

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BoundError(f"budget of {name} must be over 0 (got {value}): leave it out for no bound")

    def require_prices(self, prices: Mapping[str, Price]) -> None:
        """Raise `UsageError` where the prices of a language model are missing: what it takes would count as nothing."""
        if (prices or self.usd is not None) and set(prices) != set(ROLES):
            bound = "" if self.usd is None else f"a budget of {self.usd} dollars "
            raise UsageError(
                f"{bound}needs the prices of both language models, {' and '.join(ROLES)}, per million tokens in and out "
                f"(got {', '.join(prices) or 'none'}): give those that the table of known prices has not".strip()
            )


@dataclass
class Spent:
    """What was spent, replayed calls left out of ``made`` alone."""

    calls: int = 0
    """All rows: those made now and those that earlier processes made."""
    made: int = 0
    """By this process."""
    replayed: int = 0
    failed: int = 0
    """Of the calls."""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """``None`` without prices."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without what depends on how often the run was interrupted."""
        return {name: value for name, value in asdict(self).items() if name not in ("made", "replayed")}
