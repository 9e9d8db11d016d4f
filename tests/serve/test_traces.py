"""The service's traces: a request continues the trace that it names, and spans hold no text unless the settings say so."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from running_service import running
from spans import SpanTree, attributes, collected

from quincunx.app.mcp.server import PassageServer
from quincunx.app.serve.settings import ServeSettings
from quincunx.app.served import Served
from quincunx.retrieval.storage.home import HOME_VARIABLE

QUESTION = "What is Sage Daily?"
TRACE, CALLER = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
TRACEPARENT = {"traceparent": f"00-{TRACE:032x}-{CALLER:016x}-01"}
FEW: dict[str, Any] = {"programs": ["chat_bridge"], "indexes": ["builddaily"]}


@pytest.fixture(scope="module")
def traced(canons_folder: Path) -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patch, collected():
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        with running(traces=True, **FEW) as client:
            yield client


@pytest.fixture
def made(traced: httpx.Client) -> Iterator[InMemorySpanExporter]:
    with collected() as exporter:
        yield exporter


ASKED = [
    ("/v1/ask/chat_bridge", {"question": QUESTION}, ["ask chat_bridge"]),
    ("/v1/ask/chat_bridge", {"question": QUESTION, "stream": True}, ["ask chat_bridge"]),
    ("/v1/ask/chat_bridge", {"question": QUESTION, "settings": {"n": 2}}, ["ask chat_bridge"]),
    ("/v1/ask/chat_bridge/batch", {"questions": [{"question": QUESTION}] * 2}, ["ask chat_bridge"] * 2),
    ("/v1/search", {"question": QUESTION, "index": "builddaily"}, ["search builddaily"]),
]


@pytest.mark.parametrize(("path", "body", "roots"), ASKED)
def test_a_request_continues_the_trace_that_it_names(
    traced: httpx.Client, made: InMemorySpanExporter, path: str, body: dict[str, Any], roots: list[str]
) -> None:
    traced.get("/readyz")
    traced.post(path, json=body, headers=TRACEPARENT).raise_for_status()
    served = of_request(made)
    assert served.parent is not None
    assert (served.context.trace_id, served.parent.span_id) == (TRACE, CALLER)
    found = SpanTree(made.get_finished_spans())
    tops = [span for span in found.spans if found.parent(span) is None]
    assert [span.name for span in tops] == roots
    assert [span.parent for span in tops] == [served.context] * len(roots)
    assert QUESTION not in "".join(span.to_json() for span in made.get_finished_spans())


def of_request(made: InMemorySpanExporter) -> ReadableSpan:
    """Return the span of the one request; it ends after its response."""
    deadline = time.monotonic() + 5
    while not (found := [span for span in made.get_finished_spans() if span.kind is trace.SpanKind.SERVER]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (span,) = found
    return span


def test_a_request_that_names_none_begins_its_own(traced: httpx.Client, made: InMemorySpanExporter) -> None:
    for headers in ({}, {"traceparent": "00-no-trace-01"}):
        made.clear()
        traced.post("/v1/search", json=ASKED[-1][1], headers=headers).raise_for_status()
        assert of_request(made).parent is None


def test_two_requests_at_once_keep_their_traces_apart(
    traced: httpx.Client, made: InMemorySpanExporter
) -> None:
    async def both() -> None:
        async with httpx.AsyncClient(base_url=traced.base_url, timeout=60, trust_env=False) as client:
            await asyncio.gather(
                *(
                    client.post(
                        "/v1/ask/chat_bridge",
                        json={"question": QUESTION, "stream": bool(number % 2)},
                        headers={"traceparent": f"00-{number:032x}-{number:016x}-01"},
                    )
                    for number in range(1, 5)
                )
            )

    asyncio.run(both())
    found = SpanTree(made.get_finished_spans())
    for number in range(1, 5):
        mine = [span for span in found.spans if span.context.trace_id == number]
        assert sorted(attributes(span)["openinference.span.kind"] for span in mine) == [
            "CHAIN", "CHAIN", "CHAIN", "CHAIN", "EMBEDDING", "GUARDRAIL", "LLM", "RERANKER", "RETRIEVER",
        ]  # fmt: skip


def test_an_error_is_told_by_its_code(traced: httpx.Client, made: InMemorySpanExporter) -> None:
    assert traced.post("/v1/ask/chat_bridge", json={"question": " "}).status_code == 400
    root = SpanTree(made.get_finished_spans()).root()
    assert attributes(root)["error.type"] == "empty_question"


def test_texts_stand_in_spans_where_the_settings_say_so(canons: Path) -> None:
    with collected() as made, running(traces=True, trace_texts=True, **FEW) as client:
        client.post("/v1/ask/chat_bridge", json={"question": QUESTION}).raise_for_status()
        assert attributes(SpanTree(made.get_finished_spans()).root())["input.value"] == QUESTION


def test_without_the_setting_nothing_is_traced(service: httpx.Client) -> None:
    with collected() as made:
        service.post("/v1/ask/chat_bridge", json={"question": QUESTION}, headers=TRACEPARENT)
        service.post("/v1/search", json=ASKED[-1][1], headers=TRACEPARENT)
        time.sleep(0.2)
        assert made.get_finished_spans() == ()


def test_a_tool_of_the_mcp_server_continues_the_trace_of_its_client(canons: Path) -> None:
    server = PassageServer(Served(ServeSettings(traces=True, **FEW)))

    async def ask() -> None:
        async with Client(server) as client:
            with trace.get_tracer("agent").start_as_current_span("agent"):
                await client.call_tool("ask", {"program": "chat_bridge", "question": QUESTION})
                await client.call_tool("search", {"question": QUESTION, "index": "builddaily"})

    with collected() as made:
        asyncio.run(ask())
        spans = {span.name: span for span in made.get_finished_spans()}
        found = SpanTree(made.get_finished_spans())
    tops = [span for span in found.spans if found.parent(span) is None]
    assert [span.name for span in tops] == ["ask chat_bridge", "search builddaily"]
    assert {span.context.trace_id for span in tops} == {spans["agent"].context.trace_id}
    assert [span.parent for span in tops] == [
        spans["tools/call ask"].context,
        spans["tools/call search"].context,
    ]


def test_traces_that_go_nowhere_are_said(canons: Path) -> None:
    code = (
        "from quincunx.app.served import Served\n"
        "from quincunx.app.serve.log import log_as_json\n"
        "from quincunx.app.serve.settings import ServeSettings\n"
        "log_as_json()\n"
        "Served(ServeSettings(traces=True, programs=['chat_bridge'], indexes=['builddaily'])).load()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["level"] == logging.getLevelName(logging.WARNING).lower()
    assert "no OpenTelemetry SDK is set up" in line["message"]
