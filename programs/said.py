"""What an output says, read from its JSON values: its claims, and its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def is_claim(value: Any) -> bool:
    """Whether a JSON value of an output is one claim with its citations."""
    return isinstance(value, dict) and set(value) == {"text", "citations"}


def claims_of(output: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the claims of an output, in order."""
    if is_claim(output):
        yield output
    elif isinstance(output, dict | list):
        for entry in output.values() if isinstance(output, dict) else output:
            yield from claims_of(entry)


def output_lines(value: Any) -> list[str]:
    """Return what an output says, claim by claim, each list entry under the names and figures that it bears.

    Left out are ids of passages, a ``notice``, and text that repeats the claims beside it.
    """
    if isinstance(value, list):
        return [line for entry in value for line in output_lines(entry)]
    if not isinstance(value, dict):
        return []
    if is_claim(value):
        return [str(value["text"])]
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    prose = {" ".join(str(claim["text"]) for claim in entry) for entry in lists if all(map(is_claim, entry))}
    inside = output_lines(list(value.values()))
    bears = [
        str(entry)
        for name, entry in value.items()
        if isinstance(entry, str | int | float)
        and name not in ("passage_id", "notice")
        and entry != ""
        and entry not in prose
    ]
    return [*([" · ".join(bears)] if bears else []), *inside]
