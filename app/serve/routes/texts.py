"""What a text may be that is sent: how long, and of which characters; and numbers likewise."""

from __future__ import annotations

import json
import re

from fastapi import Request

from ....retrieval.errors import BadTextError, BoundError
from ....retrieval.text.questions import lone_surrogate_at
from ..settings import ServeLimits

_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]|NaN|Infinity|[eE]\+?\d{3}")
"""What may stand for half a surrogate pair, or for a number that is not finite."""


async def require_whole_json(request: Request) -> None:
    """Refuse a body that Python reads, and JSON or Unicode does not have; a dependency of every route.

    Raises:
        BadTextError: it holds half a surrogate pair, or a number that is not finite.
    """
    if request.method not in ("POST", "PUT", "PATCH"):
        return
    body = await request.body()
    if not _SUSPECT.search(body):
        return
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return  # no JSON: the route says what it takes
    try:
        written = json.dumps(read, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise BadTextError("the body holds a number that is not finite: send one that is") from error
    except RecursionError as error:
        raise BadTextError("the body is nested too deep: send it flatter") from error
    half = lone_surrogate_at(written)
    if half is not None:
        raise BadTextError("the body holds half a surrogate pair: send whole characters")


def require_count(most: int, what: str, count: int) -> None:
    """Raise `BoundError` for more things at once than the service takes."""
    if count > most:
        raise BoundError(f"{count} {what}, at most {most} are taken: send fewer at once")


def require_length(limits: ServeLimits, **texts: str) -> None:
    """Raise `BoundError` for a text, by its name, that is longer than the service takes."""
    for name, text in texts.items():
        if len(text) > limits.characters:
            raise BoundError(
                f"{name} has {len(text)} characters, at most {limits.characters} are taken: send a shorter one"
            )
