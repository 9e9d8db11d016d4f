"""What a function was given, checked where it comes in: what is of a wrong type is refused at once."""

from __future__ import annotations

from typing import Any

from .errors import UsageError


def require_type(name: str, value: Any, types: type | tuple[type, ...], wanted: str) -> None:
    """Raise `UsageError` unless ``value`` is of one of the ``types``; ``wanted`` says in words what to give instead."""
    if not isinstance(value, types):
        raise UsageError(f"{name} must be {wanted} (got {value!r:.80})")
