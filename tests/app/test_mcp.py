"""The MCP server, asked by the client of the SDK over stdio and HTTP: answers equal those in process, errors are typed
results, odd ids are found, nothing but the protocol stands on stdout, and a call that is cancelled ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import promptable
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents
from ollama_server import Fault, OllamaServer

import quincunx
from quincunx.app.mcp.results import passage_uri
from quincunx.retrieval.storage.home import HOME_VARIABLE

Value = TypeVar("Value")

QUESTION = "What is Sage Daily?"
LM = "ollama/qwen3"
ODD_IDS = [
    "notes/a.md", "x#1", "50% off", "two words", "größe-漢字", "a,b", "../up", "/etc/passwd", "q?x=1&y=2", "a%2Fb", "quincunx://odd/x",
]  # fmt: skip
LONG = " ".join(
    f"Sentence number {number} of the long page is about lantern {number}." for number in range(120)
)


@pytest.fixture(scope="module")
def served_home(canons_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the canons, and an index whose ids look like paths and URLs."""
    home = tmp_path_factory.mktemp("mcp") / "home"
    shutil.copytree(canons_folder, home)
    documents = [
        quincunx.Document(
            id, f"Title of {id}", f"A text about oddity {number}.", {"url": "https://a.example/p"}
        )
        for number, id in enumerate(ODD_IDS)
    ]
    documents.append(quincunx.Document("long.md", "Long page", LONG, {"path": "long.md"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        quincunx.build_index("odd", documents)
    return home


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        server.script = promptable.answer
        yield server


def environment(home: Path, ollama: OllamaServer | None = None) -> dict[str, str]:
    hosts = {} if ollama is None else {"OLLAMA_HOST": ollama.url}
    return {**os.environ, HOME_VARIABLE: str(home), **hosts}


def command(home: Path, *options: str, ollama: OllamaServer | None = None) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "quincunx.app", "mcp", *options], env=environment(home, ollama)
    )


class Asked:
    """A client whose calls wait, on a loop of its own."""

    def __init__(self, client: Client, run: Callable[..., Any]) -> None:
        self._client, self._run = client, run

    def call(self, tool: str, **arguments: Any) -> Any:
        return self._run(self._client.call_tool, tool, arguments)

    def value(self, tool: str, **arguments: Any) -> Any:
        result = self.call(tool, **arguments)
        assert not result.is_error, result
        return result.structured_content

    def do(self, work: Callable[[Client], Awaitable[Value]]) -> Value:
        done: Value = self._run(work, self._client)
        return done

    def text_of(self, uri: str) -> str:
        (content,) = self.do(lambda client: client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        return content.text


@contextmanager
def connected(server: StdioServerParameters | str) -> Iterator[Asked]:
    with start_blocking_portal() as portal:
        entered: AbstractContextManager[Client] = portal.wrap_async_context_manager(Client(server))
        with entered as client:
            yield Asked(client, portal.call)


@pytest.fixture(scope="module")
def over_stdio(served_home: Path) -> Iterator[Asked]:
    with connected(command(served_home)) as asked:
        yield asked


@pytest.fixture(scope="module")
def http_url(served_home: Path, ollama: OllamaServer) -> Iterator[str]:
    """The address of a server over HTTP whose language model is the test's Ollama server."""
    arguments = [sys.executable, "-m", "quincunx.app", "mcp", "--http", "--port", "0", "--lm", LM]
    with subprocess.Popen(
        arguments, stderr=subprocess.PIPE, text=True, env=environment(served_home, ollama)
    ) as server:
        assert server.stderr is not None
        try:
            said = (json.loads(line)["message"] for line in server.stderr)
            running = next(line for line in said if "running on" in line)
            yield running.split("running on ")[1].split()[0] + "/mcp"
        finally:
            server.terminate()
            server.communicate(timeout=30)


@pytest.fixture(scope="module")
def over_http(http_url: str) -> Iterator[Asked]:
    with connected(http_url) as asked:
        yield asked


@pytest.fixture
def in_process(served_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(served_home))


def test_the_tools_only_read_and_say_what_they_take_and_return(over_stdio: Asked, over_http: Asked) -> None:
    for asked in (over_stdio, over_http):
        tools = {tool.name: tool for tool in asked.do(lambda client: client.list_tools()).tools}
        assert set(tools) == {"search", "get_passage", "list_programs", "ask"}
        for tool in tools.values():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert tool.output_schema is not None
            assert "Use it" in str(tool.description) or "Call it first" in str(tool.description)
        assert tools["search"].input_schema["required"] == ["question", "index"]
        assert tools["search"].input_schema["properties"]["n"]["maximum"] == 20
        assert tools["ask"].input_schema["required"] == ["program", "question"]


def test_a_search_is_that_in_process(over_stdio: Asked, over_http: Asked, in_process: None) -> None:
    own = quincunx.open_index("builddaily").search(
        QUESTION, quincunx.SearchSettings(n=3, where="site=builddaily")
    )
    for asked in (over_stdio, over_http):
        found = asked.value("search", question=QUESTION, index="builddaily", n=3, where="site=builddaily")
        assert [passage["passage_id"] for passage in found["passages"]] == [p.id for p in own.passages]
        assert [passage["text"] for passage in found["passages"]] == [p.text for p in own.passages]


def test_passages_of_several_indexes_keep_their_own_ids(over_stdio: Asked, in_process: None) -> None:
    question, n = "Is oddity 4 of Sage Daily?", 12
    own = quincunx.open_index(["builddaily", "odd"]).search(question, quincunx.SearchSettings(n=n))
    found = over_stdio.value("search", question=question, index="builddaily, odd", n=n)
    places = [f"{passage['index']}/{passage['passage_id']}" for passage in found["passages"]]
    assert places == [passage.id for passage in own.passages]
    assert {passage["index"] for passage in found["passages"]} == {"builddaily", "odd"}
    for passage in found["passages"]:
        read = over_stdio.value("get_passage", index=passage["index"], passage_id=passage["passage_id"])
        assert read == passage


def test_an_answer_is_that_in_process(over_stdio: Asked, in_process: None) -> None:
    asked: dict[str, dict[str, Any]] = {
        "chat_bridge": {"question": QUESTION},
        "astrology_reading": {"question": "Should I stay?", "details": {"drawn": "The Star"}},
        "ticker_fit": {"question": "a cautious income stock"},
    }
    for name, arguments in asked.items():
        told = over_stdio.value("ask", program=name, **arguments)
        inputs: dict[str, Any] = {"question": arguments["question"], **dict(arguments.get("details", {}))}
        own = quincunx.load(name, lm="extractive")(**inputs)
        assert told["answered"] == own.answered
        assert told["output"] == own.record()["output"]
        assert [c["passage_id"] for c in told["citations"]] == [c.passage_id for c in own.citations]
        assert [c["quote"] for c in told["citations"]] == [c.quote for c in own.citations]
    assert told["answered"]
    assert told["answer"]


def test_a_language_models_answer_over_http_is_that_in_process(
    over_http: Asked, ollama: OllamaServer, in_process: None
) -> None:
    told = over_http.value("ask", program="chat_bridge", question=QUESTION)
    own = quincunx.load("chat_bridge", lm=quincunx.lm(LM, host=ollama.url))(question=QUESTION)
    assert told["output"] == own.record()["output"]
    assert told["engine"] == own.engine == LM


def test_a_conversation_goes_along(over_stdio: Asked, in_process: None) -> None:
    history = [{"question": QUESTION, "answer": "A site with readings."}]
    told = over_stdio.value("ask", program="chat_bridge", question="Is it free?", history=history)
    own = quincunx.load("chat_bridge", lm="extractive")(question="Is it free?", history=history)
    assert told["searched"] == own.searched
    assert told["output"] == own.record()["output"]


def test_a_refusal_is_a_result(over_stdio: Asked) -> None:
    told = over_stdio.value("ask", program="chat_bridge", question="what is the boiling point of tungsten?")
    assert not told["answered"]
    assert told["refusal"].startswith("The passages found do not hold an answer")
    assert (told["answer"], told["citations"]) == ("", [])


def test_the_text_of_a_result_is_its_value_as_json(over_stdio: Asked) -> None:
    result = over_stdio.call("ask", program="chat_bridge", question=QUESTION)
    (content,) = result.content
    assert json.loads(content.text) == result.structured_content


def test_programs_and_indexes_are_listed(over_stdio: Asked) -> None:
    listed = over_stdio.value("list_programs")
    programs = {program["name"]: program for program in listed["programs"]}
    assert programs["catalyst_precedent"]["details"] == ["market"]
    assert programs["chat_bridge"]["indexes"] == ["builddaily"]
    assert "$defs" in programs["ticker_fit"]["output_schema"]
    indexes = {index["name"]: index for index in listed["indexes"]}
    assert indexes["odd"]["documents"] == len(ODD_IDS) + 1
    assert "ticker" in indexes["paiddaily"]["fields"]


@pytest.mark.parametrize("id", ODD_IDS)
def test_a_passage_of_an_odd_id_is_read_as_a_tool_and_as_a_resource(over_stdio: Asked, id: str) -> None:
    passage = over_stdio.value("get_passage", index="odd", passage_id=id)
    assert passage["passage_id"] == id
    assert passage["title"] == f"Title of {id}"
    assert passage["text"] == f"A text about oddity {ODD_IDS.index(id)}."
    assert passage["link"] == "https://a.example/p"
    assert passage["url"].startswith("https://a.example/p#:~:text=")
    assert over_stdio.text_of(passage["uri"]) == f"{passage['title']}\n{passage['text']}"


def test_neighbours_widen_a_passage(over_stdio: Asked) -> None:
    found = over_stdio.value("search", question="lantern 60", index="odd", n=1)["passages"][0]
    assert found["document_id"] == "long.md"
    assert "#" in found["passage_id"]
    wider = over_stdio.value("get_passage", index="odd", passage_id=found["passage_id"], neighbours=1)
    assert found["text"] in wider["text"]
    assert len(wider["text"]) > len(found["text"])
    assert wider["text"] in LONG


def test_the_list_of_resources_is_bounded_and_each_can_be_read(over_stdio: Asked, over_http: Asked) -> None:
    for asked in (over_stdio, over_http):
        listed = asked.do(lambda client: client.list_resources()).resources
        assert 40 < len(listed) <= 100
        assert {resource.uri.split("/")[2] for resource in listed} == {
            "builddaily",
            "odd",
            "paiddaily",
            "sagedaily",
        }
        assert asked.text_of(listed[-1].uri)
        (template,) = asked.do(lambda client: client.list_resource_templates()).resource_templates
        assert template.uri_template == "quincunx://{index}/{passage_id}"


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "remedy"),
    [
        ("search", {"question": " ", "index": "builddaily"}, "empty_question", "pass at least one word"),
        ("search", {"question": "x", "index": "nowhere"}, "unknown_index", "known: builddaily, odd"),
        ("search", {"question": "x", "index": "odd,odd"}, "bad_bound", "name each index to search once"),
        ("search", {"question": "x", "index": "odd", "where": "="}, "bad_filter", "="),
        ("search", {"question": "x", "index": "odd", "where": "ulr=a"}, "unknown_field", "Did you mean 'url'?"),
        ("search", {"question": "x", "index": "odd", "n": 21}, "bad_request", "n: "),
        ("search", {"question": "x", "index": "odd", "were": "a=b"}, "bad_request", "it takes: question, index, n"),
        ("search", {"question": "x" * 100_001, "index": "odd"}, "bad_bound", "send a shorter one"),
        ("search", {"index": "odd"}, "bad_request", "question: Field required"),
        ("get_passage", {"index": "odd", "passage_id": "x#2"}, "unknown_passage", "as a search or a citation"),
        ("get_passage", {"index": "nowhere", "passage_id": "x"}, "unknown_index", "known: builddaily"),
        ("ask", {"program": "chat_brige", "question": "x"}, "unknown_program", "chat_bridge"),
        ("ask", {"program": "chat_bridge", "question": "x", "details": {"a": "b"}}, "bad_usage", "no input 'a'"),
        ("forget", {}, "bad_request", "there are: search, get_passage"),
    ],
)  # fmt: skip
def test_errors_are_results_with_a_code_and_a_remedy(
    over_stdio: Asked, tool: str, arguments: dict[str, Any], code: str, remedy: str
) -> None:
    result = over_stdio.call(tool, **arguments)
    assert result.is_error
    assert result.structured_content["code"] == code
    assert remedy in result.structured_content["message"]
    assert result.content[0].text.startswith(f"error [{code}]: ")


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        (passage_uri("odd", "nothing"), "unknown_passage"),
        (passage_uri("nowhere", "x"), "unknown_index"),
        (passage_uri("odd", "x" * 100_001)[:60_000], "unknown_passage"),
    ],
)
def test_a_resource_that_is_none_is_a_protocol_error(over_stdio: Asked, uri: str, code: str) -> None:
    with pytest.raises(MCPError) as raised:
        over_stdio.do(lambda client: client.read_resource(uri))
    assert raised.value.error.code == -32602
    assert raised.value.error.data["code"] == code


def test_nothing_but_the_protocol_is_on_stdout_and_lines_of_json_alone_on_stderr(served_home: Path) -> None:
    asked = [
        request(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "1"}),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(2, "tools/call", name="search", arguments={"question": QUESTION, "index": "builddaily"}),
        request(3, "tools/call", name="ask", arguments={"program": "chat_bridge", "question": "Sesame of Sage Daily?"}),
        request(4, "tools/call", name="ask", arguments={"program": "nobody", "question": "x"}),
        request(5, "no/such/method"),
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "quincunx.app", "mcp"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(served_home),
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.writelines(json.dumps(message) + "\n" for message in asked)
        server.stdin.write("no JSON\n")
        server.stdin.flush()
        lines = [server.stdout.readline() for _ in range(5)]
        server.stdin.close()
        lines += server.stdout.readlines()
        logged = server.stderr.read()
    answers = [json.loads(line) for line in lines]
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    assert {answer.get("id") for answer in answers} >= {1, 2, 3, 4, 5}
    assert server.returncode == 0
    told = [json.loads(line) for line in logged.splitlines()]
    assert [line["call"]["outcome"] for line in told if line["logger"] == "quincunx.calls"] == ["answered"]
    assert "Sesame" not in logged


def request(id: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def test_a_cancelled_call_over_http_ends_its_language_model(over_http: Asked, ollama: OllamaServer) -> None:
    assert_cancelled(over_http, ollama)


def test_a_cancelled_call_over_stdio_ends_its_language_model(served_home: Path, ollama: OllamaServer) -> None:
    options = ("--programs", "chat_bridge", "--index", "builddaily", "--lm", LM)
    with connected(command(served_home, *options, ollama=ollama)) as asked:
        assert [program["name"] for program in asked.value("list_programs")["programs"]] == ["chat_bridge"]
        assert_cancelled(asked, ollama)


def assert_cancelled(asked: Asked, ollama: OllamaServer) -> None:
    """Cancel a call while its language model hangs: it is hung up on within two seconds, and the server goes on."""
    ollama.disconnected.clear()
    ollama.fail("/api/chat", Fault.HANG)
    before = chats(ollama)

    async def leave(client: Client) -> float:
        call = asyncio.create_task(
            client.call_tool("ask", {"program": "chat_bridge", "question": f"{QUESTION} {before}"})
        )
        deadline = time.monotonic() + 60
        while chats(ollama) == before:
            assert not call.done(), call.result()
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        call.cancel()
        assert await asyncio.to_thread(ollama.disconnected.wait, 10)
        return time.monotonic() - begun

    assert asked.do(leave) < 2
    assert asked.value("search", question=QUESTION, index="builddaily", n=1)["passages"]


def chats(ollama: OllamaServer) -> int:
    return sum(recorded.path == "/api/chat" for recorded in list(ollama.requests))


def test_other_hosts_and_origins_are_refused(http_url: str) -> None:
    ping = request(1, "ping")
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}

    def status(**changed: str) -> int:
        return httpx.post(http_url, json=ping, headers={**headers, **changed}, trust_env=False).status_code

    assert status(host="evil.example") == 421
    assert status(host="evil.example:80") == 421
    assert status(origin="https://evil.example") == 403
    own = str(httpx.URL(http_url).copy_with(path=""))
    assert status(origin=own.rstrip("/")) not in (403, 421)


def test_what_is_not_there_yet_is_told_by_every_tool_until_it_is(tmp_path: Path, canons_folder: Path) -> None:
    with connected(command(tmp_path / "home")) as asked:
        result = asked.call("list_programs")
        assert result.is_error
        assert result.structured_content["code"] == "bad_usage"
        assert "quincunx demo" in result.structured_content["message"]
        shutil.copytree(canons_folder / "indexes" / "sagedaily", tmp_path / "home" / "indexes" / "sagedaily")
        listed = asked.value("list_programs")
    assert [program["name"] for program in listed["programs"]] == ["astrology_reading"]
    assert [index["name"] for index in listed["indexes"]] == ["sagedaily"]


def test_without_the_extra_it_is_named(quincunx: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quincunx.app.mcp.server", None)
    done = quincunx("mcp")
    assert done.status == 1
    assert "error [missing_extra]" in done.err
    assert "quincunx[mcp]" in done.err
