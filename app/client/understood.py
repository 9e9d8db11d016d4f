"""Replies of another form than is known here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...retrieval.errors import ServiceError


@contextmanager
def understood() -> Iterator[None]:
    """Let what fails because a reply is of another form end as a `ServiceError`."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise ServiceError(
            f"the reply is not of a form that is known here ({type(error).__name__}: {said}): what answers is no service "
            "of quincunx, or one of another version"
        ) from error
