"""Parameters of chat completions that programs do not heed: those that change what an answer is are refused, others told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..problems import Problem

_REFUSED: Mapping[str, Callable[[Any], bool]] = {
    "tools": bool,
    "functions": bool,
    "tool_choice": lambda value: value not in ("none", "auto"),
    "function_call": lambda value: value not in ("none", "auto"),
    "response_format": lambda value: not (isinstance(value, dict) and value.get("type") == "text"),
    "modalities": lambda value: value != ["text"],
    "audio": bool,
    "logprobs": bool,
    "top_logprobs": bool,
    "web_search_options": lambda value: True,
}
"""Whether a value of the parameter asks for what no program does."""


def require_supported(n: int | None, more: Mapping[str, Any]) -> list[str]:
    """Return a note of the parameters that are not heeded, if there are any.

    Raises:
        Problem: one asks for what no program does.
    """
    if n not in (None, 1):
        raise _refused("n", "a program has one answer: leave n out")
    given = {name: value for name, value in more.items() if value is not None}
    for name, asks in _REFUSED.items():
        if name in given and asks(given[name]):
            raise _refused(name, f"programs do not take {name}: leave it out")
    unheeded = sorted(name[:60] for name in given if name not in _REFUSED)
    shown = ", ".join(unheeded[:20]) + (" and others" if len(unheeded) > 20 else "")
    return [f"not heeded: {shown}"] if unheeded else []


def _refused(name: str, why: str) -> Problem:
    return Problem(400, "unsupported_parameter", why, param=name)
