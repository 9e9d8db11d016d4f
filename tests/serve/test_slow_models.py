"""A language model that does not answer holds up nobody for ever: who leaves frees the turn, the queue is bounded, time ends."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ollama_server import Fault, OllamaServer
from running_service import running
from service_process import wait_until

from quincunx.app.serve.application import create_app
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings

QUESTION = {"question": "What is Sage Daily?"}
ASK = "/v1/ask/chat_bridge"


@contextmanager
def hanging(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> Iterator[tuple[httpx.Client, OllamaServer]]:
    """Serve with a language model that never answers."""
    with OllamaServer() as server:
        server.fail("/api/chat", Fault.HANG, times=20)
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        with running(
            programs=["chat_bridge"],
            indexes=["builddaily"],
            lm="ollama/qwen3",
            limits={"at_once": 1, "waiting": 1, **limits},
        ) as client:
            yield client, server


def wait_until_now(client: httpx.Client, what: str, count: int, seconds: float) -> None:
    """Wait until so many requests are ``working``, which is to hold a turn, or ``waiting`` for one."""
    wait_until(lambda: f"quincunx_requests_{what} {count}.0" in client.get("/metrics").text, seconds)


def wait_until_asked(server: OllamaServer, seconds: float = 30) -> None:
    wait_until(lambda: bool(server.sent("/api/chat")), seconds)


def test_who_leaves_frees_the_turn_and_the_model_within_a_second(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging(monkeypatch) as (client, server):
        with httpx.Client(base_url=client.base_url, trust_env=False) as leaving:

            def ask() -> None:
                with pytest.raises(httpx.ReadTimeout):
                    leaving.post(ASK, json=QUESTION, timeout=3)

            asking = threading.Thread(target=ask)
            asking.start()
            wait_until_asked(server)
            wait_until_now(client, "working", 1, 5)
            assert not server.disconnected.is_set()
            asking.join()
        assert server.disconnected.wait(1)
        wait_until_now(client, "working", 0, 1)


def test_who_leaves_a_stream_frees_the_turn_and_the_model_within_a_second(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging(monkeypatch) as (client, server):
        with client.stream("POST", ASK, json={**QUESTION, "stream": True}) as response:
            lines = response.iter_lines()  # held: closed, it would close the connection
            line = next(line for line in lines if line.startswith("data: "))
            assert json.loads(line.removeprefix("data: "))["type"] == "status"
            wait_until_asked(server)
            wait_until_now(client, "working", 1, 5)
        assert server.disconnected.wait(1)
        wait_until_now(client, "working", 0, 1)


def test_one_more_than_may_wait_is_refused_with_when_to_come_again(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging(monkeypatch, seconds=6) as (client, server):
        got: list[httpx.Response] = []
        askers = [
            threading.Thread(target=lambda: got.append(client.post(ASK, json=QUESTION))) for _ in range(2)
        ]
        for asker in askers:
            asker.start()
        wait_until_asked(server)
        wait_until_now(client, "waiting", 1, 5)
        for path, body in ((ASK, QUESTION), ("/v1/search", {**QUESTION, "index": "builddaily"})):
            refused = client.post(path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
        for asker in askers:
            asker.join()
        assert [(each.status_code, each.json()["code"]) for each in got] == [(504, "deadline_exceeded")] * 2
        assert client.post("/v1/search", json={**QUESTION, "index": "builddaily"}).status_code == 200


def test_who_leaves_while_they_wait_gives_up_their_place_within_a_second(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging(monkeypatch) as (client, server):

        def ask(seconds: float) -> None:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{client.base_url}{ASK}", json=QUESTION, timeout=seconds, trust_env=False)

        asking = threading.Thread(target=ask, args=[6])
        asking.start()
        wait_until_asked(server)
        for _ in range(2):  # one place alone is there for those who wait
            ask(0.5)
            wait_until_now(client, "waiting", 0, 1)
        asking.join()


def test_an_answer_that_takes_too_long_ends_with_its_time(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hanging(monkeypatch, seconds=1.5) as (client, server):
        begun = time.monotonic()
        response = client.post(ASK, json=QUESTION)
        assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
        assert time.monotonic() - begun < 3
        assert server.disconnected.wait(1)
        stream = client.post(ASK, json={**QUESTION, "stream": True}).text
        last = [line for line in stream.splitlines() if line.startswith("data: ")][-1]
        assert json.loads(last.removeprefix("data: "))["code"] == "deadline_exceeded"
        wait_until_now(client, "working", 0, 1)


@pytest.mark.parametrize(("path", "first"), [(ASK, b"event: sentence"), ("/v1/chat/completions", b"tarot")])
def test_who_leaves_while_an_event_is_sent_frees_the_model_within_a_second(
    path: str, first: bytes, canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(body: dict[str, Any]) -> Iterator[str]:
        yield '{"sentences": [{"cites": [1], "text": "Sage Daily gives tarot and transit readings."}'
        while not server.disconnected.wait(0.01):
            yield " "

    asked = {"model": "chat_bridge", "messages": [{"role": "user", "content": QUESTION["question"]}]}
    body = json.dumps({**(QUESTION if path == ASK else asked), "stream": True}).encode()
    with OllamaServer() as server:
        server.script = script
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        settings = ServeSettings.model_validate(
            {"programs": ["chat_bridge"], "indexes": ["builddaily"], "lm": "ollama/qwen3"}
        )
        service = Service(settings)
        app = create_app(service)

        async def leave_while_an_event_is_sent() -> None:
            told = [{"type": "http.request", "body": body, "more_body": False}]
            sending = asyncio.Event()

            async def receive() -> dict[str, Any]:
                if told:
                    return told.pop()
                await sending.wait()
                return {"type": "http.disconnect"}

            async def send(message: MutableMapping[str, Any]) -> None:
                if first in message.get("body", b""):
                    sending.set()
                    await asyncio.Event().wait()

            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "root_path": "",
                "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 8765),
            }
            async with app.router.lifespan_context(app):
                while not service.ready:
                    await asyncio.sleep(0.01)
                async with asyncio.timeout(30):
                    await app(scope, receive, send)
                assert await asyncio.to_thread(server.disconnected.wait, 1)

        gc.disable()  # what nobody closed is not to be closed by chance
        try:
            asyncio.run(leave_while_an_event_is_sent())
        finally:
            gc.enable()
