"""How long a text may be that is sent."""

from __future__ import annotations

from ....retrieval.errors import BoundError
from ..settings import ServeLimits


def require_length(limits: ServeLimits, **texts: str) -> None:
    """Raise `BoundError` for a text, by its name, that is longer than the service takes."""
    for name, text in texts.items():
        if len(text) > limits.characters:
            raise BoundError(
                f"{name} has {len(text)} characters, at most {limits.characters} are taken: send a shorter one"
            )
