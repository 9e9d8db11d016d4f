"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..retrieval.errors import BoundError, UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="Which models embed and rerank: embedded, local or ollama.")
]
Where = Annotated[
    str | None,
    typer.Option(
        help="Search only passages whose metadata fits, e.g. 'site=builddaily and date>=2026-01-01'."
    ),
]
EMBEDDED = "embedded"


def read_inputs(details: Sequence[str], history: Path | None) -> dict[str, Any]:
    """Return a program's inputs beside its question, from ``NAME=TEXT`` and a JSON file of turns."""
    inputs: dict[str, Any] = {}
    for detail in details:
        name, equals, text = detail.partition("=")
        if not equals or not name.strip() or name.strip() in ("question", "history", "budget"):
            raise UsageError(
                f"--with needs NAME=TEXT, the name of one of the program's further inputs (got {detail!r})"
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


def read_prices(prices: str | None, option: str = "--prices") -> tuple[float, float] | None:
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
