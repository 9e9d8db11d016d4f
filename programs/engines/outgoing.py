"""What requests to a language model carry of the trace that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

headers_of_trace: ContextVar[Callable[[], dict[str, str]] | None] = ContextVar(
    "headers_of_trace", default=None
)
"""Returns the headers by which a server may continue the trace (W3C Trace Context); set while a call is traced."""


def trace_headers() -> dict[str, str]:
    """Return the headers to send along; none where the call is not traced."""
    write = headers_of_trace.get()
    return {} if write is None else write()
