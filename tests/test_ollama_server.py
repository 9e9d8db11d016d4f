"""The test server against the official client, case by case.

1. A reply has the shape, the status and the words of Ollama's.
2. A fault does to the client what Ollama's own faults do to it.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import ollama
import pytest
from ollama_server import (
    BUSY_MESSAGE,
    RUNNER_DEATH_MESSAGE,
    Body,
    Chunk,
    Failure,
    Fault,
    OllamaServer,
    unit_vector,
)

EMBED, CHAT = "nomic-embed-text", "qwen3"
HELLO = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        yield server


@pytest.fixture
def client(server: OllamaServer) -> ollama.Client:
    return ollama.Client(host=server.url, timeout=5)


def post(server: OllamaServer, path: str, body: object) -> tuple[int, Any]:
    """Return (status, parsed body) of a request that the client would not send."""
    content = b"" if body is None else json.dumps(body).encode()
    reply = httpx.post(server.url + path, content=content)
    return reply.status_code, reply.json()


def test_the_front_door_and_the_version(server: OllamaServer) -> None:
    front = httpx.get(server.url)
    assert (front.status_code, front.text) == (200, "Ollama is running")
    assert httpx.head(server.url).status_code == 200
    server.version = "9.9.9"
    assert httpx.get(f"{server.url}/api/version").json() == {"version": "9.9.9"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/embed"), ("GET", "/api/chat"), ("POST", "/api/tags"), ("PUT", "/api/pull")],
)
def test_a_wrong_method_is_405_and_a_wrong_path_404(server: OllamaServer, method: str, path: str) -> None:
    assert httpx.request(method, server.url + path).status_code == 405
    assert httpx.request(method, f"{server.url}{path}s/none").status_code == 404


def test_tags_show_and_ps(server: OllamaServer, client: ollama.Client) -> None:
    server.models["nomic-embed-text:latest"].digest = "ab" * 32
    entry = client.list().models[0]
    assert (entry.model, entry.digest) == ("nomic-embed-text:latest", "ab" * 32)
    assert entry.modified_at is not None
    assert entry.details is not None
    assert entry.details.family == "nomic-bert"

    shown = client.show(EMBED)
    assert shown.modelinfo is not None
    assert shown.modelinfo["nomic-bert.context_length"] == 2048
    assert shown.modelinfo["nomic-bert.embedding_length"] == 768
    assert shown.capabilities == ["embedding"]
    with pytest.raises(ollama.ResponseError, match="model 'none' not found") as caught:
        client.show("none")
    assert caught.value.status_code == 404

    assert client.ps().models == []
    client.embed(EMBED, "a", keep_alive="1h")
    (loaded,) = client.ps().models
    assert (loaded.name, loaded.context_length) == ("nomic-embed-text:latest", 2048)
    client.embed(EMBED, "a", keep_alive=0)
    assert client.ps().models == []


def test_embed_gives_unit_vectors_in_order(server: OllamaServer, client: ollama.Client) -> None:
    reply = client.embed(EMBED, ["a cat", "a dog", "a cat"])
    vectors = np.array(reply.embeddings, dtype=np.float32)
    assert vectors.shape == (3, 768)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors[1], unit_vector(EMBED, "a dog"))
    assert reply.prompt_eval_count == 3 * (2 + 2)
    assert reply.total_duration is not None
    assert reply.total_duration > (reply.load_duration or 0) > 0
    single = client.embed("nomic-embed-text:latest", "a cat").embeddings
    np.testing.assert_array_equal(np.array(single, dtype=np.float32), vectors[:1])
    cut = np.array(client.embed(EMBED, "a cat", dimensions=64).embeddings[0])
    np.testing.assert_allclose(cut, vectors[0, :64] / np.linalg.norm(vectors[0, :64]), atol=1e-6)


@pytest.mark.parametrize(
    ("body", "status", "reply"),
    [
        (None, 400, {"error": "missing request body"}),
        ({"model": EMBED, "input": 3}, 400, {"error": "invalid input type"}),
        ({"model": EMBED, "input": ["a", 3]}, 400, {"error": "invalid input type"}),
        ({"model": EMBED, "input": None}, 200, {"model": EMBED, "embeddings": []}),
        ({"model": EMBED, "input": ""}, 200, {"model": EMBED, "embeddings": []}),
        ({"model": EMBED, "input": []}, 200, {"model": EMBED, "embeddings": []}),
        ({"model": "x", "input": "a"}, 404, {"error": "model 'x' not found"}),
        (
            {"model": EMBED, "input": ["a", "b " * 2047], "truncate": False},
            400,
            {"error": "the input length exceeds the context length"},
        ),
    ],
)
def test_the_table_of_embed(server: OllamaServer, body: object, status: int, reply: Body) -> None:
    assert post(server, "/api/embed", body) == (status, reply)
    assert server.sent("/api/embed") == [body]


def test_embed_cuts_silently_unless_told_not_to(server: OllamaServer, client: ollama.Client) -> None:
    longest = "b " * 2046
    assert client.embed(EMBED, longest, truncate=False).prompt_eval_count == 2048
    cut = client.embed(EMBED, longest + "c d e")
    assert cut.prompt_eval_count == 2048
    assert cut.embeddings == client.embed(EMBED, longest.strip()).embeddings
    server.ignores_truncate = True
    assert client.embed(EMBED, longest + "c", truncate=False).embeddings == cut.embeddings


def test_legacy_embeddings_are_not_normalised(client: ollama.Client) -> None:
    vector = np.array(client.embeddings(EMBED, "a cat").embedding)
    assert np.linalg.norm(vector) > 2
    np.testing.assert_allclose(vector / np.linalg.norm(vector), unit_vector(EMBED, "a cat"), atol=1e-6)
    assert client.embeddings(EMBED, "").embedding == []


def test_chat_streams_chunks_and_then_the_counts(server: OllamaServer, client: ollama.Client) -> None:
    server.script = lambda body: [Chunk(thinking="hm"), "Good ", "day"]
    options = {"num_ctx": 64}
    chunks = list(client.chat(CHAT, HELLO, stream=True, format="json", options=options, keep_alive="9m"))
    assert [chunk.done for chunk in chunks] == [False, False, False, True]
    assert "".join(chunk.message.content or "" for chunk in chunks) == "Good day"
    assert chunks[0].message.thinking == "hm"
    last = chunks[-1]
    assert (last.done_reason, last.prompt_eval_count, last.eval_count) == ("stop", 4, 3)
    assert last.total_duration is not None
    assert last.total_duration >= (last.load_duration or 0) > 0
    (body,) = server.sent("/api/chat")
    assert (body["format"], body["options"], body["keep_alive"]) == ("json", options, "9m")


def test_chat_streams_by_default_as_lines_of_json(server: OllamaServer) -> None:
    reply = httpx.post(f"{server.url}/api/chat", json={"model": CHAT, "messages": HELLO})
    assert reply.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == "You said: Hello there"
    assert "done_reason" not in lines[0]
    assert lines[-1]["done"] is True


def test_chat_without_a_stream_is_one_reply(server: OllamaServer, client: ollama.Client) -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    server.script = lambda body: [Chunk("Good ", thinking="hm"), Chunk("day", tool_calls=(call,))]
    reply = client.chat(CHAT, HELLO)
    assert (reply.message.content, reply.message.thinking, reply.done) == ("Good day", "hm", True)
    assert reply.message.tool_calls is not None
    assert reply.message.tool_calls[0].function.arguments == {"a": 1}
    assert client.chat(CHAT, HELLO, think=False).message.thinking is None


def test_chat_stops_at_its_length(client: ollama.Client) -> None:
    reply = client.chat(CHAT, HELLO, options={"num_predict": 3})
    assert (reply.done_reason, reply.eval_count, reply.message.content) == ("length", 3, "You said:")
    assert client.chat(CHAT, HELLO, options={"num_ctx": 6}).done_reason == "length"


def test_chat_drops_the_oldest_messages_silently(server: OllamaServer, client: ollama.Client) -> None:
    seen: list[Body] = []

    def script(body: Body) -> str:
        seen.append(body)
        return "ok"

    server.script = script
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "old " * 50},
        {"role": "user", "content": "new " * 10},
    ]
    reply = client.chat(CHAT, messages, options={"num_ctx": 32})
    assert (reply.prompt_eval_count, reply.done_reason) == (12, "stop")
    assert [message["role"] for message in seen[0]["messages"]] == ["system", "user"]
    assert seen[0]["messages"][1]["content"] == "new " * 10
    assert len(server.sent("/api/chat")[0]["messages"]) == 3
    assert client.chat(CHAT, messages, options={"num_ctx": 100}).prompt_eval_count == 62
    assert client.chat(CHAT, messages[2:], options={"num_ctx": 5}).prompt_eval_count == 5


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_the_first_byte_has_a_status(
    server: OllamaServer, client: ollama.Client, stream: bool
) -> None:
    def ask(model: str) -> None:
        if stream:
            list(client.chat(model, HELLO, stream=True))
        else:
            client.chat(model, HELLO)

    cases: list[tuple[Fault | None, str, int, str]] = [
        (None, "none", 404, 'model "none" not found, try pulling it first'),
        (None, EMBED, 400, f'"{EMBED}" does not support chat'),
        (Fault.BUSY, CHAT, 503, BUSY_MESSAGE),
        (Fault.RUNNER_DEATH, CHAT, 500, RUNNER_DEATH_MESSAGE),
    ]
    for fault, model, status, message in cases:
        if fault:
            server.fail("/api/chat", fault)
        with pytest.raises(ollama.ResponseError) as caught:
            ask(model)
        assert (caught.value.status_code, caught.value.error) == (status, message)
    ask(CHAT)


def test_an_error_in_the_middle_is_a_last_line_under_200(server: OllamaServer, client: ollama.Client) -> None:
    server.fail("/api/chat", Fault.ERROR_MID_STREAM, times=3)
    reply = httpx.post(f"{server.url}/api/chat", json={"model": CHAT, "messages": HELLO})
    assert reply.status_code == 200
    assert list(json.loads(reply.text.splitlines()[-1])) == ["error"]
    got: list[str | None] = []
    with pytest.raises(ollama.ResponseError, match="error was encountered") as caught:
        got.extend(chunk.message.content for chunk in client.chat(CHAT, HELLO, stream=True))
    assert (got, caught.value.status_code) == (["You"], -1)
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat(CHAT, HELLO)
    assert caught.value.status_code == 500


def test_a_script_may_fail_as_the_server_does(server: OllamaServer, client: ollama.Client) -> None:
    def script(body: Body) -> str:
        raise Failure(400, "no")

    server.script = script
    with pytest.raises(ollama.ResponseError, match="no") as caught:
        client.chat(CHAT, HELLO)
    assert caught.value.status_code == 400


def test_a_chat_can_end_undone(server: OllamaServer, client: ollama.Client) -> None:
    server.fail("/api/chat", Fault.UNFINISHED, times=2)
    assert not any(chunk.done for chunk in client.chat(CHAT, HELLO, stream=True))
    reply = client.chat(CHAT, HELLO)
    assert (reply.done, reply.done_reason, reply.message.content) == (False, None, "You said: Hello there")


def test_faults_of_the_connection_reach_the_client_raw(server: OllamaServer, client: ollama.Client) -> None:
    server.fail("/api/chat", Fault.ABRUPT_CLOSE, times=2)
    server.fail("/api/chat", Fault.GARBAGE, times=2)
    for raised in (httpx.RemoteProtocolError, json.JSONDecodeError):
        with pytest.raises(raised):
            client.chat(CHAT, HELLO)
        with pytest.raises(raised):
            list(client.chat(CHAT, HELLO, stream=True))
    server.fail("/api/chat", Fault.NOT_FOUND)
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.chat(CHAT, HELLO)


def test_faults_of_embeddings_reach_the_client_unseen(server: OllamaServer, client: ollama.Client) -> None:
    for fault in (Fault.WRONG_COUNT, Fault.WRONG_DIMENSION, Fault.NAN, Fault.UNNORMALISED, Fault.NAN_REFUSED):
        server.fail("/api/embed", fault)
    assert len(client.embed(EMBED, ["a", "b"]).embeddings) == 1
    assert len(client.embed(EMBED, "a").embeddings[0]) == 767
    assert math.isnan(client.embed(EMBED, "a").embeddings[0][0])
    assert np.linalg.norm(client.embed(EMBED, "a").embeddings[0]) > 2
    with pytest.raises(ollama.ResponseError, match="embedding contains NaN or Inf values") as caught:
        client.embed(EMBED, "a")
    assert caught.value.status_code == 400


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.STALL])
def test_a_client_that_leaves_is_seen(server: OllamaServer, fault: Fault) -> None:
    server.fail("/api/chat", fault)
    impatient = ollama.Client(host=server.url, timeout=0.1)
    with pytest.raises(httpx.ReadTimeout):
        list(impatient.chat(CHAT, HELLO, stream=True))
    assert server.disconnected.wait(2)


def test_a_client_that_leaves_a_stream_is_seen(server: OllamaServer, client: ollama.Client) -> None:
    def script(body: Body) -> Iterator[str]:
        for _ in range(1000):
            time.sleep(0.005)
            yield "more "

    server.script = script
    stream = client.chat(CHAT, HELLO, stream=True)
    assert next(stream).message.content == "more "
    assert not server.disconnected.is_set()
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert server.disconnected.wait(2)


def test_a_hang_ends_when_released_or_shut_down(server: OllamaServer, client: ollama.Client) -> None:
    server.fail("/api/chat", Fault.HANG)
    threading.Timer(0.1, server.release).start()
    assert client.chat(CHAT, HELLO).done
    with OllamaServer() as other:
        other.fail("/api/version", Fault.HANG)

        def shut_down() -> None:
            while not other.requests:
                time.sleep(0.01)
            other.__exit__(None, None, None)

        threading.Thread(target=shut_down).start()
        began = time.monotonic()
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.get(f"{other.url}/api/version", timeout=5)
    assert time.monotonic() - began < 4


def test_pull_reports_progress_and_adds_the_model(server: OllamaServer, client: ollama.Client) -> None:
    del server.models["nomic-embed-text:latest"]
    lines = list(client.pull(EMBED, stream=True))
    assert lines[0].status == "pulling manifest"
    assert lines[-1].status == "success"
    sizes = [(line.completed, line.total) for line in lines if line.digest]
    assert sizes[0][0] is None
    assert sizes[2][0] == sizes[2][1]
    assert client.embed(EMBED, "a").embeddings
    assert client.pull(EMBED).status == "success"


def test_a_pull_fails_under_200(server: OllamaServer, client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="pull model manifest: file does not exist") as caught:
        list(client.pull("none", stream=True))
    assert caught.value.status_code == -1
    with pytest.raises(ollama.ResponseError) as caught:
        client.pull("none")
    assert caught.value.status_code == 500


def test_a_crash_of_the_server_is_a_crash_of_the_test() -> None:
    def script(body: Body) -> str:
        raise KeyError("script")

    def ask() -> None:
        with OllamaServer(script=script) as server, pytest.raises(httpx.RemoteProtocolError):
            ollama.Client(host=server.url).chat(CHAT, HELLO)

    with pytest.raises(KeyError, match="script"):
        ask()
