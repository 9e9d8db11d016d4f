"""The spans that a test's work makes, by the SDK of OpenTelemetry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

KIND = "openinference.span.kind"
_exporter = InMemorySpanExporter()


@contextmanager
def collected() -> Iterator[InMemorySpanExporter]:
    """Collect the spans that are made inside the block. A process has one provider, which is set at the first use."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(_exporter))
        trace.set_tracer_provider(provider)
    _exporter.clear()
    yield _exporter
    _exporter.clear()


class SpanTree:
    """Spans that have ended."""

    def __init__(self, spans: tuple[ReadableSpan, ...]) -> None:
        self.spans = [span for span in spans if KIND in (span.attributes or {})]

    def of(self, kind: str) -> list[ReadableSpan]:
        return [span for span in self.spans if attributes(span)[KIND] == kind]

    def one(self, kind: str, name: str | None = None) -> ReadableSpan:
        (span,) = (span for span in self.of(kind) if name in (None, span.name))
        return span

    def root(self) -> ReadableSpan:
        (span,) = (span for span in self.spans if self.parent(span) is None)
        return span

    def parent(self, span: ReadableSpan) -> ReadableSpan | None:
        by_id = {each.context.span_id: each for each in self.spans}
        return None if span.parent is None else by_id.get(span.parent.span_id)

    def shape(self) -> dict[str, set[tuple[str, str]]]:
        """Return kind and name of the children of each span, by its name; leaves are left out."""
        found: dict[str, set[tuple[str, str]]] = {}
        for span in self.spans:
            parent = self.parent(span)
            if parent is not None:
                found.setdefault(parent.name, set()).add((attributes(span)[KIND], span.name))
        return found

    def written(self) -> str:
        """Return all that the spans hold."""
        return "\n".join(span.to_json() for span in self.spans)


def times(span: ReadableSpan) -> tuple[int, int]:
    """Return begin and end in ns."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


def within(span: ReadableSpan, other: ReadableSpan) -> bool:
    (begun, ended), (least, most) = times(span), times(other)
    return least <= begun <= ended <= most


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def json_attribute(span: ReadableSpan, name: str) -> Any:
    return json.loads(attributes(span)[name])
