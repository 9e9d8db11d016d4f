"""Switching traces on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...retrieval.errors import MissingExtraError
from ...retrieval.handle import SearchHandle
from ...retrieval.search import SearchResult
from ..program import GroundedProgram


def trace_calls(program: GroundedProgram, *, texts: bool = False) -> GroundedProgram:
    """Make OpenTelemetry spans of a program's calls, and of those of its copies; return the program.

    Spans follow OpenInference: a CHAIN for the call, in it a RETRIEVER with its EMBEDDING and RERANKER, an LLM for each
    call of the language model, and a GUARDRAIL for the check. Where they go, the app's OpenTelemetry SDK says; without
    one, nothing is made.

    Args:
        texts: whether spans may hold what was asked, found, prompted and answered. Otherwise they hold ids, ranks, scores,
            model names, counts and times.

    Raises:
        MissingExtraError: ``opentelemetry-api`` is not installed.

    Example:
        >>> program = quincunx.trace_calls(quincunx.load("chat_bridge", lm="extractive"))
        >>> program(question="What is Sage Daily?").answered
        True
    """
    with _extra():
        from .call_spans import CallSpans
    program.on_call.spans = CallSpans(texts=texts)
    return program


def trace_search(handle: SearchHandle, found: SearchResult, *, texts: bool = False) -> None:
    """Make the spans of a search that has just ended and belongs to no call; see `trace_calls`."""
    with _extra():
        from .search_spans import write_search
    write_search(handle, found, texts=texts)


def spans_go_nowhere() -> bool:
    """Whether no OpenTelemetry SDK is set up in this process, so that no span is made."""
    with _extra():
        from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider
    return isinstance(get_tracer_provider(), ProxyTracerProvider)


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "opentelemetry", "traces") from error
