"""The known name that somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``. Did you mean 'x'?`` with the known name that is most like a misspelt one; empty where none is."""
    like = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {like[0]!r}?" if like else ""
