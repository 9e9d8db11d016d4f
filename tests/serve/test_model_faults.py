"""What a client is told where the language model is down, slow, or dies while it answers: one typed error, in time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ollama_server import Body, Chunk, Failure, Fault, OllamaServer
from quoting_model import answer_chat
from running_service import running
from service_process import events_of

from quincunx.app.serve.settings import ServeLimits

CHAT = "/api/chat"
DEADLINE = 3.0


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@contextmanager
def served(seconds: float = 60) -> Iterator[httpx.Client]:
    """Serve a program whose answers the language model writes."""
    with running(
        lm="ollama/qwen3",
        programs=["chat_bridge"],
        indexes=["builddaily"],
        limits=ServeLimits(seconds=seconds),
    ) as client:
        yield client


def ask(client: httpx.Client, question: str, **body: Any) -> httpx.Response:
    return client.post("/v1/ask/chat_bridge", json={"question": question, **body})


def told(client: httpx.Client, question: str) -> tuple[int, str, str, str]:
    """Ask for an answer and for a stream; return status and code of the one, last event and its code of the other."""
    plain = ask(client, f"{question} (whole)")
    assert plain.headers["content-type"] == "application/problem+json"
    last = events_of(ask(client, f"{question} (streamed)", stream=True).text)[-1]
    return plain.status_code, plain.json()["code"], last["type"], last["code"]


def test_a_model_that_is_down_is_a_bad_gateway(canons: Path, model: OllamaServer) -> None:
    with served() as client:
        model.__exit__(None, None, None)
        assert told(client, "Is anybody there?") == (502, "ollama_unreachable", "error", "ollama_unreachable")


def test_a_model_that_is_missing_is_a_bad_gateway(canons: Path, model: OllamaServer) -> None:
    model.models.clear()
    with served() as client:
        assert told(client, "Which model?") == (502, "ollama_model_missing", "error", "ollama_model_missing")


def test_a_model_that_is_slow_ends_at_the_deadline(canons: Path, model: OllamaServer) -> None:
    model.fail(CHAT, Fault.HANG, times=4)
    with served(seconds=DEADLINE) as client:
        begun = time.monotonic()
        found = told(client, "How long does it take?")
        assert found == (504, "deadline_exceeded", "error", "deadline_exceeded")
        assert time.monotonic() - begun < 2 * DEADLINE + 10


def test_a_model_that_dies_while_it_answers_ends_the_stream_with_an_error(
    canons: Path, model: OllamaServer
) -> None:
    def dying(body: Body) -> Iterator[str | Chunk]:
        answer = answer_chat(body)
        yield answer[: len(answer) // 2]
        raise Failure(500, "CUDA error: out of memory")

    model.script = dying
    with served() as client:
        events = events_of(ask(client, "What is Sage Daily, then?", stream=True).text)
        kinds = [event["type"] for event in events]
        assert {"token", "sentence"} <= set(kinds)
        assert "done" not in kinds
        assert (events[-1]["type"], events[-1]["code"]) == ("error", "ollama_error")


def test_a_model_that_hangs_up_while_it_answers_is_a_bad_gateway(canons: Path, model: OllamaServer) -> None:
    model.fail(CHAT, Fault.ABRUPT_CLOSE, times=9)
    with served() as client:
        status, code, kind, last = told(client, "Who hung up?")
        assert (status, kind) == (502, "error")
        assert {code, last} <= {"ollama_error", "ollama_unreachable"}


def test_a_failure_names_no_text_that_was_asked(canons: Path, model: OllamaServer) -> None:
    model.models.clear()
    with served() as client:
        assert "secretword" not in json.dumps(ask(client, "Whatisthesecretword?").json())
