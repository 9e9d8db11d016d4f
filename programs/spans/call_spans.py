"""A call of a program as spans.

The call's own span and those of the language model are made while they run: they are current meanwhile, so that what a
client of a language model traces lies inside, a server that it asks may continue the trace, and a trace that came with a
request goes on. The search and the check are written once they are over, from the times that the call noted anyway: no
stage knows of spans, none of them costs anything where nothing is traced, and the tree is the same for calls that are
waited for, awaited and streamed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dspy
from opentelemetry.context import Context
from opentelemetry.propagate import inject
from opentelemetry.trace import Span, set_span_in_context, use_span

from ..engines.outgoing import headers_of_trace
from ..parts import ProgramParts
from .lm_spans import LmSpans
from .search_spans import write_retrieval
from .writer import (
    JSON_TYPE,
    TEXT_TYPE,
    SpanClock,
    begin_span,
    json_text,
    set_attributes,
    set_error,
    write_span,
)

if TYPE_CHECKING:
    from ..call.steps import Flow
    from ..trace import CallRecord, Ended


class CallSpans:
    """Makes the spans of a program's calls; see `trace_calls`."""

    def __init__(self, *, texts: bool = False) -> None:
        self._texts = texts

    @contextmanager
    def running(self, program: ProgramParts) -> Iterator[Ended]:
        """Make the spans of one call, which runs inside the block."""
        clock = SpanClock()
        span = begin_span(f"ask {program.name}", "CHAIN", clock.at_ns)

        def end(record: CallRecord, flow: Flow | None, error: BaseException | None) -> None:
            if span.is_recording():
                self._end(span, clock, program, record, flow, error)

        lm_spans = LmSpans(clock, texts=self._texts)
        outgoing = headers_of_trace.set(_headers)
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                with dspy.context(callbacks=[*dspy.settings.callbacks, lm_spans]):
                    yield end
        finally:
            headers_of_trace.reset(outgoing)
            span.end(clock.now())

    def _end(
        self,
        span: Span,
        clock: SpanClock,
        program: ProgramParts,
        record: CallRecord,
        flow: Flow | None,
        error: BaseException | None,
    ) -> None:
        usage = record.usage
        set_attributes(
            span,
            {
                "quincunx.call_id": record.id,
                "quincunx.program": record.program,
                "quincunx.index": record.index,
                "quincunx.generations": dict(record.generations),
                "quincunx.engine": record.engine,
                "quincunx.outcome": record.outcome,
                "quincunx.passages": record.passages,
                "quincunx.cited": record.cited,
                "quincunx.lm_calls": None if usage is None else usage.lm_calls,
                "quincunx.lm_calls_cached": None if usage is None else usage.cached,
            },
        )
        if self._texts:
            set_attributes(span, _said(record))
        if isinstance(error, Exception):
            set_error(span, error, texts=self._texts)
        if flow is not None:
            self._write_stages(clock, program, record, flow, error, set_span_in_context(span))

    def _write_stages(
        self,
        clock: SpanClock,
        program: ProgramParts,
        record: CallRecord,
        flow: Flow,
        error: BaseException | None,
        parent: Context,
    ) -> None:
        handle = program.retriever.handle
        for stage, begun in flow.begun.items():
            seconds = flow.seconds.get(stage)
            # One without an end is the one that the call ended in.
            times = (begun, begun + seconds) if seconds is not None else (begun, time.perf_counter())
            failed = error if seconds is None else None
            if stage == "retrieve" and flow.found is not None:
                write_retrieval(handle, flow.found.search, parent, clock, times, texts=self._texts)
            elif stage == "retrieve":
                name, about = f"search {handle.index}", {"quincunx.index": handle.index}
                write_span(name, "RETRIEVER", parent, clock.span(times), about, failed, texts=self._texts)
            elif stage == "choosing":
                about = {"quincunx.left_out": flow.left_out}
                write_span(stage, "CHAIN", parent, clock.span(times), about, failed, texts=self._texts)
            elif stage == "check":
                write_span(
                    stage, "GUARDRAIL", parent, clock.span(times), _checked(record), failed, texts=self._texts
                )


def _checked(record: CallRecord) -> dict[str, Any]:
    return {"quincunx.dropped": [dict(dropped) for dropped in record.dropped]}


def _said(record: CallRecord) -> dict[str, Any]:
    text = record.text
    told: dict[str, Any] = {}
    if "question" in text:
        told |= {"input.value": text["question"], "input.mime_type": TEXT_TYPE}
    if text.get("refusal"):
        told |= {"output.value": text["refusal"], "output.mime_type": TEXT_TYPE}
    elif "output" in text:
        told |= {"output.value": json_text(text["output"]), "output.mime_type": JSON_TYPE}
    return told


def _headers() -> dict[str, str]:
    headers: dict[str, str] = {}
    inject(headers)
    return headers
