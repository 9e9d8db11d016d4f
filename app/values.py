"""Reading what an option holds as text: numbers joined by commas, NAME=VALUE pairs, files of turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..retrieval.errors import BoundError, UsageError

Number = TypeVar("Number", int, float)


def program_inputs(pairs: Sequence[str], history: Path | None) -> dict[str, Any]:
    """Return a program's inputs beside its question, from ``NAME=TEXT`` and a JSON file of turns."""
    inputs: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip() or name.strip() in ("question", "history", "budget"):
            raise UsageError(
                f"--with needs NAME=TEXT, the name of one of the program's further inputs (got {pair!r})"
            )
        inputs[name.strip()] = text
    if history is not None:
        try:
            inputs["history"] = json.loads(history.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"--history: {history} cannot be read as a JSON file ({error})") from error
        if not isinstance(inputs["history"], list):
            raise UsageError(f"--history: {history} must hold a list of turns")
    return inputs


def token_prices(prices: str | None, option: str = "--prices") -> tuple[float, float] | None:
    """Return dollars per million tokens in and out, from two numbers joined by a comma."""
    if prices is None:
        return None
    try:
        into, out = (float(price) for price in prices.split(","))
    except ValueError as error:
        raise BoundError(
            f"{option} takes two numbers joined by a comma, such as 0.15,0.60 (got {prices!r})"
        ) from error
    return into, out


def metric_weights(metric: str | None) -> dict[str, float] | None:
    """Return the weights of a metric by part, from ``PART=WEIGHT`` joined by commas."""
    if metric is None:
        return None
    try:
        pairs = [entry.split("=") for entry in metric.split(",")]
        return {name.strip(): float(weight) for name, weight in pairs}
    except ValueError as error:
        raise BoundError(f"--metric needs PART=WEIGHT joined by commas (got {metric!r})") from error


def texts(values: str | None) -> list[str]:
    """Return what is joined by commas."""
    return [value.strip() for value in (values or "").split(",") if value.strip()]


def whole_numbers(option: str, values: str | None) -> list[int]:
    """Return whole numbers that are joined by commas."""
    return _numbers(int, f"{option} takes whole numbers", values)


def numbers(option: str, values: str | None) -> list[float]:
    """Return numbers that are joined by commas."""
    return _numbers(float, f"{option} takes numbers", values)


def yes_or_no(option: str, values: str | None) -> list[bool]:
    """Return truth values for ``yes`` and ``no`` that are joined by commas."""
    chosen = texts(values)
    for value in chosen:
        if value not in ("yes", "no"):
            raise BoundError(f"{option} takes yes, no or yes,no (got {value!r})")
    return [value == "yes" for value in chosen]


def _numbers(kind: Callable[[str], Number], what: str, values: str | None) -> list[Number]:
    try:
        return [kind(value) for value in texts(values)]
    except ValueError as error:
        raise BoundError(f"{what} joined by commas, such as 20,30 (got {values!r})") from error
