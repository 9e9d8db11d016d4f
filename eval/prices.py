"""What language models cost, by the table that ships with litellm, which DSPy asks them through.

Nothing is fetched: the table is as old as the installed version of litellm, which is told with every price of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from math import inf
from typing import Any

from ..retrieval.errors import BoundError

_TABLE = "litellm/model_prices_and_context_window_backup.json"
_WRITING = ("chat", "completion", "responses")
"""Modes of models that write."""


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float
    source: str = "as given"

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not 0 <= getattr(self, name) < inf:
                raise BoundError(f"price of {name} must be at least 0 dollars (got {getattr(self, name)})")

    def of(self, input: int, output: int) -> float:
        """Return the price of so many tokens, in dollars."""
        return (input * self.input + output * self.output) / 1e6

    def __str__(self) -> str:
        return f"${self.input:g} in, ${self.output:g} out per million tokens ({self.source})"


def known_price(model: str) -> Price | None:
    """Return the price of a language model by its name, as `quincunx.lm` takes it; ``None`` for one that the table has not.

    Example:
        >>> from quincunx.eval.prices import known_price
        >>> price = known_price("openai/gpt-4o-mini")
        >>> price.input, price.output
        (0.15, 0.6)
        >>> known_price("openai/a-model-of-ours") is None
        True
    """
    version, table = _table()
    provider, _, name = model.partition("/")
    row = table.get(model)
    if row is None and table.get(name, {}).get("litellm_provider") == provider:
        row = table[name]
    into, out = ((row or {}).get(f"{way}_cost_per_token") for way in ("input", "output"))
    if row is None or row.get("mode") not in _WRITING or into is None or out is None:
        return None
    return Price(round(1e6 * into, 6), round(1e6 * out, 6), source=f"litellm {version}")


@cache
def _table() -> tuple[str, Mapping[str, dict[str, Any]]]:
    """Return the version of litellm, and its rows by model; none where it is not installed."""
    try:
        installed = metadata.distribution("litellm")
    except metadata.PackageNotFoundError:
        return "", {}
    path = next((file.locate() for file in installed.files or () if file.as_posix() == _TABLE), None)
    if path is None:
        return installed.version, {}
    with open(path, encoding="utf-8") as file:
        return installed.version, json.load(file)
