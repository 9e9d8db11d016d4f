"""Writing spans: their kinds and attributes as OpenInference names them, their times, and their errors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Literal

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, get_tracer

Kind = Literal["CHAIN", "RETRIEVER", "EMBEDDING", "RERANKER", "LLM", "GUARDRAIL"]
Attributes = Mapping[str, Any]

JSON_TYPE, TEXT_TYPE = "application/json", "text/plain"


@dataclass(frozen=True)
class SpanClock:
    """Gives the times of spans, in ns since 1970, from a clock that never goes back: a child stays within its parent."""

    at_ns: int = field(default_factory=time.time_ns)
    at: float = field(default_factory=time.perf_counter)

    def ns(self, instant: float) -> int:
        """Return the time of an instant of `time.perf_counter`."""
        return self.at_ns + round((instant - self.at) * 1e9)

    def now(self) -> int:
        """Return the time now."""
        return self.ns(time.perf_counter())

    def span(self, times: tuple[float, float]) -> tuple[int, int]:
        """Return the times of a begin and an end."""
        return self.ns(times[0]), self.ns(times[1])


def begin_span(name: str, kind: Kind, begun_ns: int, parent: Context | None = None) -> Span:
    """Begin a span below the span of a context, by default the current one."""
    tracer = get_tracer("quincunx", version("quincunx"))
    return tracer.start_span(name, parent, attributes={"openinference.span.kind": kind}, start_time=begun_ns)


def write_span(
    name: str,
    kind: Kind,
    parent: Context,
    times: tuple[int, int],
    attributes: Attributes,
    error: BaseException | None = None,
    *,
    texts: bool = False,
) -> None:
    """Write a span that is over, ``times`` being its begin and end in ns, and what it failed with."""
    span = begin_span(name, kind, times[0], parent)
    set_attributes(span, attributes)
    if isinstance(error, Exception):
        set_error(span, error, texts=texts)
    span.end(times[1])


def set_attributes(span: Span, attributes: Attributes) -> None:
    """Set those attributes that have a value; what is no value of an attribute is written as JSON."""
    plain = (str, bool, int, float)
    for name, value in attributes.items():
        if value is None:
            continue
        is_plain = isinstance(value, plain) or (
            isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)
        )
        span.set_attribute(name, value if is_plain else json_text(value))


def set_error(span: Span, error: Exception, *, texts: bool) -> None:
    """Tell that a span failed: by the error's code, and in its own words, which may hold a question, only with texts."""
    code = str(getattr(error, "code", type(error).__qualname__))
    span.set_status(Status(StatusCode.ERROR, str(error) if texts else code))
    span.set_attribute("error.type", code)
    event = {"exception.type": type(error).__qualname__}
    span.add_event("exception", event | ({"exception.message": str(error)} if texts else {}))


def json_text(value: Any) -> str:
    """Return a value as the JSON text that an attribute holds."""
    return json.dumps(value, ensure_ascii=False, default=str)
