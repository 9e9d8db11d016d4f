"""A service that is told to stop, or killed: a process of its own, with requests in flight.

1. SIGTERM: what was accepted is answered, nothing new is, and the exit status is 0.
2. What takes longer than the drain may take ends with a typed error, and the process ends.
3. After kill -9 the same command answers again, from the same index.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ollama_server import Body, OllamaServer
from quoting_model import answer_chat
from service_process import ServiceProcess, events_of, service_process, wait_until
from starlette.types import Message, Receive, Scope, Send

from quincunx.app.serve.guard import Guard
from quincunx.app.serve.metrics import ServiceMetrics
from quincunx.app.serve.settings import ServeSettings

CHAT = "/api/chat"
ONE_PROGRAM = ("--programs", "chat_bridge", "--index", "builddaily")


class HeldModel:
    """A language model that answers nothing before `released` is set."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, body: Body) -> str:
        self.released.wait(120)
        return answer_chat(body)


@contextmanager
def held_model() -> Iterator[tuple[OllamaServer, HeldModel]]:
    model = HeldModel()
    with OllamaServer(script=model) as server:
        try:
            yield server, model
        finally:
            model.released.set()


def settings_file(folder: Path, **limits: float) -> Path:
    path = folder / "quincunx.toml"
    lines = ["[serve]", 'lm = "ollama/qwen3"', "[serve.limits]"]
    path.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in limits.items())]) + "\n")
    return path


def ask(service: ServiceProcess, question: str, **body: Any) -> httpx.Response:
    with service.client(120) as client:
        return client.post("/v1/ask/chat_bridge", json={"question": question, **body})


def chat(service: ServiceProcess, question: str) -> httpx.Response:
    """Ask for a stream as clients of OpenAI do."""
    body = {"model": "chat_bridge", "stream": True, "messages": [{"role": "user", "content": question}]}
    with service.client(120) as client:
        return client.post("/v1/chat/completions", json=body)


@contextmanager
def served(home: Path, folder: Path, server: OllamaServer, **limits: float) -> Iterator[ServiceProcess]:
    """Serve one program whose answers come from a language model, with these limits."""
    settings = ("--config", str(settings_file(folder, **limits)))
    with service_process(home, folder / "log", *ONE_PROGRAM, *settings, OLLAMA_HOST=server.url) as service:
        yield service


def test_sigterm_ends_every_accepted_request_and_takes_no_more(home_of_canons: Path, tmp_path: Path) -> None:
    with held_model() as (server, model), ThreadPoolExecutor(7) as pool:
        with served(home_of_canons, tmp_path, server, at_once=4, waiting=8) as service:
            streamed = pool.submit(ask, service, "Who is Sage Daily for?", stream=True)
            answers = [pool.submit(ask, service, f"What is Sage Daily? ({number})") for number in range(5)]
            with service.client() as client:  # four have their turn, two wait for it
                wait_until(lambda: "quincunx_requests_waiting 2.0" in client.get("/metrics").text, 60)
            wait_until(lambda: len(server.sent(CHAT)) == 4, 60)
            service.signal(signal.SIGTERM)
            wait_until(lambda: "Shutting down" in service.logged(), 10)
            with pytest.raises(httpx.ConnectError):
                ask(service, "Is there anybody?")
            model.released.set()
            assert [answer.result().status_code for answer in answers] == [200] * 5
            assert all(answer.result().json()["answered"] for answer in answers)
            assert events_of(streamed.result().text)[-1]["type"] == "done"
            assert service.ended(30) == 0


def test_what_outlasts_the_drain_ends_with_a_typed_error(home_of_canons: Path, tmp_path: Path) -> None:
    with held_model() as (server, _), ThreadPoolExecutor(3) as pool:
        with served(home_of_canons, tmp_path, server, drain_seconds=1) as service:
            asked = pool.submit(ask, service, "What is the Paid Daily subscription?")
            streamed = pool.submit(ask, service, "What is the bridge?", stream=True)
            chatted = pool.submit(chat, service, "Who owns the bridge?")
            wait_until(lambda: len(server.sent(CHAT)) == 3, 60)
            service.signal(signal.SIGTERM)
            begun = time.monotonic()
            assert service.ended(30) == 0
            assert time.monotonic() - begun < 10
        refused, events = asked.result(), events_of(streamed.result().text)
        # It had told nothing yet, so its status could still be one of a failure.
        unanswered = chatted.result()
        assert (unanswered.status_code, unanswered.json()["error"]["code"]) == (503, "stopping")
        assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
        assert (events[0]["type"], events[-1]["type"], events[-1]["code"]) == ("status", "error", "stopping")


@pytest.mark.parametrize(
    ("path", "where"), [("/v1/ask/chat_bridge", ("code",)), ("/v1/chat/completions", ("error", "code"))]
)
def test_a_stream_that_is_cut_off_ends_as_its_client_reads_errors(path: str, where: tuple[str, ...]) -> None:
    sent: list[Any] = []

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        await asyncio.sleep(60)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def cut_off() -> None:
        scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"localhost")]}
        request = asyncio.ensure_future(Guard(begun, ServeSettings(), ServiceMetrics())(scope, receive, send))
        while len(sent) < 2:
            await asyncio.sleep(0)
        request.cancel()
        await request

    asyncio.run(cut_off())
    (last,) = events_of(sent[-1]["body"].decode())
    for name in where:
        last = last[name]
    assert last == "stopping"
    assert not sent[-1].get("more_body", False)


def test_after_kill_9_the_same_command_answers_from_the_same_index(
    home_of_canons: Path, tmp_path: Path
) -> None:
    answers = []
    for number in range(2):
        log = tmp_path / f"log{number}"
        with service_process(home_of_canons, log, *ONE_PROGRAM) as service, ThreadPoolExecutor(4) as pool:
            answers.append(ask(service, "What is Sage Daily?").json())
            under_way = [pool.submit(ask, service, f"Who is Sage Daily for? ({n})") for n in range(4)]
            time.sleep(0.05)
            service.signal(signal.SIGKILL)
            assert service.ended(10) == -signal.SIGKILL
            ends = [asked.exception() for asked in under_way]
            assert {type(error) for error in ends} <= {
                type(None),
                httpx.ReadError,
                httpx.RemoteProtocolError,
                httpx.ConnectError,
            }
    before, after = answers
    assert before["answered"]
    for told in ("output", "citations", "generations", "passages"):
        assert before[told] == after[told]
