"""The TypeScript client is made from the OpenAPI, and asks, streams, tells errors and leaves as the client in Python does."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typescript_client
from misbehaving_server import Reply, misbehaving
from node import run_typescript, why_not
from ollama_server import Fault, OllamaServer
from running_service import running

import quincunx

CLIENT = Path(__file__).parents[2] / "app" / "client" / "quincunx.ts"
QUESTION = "What is Sage Daily?"
BUSY = {"code": "overloaded", "detail": "too much waits", "request_id": "r1"}
BEGUN = b'event: status\ndata: {"type": "status", "stage": "retrieving"}\n\n'

needs_node = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run statements under Node with a ``client`` of an address; return what they ``return``.

    What is thrown is returned as ``{thrown: name, code, status, requestId, message}``.
    """
    shutil.copy(CLIENT, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    def evaluate(address: str, statements: str, options: str = "{}") -> Any:
        return run_typescript(
            tmp_path,
            f"""
            import {{ Quincunx, QuincunxError }} from "./quincunx.ts";
            const client = new Quincunx({json.dumps(address)}, {options});
            async function all<T>(events: AsyncIterable<T>): Promise<T[]> {{
              const seen: T[] = [];
              for await (const event of events) seen.push(event);
              return seen;
            }}
            async function caught(work: () => Promise<unknown>): Promise<unknown> {{
              try {{
                return await work();
              }} catch (error) {{
                const {{ name, code, status, requestId, message }} = error as QuincunxError;
                return {{ thrown: name, code, status, requestId, message, typed: error instanceof QuincunxError }};
              }}
            }}
            console.log(JSON.stringify(await caught(async () => {{ {statements} }}) ?? null));
            """,
        )

    return evaluate


def test_it_is_made_from_what_the_service_is_now() -> None:
    client = CLIENT.read_text("utf-8")
    remedy = "run: python tests/typescript_client.py app/client/quincunx.ts"
    assert typescript_client.made_anew(client, typescript_client.described()) == client, remedy


def test_it_asks_by_routes_that_are_there() -> None:
    by_hand, _, made = CLIENT.read_text("utf-8").partition(typescript_client.MADE)
    asked = set(re.findall(r'"((?:GET|POST|PUT|DELETE) /[^"]*)"', by_hand))
    there = set(re.findall(r'"((?:GET|POST|PUT|DELETE) /[^"]*)": \{', made))
    assert {"POST /v1/ask/{program}", "POST /v1/search", "GET /v1/programs"} <= asked <= there


def test_an_optional_field_a_constant_and_a_choice_are_told_apart() -> None:
    shape = {
        "type": "object",
        "description": "A cup.\n\nExample:\n    >>> not told",
        "required": ["tea"],
        "properties": {
            "tea": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"const": "cup", "type": "string", "default": "cup"},
            "sizes": {"type": "array", "items": {"enum": ["s", "l"], "type": "string"}, "description": "All"},
        },
    }
    made = typescript_client.made_anew(
        typescript_client.MADE, {"paths": {}, "components": {"schemas": {"Cup": shape}}}
    )
    declared = made[made.index("/** A cup. */") :]
    assert declared.splitlines() == [
        "/** A cup. */",
        "export interface Cup {",
        "  tea: string | null;",
        '  kind: "cup";',
        "  /** All. */",
        '  sizes?: ("s" | "l")[];',
        "}",
    ]


def test_a_schema_of_a_form_that_is_not_known_is_refused() -> None:
    odd: dict[str, Any] = {
        "paths": {},
        "components": {"schemas": {"Odd": {"properties": {"x": {"not": {}}}}}},
    }
    with pytest.raises(ValueError, match="no type is known"):
        typescript_client.made_anew(typescript_client.MADE, odd)


@needs_node
def test_it_gets_the_answer_that_a_call_in_process_gives(
    run: Run, service_address: str, canons: Path
) -> None:
    answer = run(service_address, f"return client.ask('chat_bridge', {json.dumps(QUESTION)})")
    own = quincunx.load("chat_bridge", lm="extractive")(question=QUESTION).record()
    assert (answer["output"], answer["citations"]) == (own["output"], own["citations"])
    assert answer["answered"]


@needs_node
def test_what_is_given_with_a_question_reaches_the_service(run: Run, service_address: str) -> None:
    answer = run(
        service_address,
        """return client.ask("chat_bridge", "Who runs it?", {
          history: [{ question: "What is Sage Daily?", answer: "A site." }],
          settings: { k: 4, n: 2, where: "site=builddaily" },
          budget: { seconds: 20 },
        });""",
    )
    assert answer["searched"] == ["What is Sage Daily? Who runs it?"]
    assert (len(answer["candidates"]), len(answer["passages"])) == (4, 2)
    drawn = run(
        service_address,
        """return client.ask("astrology_reading", "Should I stay?", { details: { drawn: "The Star" } });""",
    )
    assert drawn["details"] == {"drawn": "The Star"}


@needs_node
def test_a_stream_tells_stages_and_ends_with_the_answer(run: Run, service_address: str) -> None:
    events = run(service_address, f"return all(client.stream('chat_bridge', {json.dumps(QUESTION)}))")
    kinds = [event["type"] for event in events]
    assert kinds[0] == "status"
    assert kinds.index("passages") < kinds.index("sentence") < kinds.index("citation") < kinds.index("done")
    assert kinds[-1] == "done"
    assert events[-1]["answer"]["citations"][0]["title"] == "Sage Daily"


@needs_node
def test_an_error_within_a_stream_is_its_last_event(run: Run, service_address: str) -> None:
    (event,) = run(service_address, "return all(client.stream('chat_bridge', ' '))")
    assert (event["type"], event["code"]) == ("error", "empty_question")


@needs_node
def test_the_other_calls_give_what_the_service_says(run: Run, service_address: str) -> None:
    batch, found, ranked, programs, indexes = run(
        service_address,
        """return Promise.all([
          client.batch("chat_bridge", ["What is Sage Daily?", { question: "" }]),
          client.search("builddaily,sagedaily", "What is Sage Daily?", { settings: { n: 3 } }),
          client.rerank("What is the capital of France?", ["Tea is hot.", "Paris is the capital of France."], { top_n: 1 }),
          client.programs(),
          client.indexes(),
        ]);""",
    )
    assert [answer.get("code", "answered") for answer in batch] == ["answered", "empty_question"]
    assert (len(found["passages"]), found["generations"]) == (3, {"builddaily": 1, "sagedaily": 1})
    assert [result["index"] for result in ranked] == [1]
    assert "chat_bridge" in {program["name"] for program in programs}
    assert [index["name"] for index in indexes] == ["builddaily", "paiddaily", "sagedaily"]


@needs_node
@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("client.ask('nobody', 'What?')", 404, "unknown_program"),
        ("client.ask('chat_bridge', '')", 400, "empty_question"),
        ("client.search('nowhere', 'What?')", 404, "unknown_index"),
        ("all(client.stream('a/b', 'What?'))", 404, "unknown_path"),
        ("client.search('builddaily', 'x', { settings: { n: 0 } })", 400, "bad_bound"),
    ],
)
def test_errors_have_the_code_the_status_and_the_request_of_the_service(
    run: Run, service_address: str, call: str, status: int, code: str
) -> None:
    told = run(service_address, f"return {call}")
    assert (told["thrown"], told["typed"], told["status"], told["code"]) == (
        "QuincunxError",
        True,
        status,
        code,
    )
    assert told["requestId"]
    assert told["message"]


@needs_node
@pytest.mark.parametrize(
    ("leave", "thrown"),
    [
        ("break", None),
        ("leaving.abort()", "AbortError"),
        ("leaving.abort(new RangeError('enough'))", "RangeError"),
    ],
)
def test_who_leaves_a_stream_ends_the_call_and_frees_the_model(
    run: Run, canons: Path, monkeypatch: pytest.MonkeyPatch, leave: str, thrown: str | None
) -> None:
    with OllamaServer() as model:
        model.fail("/api/chat", Fault.HANG, times=5)
        monkeypatch.setenv("OLLAMA_HOST", model.url)
        with running(programs=["chat_bridge"], indexes=["builddaily"], lm="ollama/qwen3") as service:
            left = run(
                str(service.base_url).rstrip("/"),
                f"""
                const working = async (count: number) => {{
                  const metrics = await (await fetch(client.address + "/metrics")).text();
                  return metrics.includes(`quincunx_requests_working ${{count}}.0`);
                }};
                const leaving = new AbortController();
                let busy = false;
                const ended = await caught(async () => {{
                  for await (const event of client.stream("chat_bridge", "What is Sage?", {{ signal: leaving.signal }})) {{
                    if (event.type !== "status" || event.stage !== "asking") continue;
                    busy = await working(1);
                    {leave};
                  }}
                }});
                const begun = performance.now();
                while (!(await working(0)) && performance.now() - begun < 10_000);
                return {{ busy, thrown: ended?.thrown, freed: await working(0) }};
                """,
            )
    assert left == {"busy": True, "freed": True, **({} if thrown is None else {"thrown": thrown})}


@needs_node
def test_a_call_that_its_caller_ends_throws_the_callers_own_reason(run: Run) -> None:
    with misbehaving(Reply(503, BUSY, {"retry-after": "30"})) as server:
        told = run(server.address, "return client.indexes({ signal: AbortSignal.timeout(300) })")
        before = run(server.address, "return client.indexes({ signal: AbortSignal.abort() })")
    assert (told["thrown"], before["thrown"]) == ("TimeoutError", "AbortError")
    assert len(server.requests) == 1


@needs_node
def test_a_request_that_was_turned_away_is_made_again_after_as_long_as_the_service_says(run: Run) -> None:
    ready = [{"name": "builddaily", "generation": 3}]
    with misbehaving(Reply(503, BUSY, {"retry-after": "1"}), Reply(200, ready)) as server:
        listed, took = run(
            server.address,
            "const begun = performance.now(); return [await client.indexes(), performance.now() - begun]",
        )
    assert listed == ready
    assert took >= 1000
    assert len(server.requests) == 2


@needs_node
@pytest.mark.parametrize(
    ("reply", "options", "requests"),
    [
        (Reply(429, BUSY, {"retry-after": "0"}), "{}", 4),
        (Reply(429, BUSY, {"retry-after": "0"}), "{ tries: 2 }", 2),
        (Reply(429, BUSY, {"retry-after": "30"}), "{ seconds: 3 }", 1),
        (Reply(503, BUSY), "{}", 1),
        (Reply(500, BUSY, {"retry-after": "0"}), "{}", 1),
    ],
)
def test_only_what_was_turned_away_for_a_while_is_made_again(
    run: Run, reply: Reply, options: str, requests: int
) -> None:
    with misbehaving(reply) as server:
        told = run(server.address, "return client.indexes()", options)
    assert (told["code"], told["message"]) == ("overloaded", "too much waits")
    assert len(server.requests) == requests


@needs_node
def test_feedback_is_sent_once_whatever_comes_of_it(run: Run) -> None:
    with misbehaving(Reply(503, BUSY, {"retry-after": "0"})) as server:
        told = run(server.address, "return client.feedback({ answer_id: 'a', thumb: 'up' })")
    assert told["code"] == "overloaded"
    assert len(server.requests) == 1


@needs_node
def test_a_stream_that_breaks_off_is_an_error_and_is_not_begun_again(run: Run) -> None:
    read = """
        const seen: string[] = [];
        const told = await caught(async () => {
          for await (const event of client.stream("chat_bridge", "x")) seen.push(event.type);
        });
        return { seen, told };
    """
    with misbehaving(Reply(200, BEGUN, breaks_off=True), Reply(200, BEGUN)) as server:
        broken, ended = run(server.address, read), run(server.address, read)
    assert (broken["seen"], broken["told"]["code"]) == (["status"], "service_error")
    assert (ended["seen"], ended["told"]["code"]) == (["status"], "service_error")
    assert "ended before its answer" in ended["told"]["message"]
    assert len(server.requests) == 2


@needs_node
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_read_whatever_ends_their_lines(run: Run, end: str) -> None:
    text = f": still at work\n\nevent: token\ndata:\ndata: {json.dumps({'type': 'token', 'text': 'Grüße 🙂'}, ensure_ascii=False)}\n\n"
    last = f"data:{json.dumps({'type': 'error', 'code': 'x', 'message': 'y'})}\n\n"
    body = (text + last).replace("\n", end) + "data: {}\n\n"
    with misbehaving(Reply(200, body.encode())) as server:
        events = run(server.address, "return all(client.stream('chat_bridge', 'x'))")
    assert [event["type"] for event in events] == ["token", "error"]
    assert events[0]["text"] == "Grüße 🙂"


@needs_node
def test_what_is_no_service_is_said_to_be_none(run: Run) -> None:
    with misbehaving(Reply(200, b"<html>"), Reply(500, b"<html>", {"x-request-id": "r9"})) as server:
        page, failed = run(
            server.address,
            "return [await caught(() => client.indexes()), await caught(() => client.indexes())]",
        )
    assert (page["code"], page["status"]) == ("service_error", 200)
    assert "is no service of quincunx" in page["message"]
    assert (failed["code"], failed["status"], failed["requestId"]) == ("service_error", 500, "r9")


@needs_node
def test_where_no_service_answers_the_error_names_the_address_and_the_remedy(run: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    told = run(address, "return client.indexes()")
    assert (told["code"], told["status"]) == ("service_unreachable", 0)
    assert address in told["message"]
    assert "quincunx serve" in told["message"]


@needs_node
def test_a_service_that_is_silent_for_longer_than_may_be_waited_is_given_up(run: Run) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        told = run(address, "return client.indexes()", "{ seconds: 0.3 }")
        streamed = run(address, "return all(client.stream('chat_bridge', 'x'))", "{ seconds: 0.3 }")
    assert (told["code"], streamed["code"]) == ("deadline_exceeded", "deadline_exceeded")
    assert "0.3 s" in told["message"]


@needs_node
def test_the_key_is_sent_to_the_service_and_nowhere_else(run: Run) -> None:
    with (
        misbehaving(Reply(200, [])) as other,
        misbehaving(Reply(200, []), Reply(307, {}, {"location": f"{other.address}/v1/indexes"})) as server,
    ):
        told = run(
            server.address,
            "await client.indexes(); return client.indexes()",
            "{ key: 'qx_secret' }",
        )
    assert [sent["authorization"] for _, sent, _ in server.requests] == ["Bearer qx_secret"] * 2
    assert (told["code"], other.requests) == ("service_error", [])
    assert "qx_secret" not in json.dumps(told)
