"""The Ollama engine against the test server.

1. A call ends within its deadline, in the whole answer or in one typed error, whole, streamed and async.
2. No prompt is cut: the window holds it, or nothing is sent.
3. Nothing is tried again once a piece of a stream was handed on; what passes is tried again before.
4. Who leaves ends the work on the server within a second.
5. No host is saved, and no host answers for another.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Message, Request, TextPart, ThinkingPart
from dspy.utils.exceptions import AdapterParseError, ContextWindowExceededError, LMError
from ollama_server import Body, Chunk, Failure, Fault, Model, OllamaServer, Script, count_tokens

import quincunx
from quincunx.programs.engines.lms import lm, typed_cause
from quincunx.programs.engines.ollama_chat import OllamaChat
from quincunx.programs.engines.ollama_engine import AsyncOllamaEngine, OllamaEngine
from quincunx.programs.engines.ollama_messages import least_tokens, most_tokens
from quincunx.retrieval.errors import (
    BoundError,
    ModelOutputError,
    OllamaBusyError,
    OllamaCutOffError,
    OllamaError,
    OllamaModelMissingError,
    OllamaTimeoutError,
    OllamaUnreachableError,
    PromptTooLongError,
    QuincunxError,
    UsageError,
)

CHAT = "/api/chat"
NAME = "ollama/qwen3"


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        server.script = lambda body: ["Good ", "day"]
        yield server


def asking(text: str = "Hello there", model: str = NAME, **config: Any) -> Request:
    return Request(model, (Message.user(text),), config=lm15.Config(**config))


def chat(server: OllamaServer, **settings: Any) -> OllamaChat:
    usual: dict[str, Any] = {"host": server.url, "timeout_s": 5.0, "retries": 2, "backoff_s": 0.01}
    return OllamaChat(**usual | settings)


def text_of(events: list[Any]) -> str:
    return "".join(
        event.delta.text for event in events if event.type == "delta" and event.delta.type == "text"
    )


async def gathered(events: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in events]


Way = Callable[[OllamaChat, Request], str]


def whole(made: OllamaChat, request: Request) -> str:
    return str(OllamaEngine(made).complete(request).text)


def streamed(made: OllamaChat, request: Request) -> str:
    return text_of(list(OllamaEngine(made).stream(request)))


def awaited(made: OllamaChat, request: Request) -> str:
    return str(asyncio.run(AsyncOllamaEngine(made).complete(request)).text)


def streamed_async(made: OllamaChat, request: Request) -> str:
    return text_of(asyncio.run(gathered(AsyncOllamaEngine(made).stream(request))))


WAYS = [whole, streamed, awaited, streamed_async]
every_way = pytest.mark.parametrize("way", WAYS)


def failing(
    way: Way, made: OllamaChat, request: Request | None = None
) -> tuple[lm15.LM15Error, QuincunxError]:
    """Return the error that the engine raised, and the typed one it comes from."""
    with pytest.raises(lm15.LM15Error) as caught:
        way(made, request or asking())
    typed = typed_cause(caught.value)
    assert typed is caught.value.__cause__
    assert isinstance(typed, QuincunxError)
    return caught.value, typed


@every_way
def test_the_same_answer_on_every_way(server: OllamaServer, way: Way) -> None:
    assert way(chat(server), asking()) == "Good day"
    (sent,) = server.sent(CHAT)
    assert (sent["model"], sent["messages"]) == ("qwen3", [{"role": "user", "content": "Hello there"}])


FAULTS: list[tuple[Fault, type[QuincunxError], type[lm15.LM15Error], str, int]] = [
    (Fault.BUSY, OllamaBusyError, lm15.ServerError, "busy 3 times in a row .*OLLAMA_MAX_QUEUE", 3),
    (Fault.RUNNER_DEATH, OllamaBusyError, lm15.ServerError, "died 3 times in a row .*lacks memory", 3),
    (Fault.ABRUPT_CLOSE, OllamaError, lm15.ProviderError, "broke off its answer 3 times in a row", 3),
    (Fault.NOT_FOUND, OllamaModelMissingError, lm15.UnsupportedModelError, "`ollama pull qwen3`", 1),
    (Fault.GARBAGE, OllamaError, lm15.ProviderError, "does not speak Ollama's protocol", 1),
    (Fault.HANG, OllamaTimeoutError, lm15.TimeoutError, "within 0.4 s: raise timeout_s", 1),
    (Fault.STALL, OllamaTimeoutError, lm15.TimeoutError, "within 0.4 s: raise timeout_s", 1),
    (Fault.TRICKLE, OllamaTimeoutError, lm15.TimeoutError, "within 0.4 s: raise timeout_s", 1),
    (Fault.UNFINISHED, OllamaCutOffError, lm15.ProviderError, "without being said to be done", 1),
    (Fault.ERROR_MID_STREAM, OllamaError, lm15.ProviderError, "an error was encountered", 1),
]


@every_way
@pytest.mark.parametrize(("fault", "kind", "canonical", "message", "requests"), FAULTS)
def test_a_fault_is_one_typed_error_within_its_deadline(
    server: OllamaServer,
    way: Way,
    fault: Fault,
    kind: type[QuincunxError],
    canonical: type[lm15.LM15Error],
    message: str,
    requests: int,
) -> None:
    slow = fault in (Fault.HANG, Fault.STALL, Fault.TRICKLE)
    made = chat(server, timeout_s=0.4 if slow else 5.0)
    server.fail(CHAT, fault, times=9)
    began = time.monotonic()
    error, typed = failing(way, made)
    assert time.monotonic() - began < 0.4 + 1.0
    assert (type(error), type(typed)) == (canonical, kind)
    assert len(server.sent(CHAT)) == requests
    with pytest.raises(QuincunxError, match=message):
        raise typed
    assert len(str(typed)) < 500
    if slow:
        assert fault is Fault.TRICKLE or server.disconnected.wait(1)


@every_way
@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.RUNNER_DEATH, Fault.ABRUPT_CLOSE])
def test_what_passes_is_tried_again(server: OllamaServer, way: Way, fault: Fault) -> None:
    server.fail(CHAT, fault, times=2)
    assert way(chat(server), asking()) == "Good day"
    assert len(server.sent(CHAT)) == 3


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_a_stream_is_not_tried_again_once_it_has_begun(server: OllamaServer, way: Way) -> None:
    died = "model runner has unexpectedly stopped, this may be due to resource limitations"

    def script(body: Body) -> Iterator[str]:
        yield "Good "
        raise Failure(500, died)

    server.script = script
    _, typed = failing(way, chat(server))
    assert type(typed) is OllamaBusyError
    assert len(server.sent(CHAT)) == 1
    assert type(failing(whole, chat(server))[1]) is OllamaBusyError
    assert len(server.sent(CHAT)) == 1 + 3


@every_way
def test_no_server_is_an_error_that_says_how_to_start_one(way: Way) -> None:
    with OllamaServer() as gone:
        pass
    made = chat(gone, host=f"http://me:hush@127.0.0.1:{gone.port}")
    error, typed = failing(way, made)
    assert (type(error), type(typed)) == (lm15.TransportError, OllamaUnreachableError)
    assert "`ollama serve`" in str(typed)
    assert "hush" not in f"{error}{typed}{typed.__cause__}"


def test_a_server_that_comes_late_is_waited_for() -> None:
    with OllamaServer() as early:
        pass
    late = OllamaServer(port=early.port)
    threading.Timer(0.2, late.__enter__).start()
    try:
        assert whole(chat(late, retries=6, backoff_s=0.05), asking()) == "You said: Hello there"
    finally:
        late.__exit__(None, None, None)


@pytest.mark.parametrize("bad", ["http://[::1", "127.0.0.1:port"])
def test_an_address_that_is_none_is_refused_at_once(bad: str) -> None:
    with pytest.raises(OllamaUnreachableError, match="write it like http://localhost:11434"):
        lm(NAME, host=bad)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.BUSY, OllamaBusyError),
        (Fault.HANG, OllamaTimeoutError),
        (Fault.GARBAGE, OllamaError),
        (Fault.ABRUPT_CLOSE, OllamaError),
        (Fault.NOT_FOUND, OllamaModelMissingError),
    ],
)
def test_asking_for_the_context_fails_in_the_same_ways(
    server: OllamaServer, fault: Fault, kind: type[QuincunxError]
) -> None:
    server.fail("/api/show", fault, times=9)
    _, typed = failing(whole, chat(server, timeout_s=0.4))
    assert type(typed) is kind
    assert server.sent(CHAT) == []


def test_models_that_cannot_answer(server: OllamaServer) -> None:
    error, typed = failing(whole, chat(server), asking(model="ollama/none"))
    assert (type(error), type(typed)) == (lm15.UnsupportedModelError, OllamaModelMissingError)
    assert "`ollama pull none`" in str(typed)
    _, typed = failing(
        whole, chat(server, num_ctx=1024), asking(model="ollama/nomic-embed-text", max_tokens=9)
    )
    assert "does not support chat" in str(typed)


@every_way
def test_an_answer_cut_off_at_its_limit_is_an_error(server: OllamaServer, way: Way) -> None:
    server.script = lambda body: "word " * 100
    error, typed = failing(way, chat(server), asking(max_tokens=7))
    assert (type(error), type(typed)) == (lm15.ProviderError, OllamaCutOffError)
    assert "cut off after 7 tokens" in str(typed)
    assert "num_predict 7" in str(typed)
    assert "set max_tokens above 7" in str(typed)
    assert server.sent(CHAT)[0]["options"]["num_predict"] == 7


@every_way
@pytest.mark.parametrize("answer", [[], [" \n", "\t"], [Chunk(thinking="hm, hm")]])
def test_an_empty_answer_is_an_error(server: OllamaServer, way: Way, answer: list[Any]) -> None:
    server.script = lambda body: answer
    _, typed = failing(way, chat(server))
    assert type(typed) is ModelOutputError
    assert "empty answer" in str(typed)


def test_thinking_is_kept_apart(server: OllamaServer) -> None:
    server.script = lambda body: [Chunk(thinking="hm "), Chunk(thinking="hm"), "Good ", "day"]
    engine = OllamaEngine(chat(server))
    reply = engine.complete(asking())
    assert reply.message.parts == (ThinkingPart("hm hm"), TextPart("Good day"))
    assert reply.text == "Good day"
    events = list(engine.stream(asking()))
    assert [event.type for event in events] == ["start", *["delta"] * 4, "end"]
    assert [(event.delta.type, event.delta.part_index) for event in events[1:-1]] == [
        *[("thinking", 0)] * 2,
        *[("text", 1)] * 2,
    ]
    assert engine.complete(asking(reasoning=lm15.Reasoning("off"))).message.parts == (TextPart("Good day"),)
    assert [body.get("think") for body in server.sent(CHAT)] == [None, None, False]


def test_usage_is_what_the_server_counted(server: OllamaServer) -> None:
    engine = OllamaEngine(chat(server))
    expected = lm15.Usage(input_tokens=4, output_tokens=2)
    assert engine.complete(asking()).usage == expected
    assert list(engine.stream(asking()))[-1].usage == expected


def test_settings_reach_the_server(server: OllamaServer) -> None:
    config: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 3}
    whole(chat(server, keep_alive="9m"), asking(**config, stop=("END",), max_tokens=99))
    (body,) = server.sent(CHAT)
    assert body["options"] == config | {"stop": ["END"], "num_predict": 99, "num_ctx": 4096}
    assert (body["keep_alive"], body["truncate"], body["shift"]) == ("9m", False, False)
    assert "format" not in body


def test_messages_become_ollama_s(server: OllamaServer) -> None:
    request = Request(
        NAME,
        (
            Message.user([TextPart("one"), TextPart("two")]),
            Message.assistant([ThinkingPart("hm"), TextPart("three")]),
            Message.developer("four"),
        ),
        system="be kind",
    )
    whole(chat(server), request)
    assert server.sent(CHAT)[0]["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "one\ntwo"},
        {"role": "assistant", "content": "three", "thinking": "hm"},
        {"role": "system", "content": "four"},
    ]


IMAGE = lm15.ImagePart(data="aGk=", media_type="image/png")


@pytest.mark.parametrize(
    ("feature", "request_"),
    [
        ("messages[0].parts[1]", Request(NAME, (Message.user([TextPart("a"), IMAGE]),))),
        ("messages[0]", Request(NAME, (Message.tool("id", "result"),))),
        ("tools", Request(NAME, (Message.user("a"),), tools=(lm15.FunctionTool("f"),))),
        ("config.logprobs", asking(logprobs=0)),
        ("config.user_id", asking(user_id="me")),
        ("config.extensions", asking(extensions={"mirostat": 1})),
        ("config.reasoning.effort", asking(reasoning=lm15.Reasoning("max"))),
        ("config.reasoning.thinking_budget", asking(reasoning=lm15.Reasoning("low", thinking_budget=5))),
    ],
)
def test_what_cannot_be_passed_on_is_refused(server: OllamaServer, feature: str, request_: Request) -> None:
    error, typed = failing(whole, chat(server), request_)
    assert isinstance(error, lm15.UnsupportedFeatureError)
    assert error.feature == feature
    assert type(typed) is UsageError
    assert feature in str(typed)
    assert server.requests == []


@every_way
def test_a_prompt_over_the_context_is_never_sent(server: OllamaServer, way: Way) -> None:
    error, typed = failing(way, chat(server), asking("word " * 40_960))
    assert (type(error), type(typed)) == (lm15.ContextLengthError, PromptTooLongError)
    assert "at least 40960 tokens, and 40960 are all that 'qwen3' reads: shorten" in str(typed)
    _, typed = failing(way, chat(server), asking("語" * 13_000))
    assert "may have up to 39" in str(typed)
    assert "with 4096 for the answer that is over 40960" in str(typed)
    assert server.sent(CHAT) == []
    assert way(chat(server, count_tokens=count_tokens), asking("語" * 13_000)) == "Good day"


def test_a_window_that_was_set_is_asked_for_always_and_not_passed(server: OllamaServer) -> None:
    made = chat(server, num_ctx=2000)
    whole(made, asking())
    options = server.sent(CHAT)[0]["options"]
    assert (options["num_ctx"], options["num_predict"]) == (2000, 500)
    _, typed = failing(whole, made, asking("word " * 300))
    assert "over 2000, the num_ctx that was set" in str(typed)
    assert "raise num_ctx" in str(typed)
    whole(chat(server, num_ctx=10**6), asking())
    assert server.sent(CHAT)[1]["options"]["num_ctx"] == 40_960


TEXTS = [
    "",
    "a",
    "?!" * 900,
    "word " * 2000,
    "日本語のテキスト。" * 200,
    "🜨☿♀" * 300,
    "1234567890" * 500,
    "x\n\n\t y" * 700,
    "\x00\ud7ff\uffff" * 50,
]


def test_the_window_holds_prompt_and_answer(server: OllamaServer) -> None:
    made = chat(server)
    for text in TEXTS:
        reply = OllamaEngine(made).complete(
            Request(NAME, (Message.user(text), Message.assistant(text), Message.user("?")), system="be kind")
        )
        sent = server.sent(CHAT)[-1]
        true = sum(count_tokens(message["content"]) for message in sent["messages"])
        options = sent["options"]
        assert true + options["num_predict"] <= options["num_ctx"]
        assert (reply.usage.input_tokens or 0) == true
        assert least_tokens(sent["messages"]) <= true <= most_tokens(sent["messages"], 0, None)
    assert {body["options"]["num_ctx"] for body in server.sent(CHAT)} <= {8192, 16_384, 32_768}


def test_what_the_model_itself_adds_to_a_prompt_counts(server: OllamaServer) -> None:
    made = chat(server)
    shown = {"model_info": {"general.architecture": "q", "q.context_length": 8192}}
    bare = made._read_facts(shown, "q").template_tokens
    own = {"template": "t" * 100, "system": "s" * 10, "messages": [{"role": "user", "content": "é"}]}
    assert made._read_facts(shown | own, "q").template_tokens == bare + 100 + 10 + 2 + 32
    with pytest.raises(OllamaError, match=r"no context length for 'q' \(got None\): set num_ctx"):
        made._read_facts({}, "q")
    assert chat(server, num_ctx=900)._read_facts({}, "q").context == 900


def test_the_context_is_asked_for_once(server: OllamaServer) -> None:
    made = chat(server)
    for way in WAYS:
        way(made, asking())
    assert len(server.sent("/api/show")) == 1


@every_way
def test_a_prompt_that_the_server_cuts_is_an_error(server: OllamaServer, way: Way) -> None:
    made = chat(server)
    way(made, asking())
    server.models["qwen3:latest"].context_length = 50
    error, typed = failing(way, made, asking("word " * 60))
    assert (type(error), type(typed)) == (lm15.ContextLengthError, PromptTooLongError)
    assert "refused the prompt" in str(typed)
    server.ignores_truncate = True
    _, typed = failing(way, made, asking("word " * 60))
    assert type(typed) is PromptTooLongError
    assert "cut the prompt to 50 tokens, which has from 60" in str(typed)


@pytest.fixture
def endless(server: OllamaServer) -> OllamaServer:
    def script(body: Body) -> Iterator[str]:
        for _ in range(2000):
            time.sleep(0.005)
            yield "more "

    server.script = script
    return server


def test_closing_a_stream_ends_the_request(endless: OllamaServer) -> None:
    stream = OllamaEngine(chat(endless)).stream(asking())
    assert [next(stream).type for _ in range(3)] == ["start", "delta", "delta"]
    assert not endless.disconnected.is_set()
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert endless.disconnected.wait(1)


def test_closing_an_async_stream_ends_the_request(endless: OllamaServer) -> None:
    async def run() -> None:
        stream = AsyncOllamaEngine(chat(endless)).stream(asking())
        assert (await anext(stream)).type == "start"
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert await asyncio.to_thread(endless.disconnected.wait, 1)

    asyncio.run(run())


@pytest.mark.parametrize("hangs", [False, True])
def test_cancelling_a_call_ends_the_request(endless: OllamaServer, hangs: bool) -> None:
    if hangs:
        endless.fail(CHAT, Fault.HANG)

    async def run() -> None:
        with dspy.context(lm=lm(NAME, host=endless.url)):
            task = asyncio.create_task(dspy.Predict("question -> answer").acall(question="why?"))
        while not endless.sent(CHAT):
            assert not task.done()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(endless.disconnected.wait, 1)

    asyncio.run(run())


def test_a_deadline_ends_the_request(server: OllamaServer) -> None:
    server.fail(CHAT, Fault.HANG)
    failing(whole, chat(server, timeout_s=0.3))
    assert server.disconnected.wait(1)


@pytest.mark.parametrize("streams", [False, True])
def test_an_interrupt_ends_the_request(
    endless: OllamaServer, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    from concurrent.futures import Future

    wait = Future.result

    def interrupted(self: Future[Any], timeout: float | None = None) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return wait(self, timeout)  # Python interrupts the main thread alone
        if endless.sent(CHAT):
            monkeypatch.undo()
            raise KeyboardInterrupt
        try:
            return wait(self, 0.3)
        except TimeoutError:
            monkeypatch.undo()
            raise KeyboardInterrupt from None

    monkeypatch.setattr(Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        (streamed if streams else whole)(chat(endless), asking())
    assert endless.disconnected.wait(1)


def echo(body: Body) -> str:
    """Answer a prompt of ChatAdapter or JSONAdapter with the question itself."""
    question = str(body["messages"][-1]["content"]).split("## ]]\n", 1)[1].split("\n\n", 1)[0]
    if body.get("format"):
        return f'{{"answer": "{question}!"}}'
    return f"[[ ## answer ## ]]\n{question}!\n\n[[ ## completed ## ]]"


def test_predict_end_to_end_with_both_adapters(server: OllamaServer) -> None:
    server.script = echo
    predict = dspy.Predict("question -> answer")
    with dspy.context(lm=quincunx.lm(NAME, host=server.url, temperature=0.3, max_tokens=500)):
        assert predict(question="why").answer == "why!"
        assert asyncio.run(predict.acall(question="how")).answer == "how!"
        with dspy.context(adapter=dspy.JSONAdapter()):
            assert predict(question="who").answer == "who!"
            assert asyncio.run(predict.acall(question="when")).answer == "when!"
    bodies = server.sent(CHAT)
    assert [body.get("format", {}).get("required") for body in bodies] == [None, None, ["answer"], ["answer"]]
    assert {body["options"]["num_predict"] for body in bodies} == {500}
    assert {body["options"]["temperature"] for body in bodies} == {0.3}


def test_predict_streams_tokens(server: OllamaServer) -> None:
    server.script = lambda body: [
        "[[ ## answer ## ]]",
        "\n",
        "so ",
        "it ",
        "is",
        "\n\n",
        "[[ ## completed ## ]]",
    ]

    async def run() -> list[Any]:
        listener = dspy.streaming.StreamListener(signature_field_name="answer")
        stream = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])
        with dspy.context(lm=lm(NAME, host=server.url)):
            return [item async for item in stream(question="why is it so")]

    items = asyncio.run(run())
    pieces = [item.chunk for item in items if isinstance(item, dspy.streaming.StreamResponse)]
    assert len(pieces) > 1
    assert "".join(pieces).strip() == items[-1].answer == "so it is"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_dspy_raises_its_own_error_and_ours_is_found(server: OllamaServer, asynchronous: bool) -> None:
    predict = dspy.Predict("question -> answer")
    with dspy.context(lm=lm(NAME, host=server.url)):

        def ask(question: str) -> Any:
            return (
                asyncio.run(predict.acall(question=question)) if asynchronous else predict(question=question)
            )

        with pytest.raises(ContextWindowExceededError) as caught:
            ask("word " * 50_000)
        assert isinstance(typed_cause(caught.value), PromptTooLongError)
        server.fail(CHAT, Fault.UNFINISHED)
        with pytest.raises(LMError) as failed:
            ask("why")
    assert isinstance(typed_cause(failed.value), OllamaCutOffError)
    assert len(server.sent(CHAT)) == 1


def test_typed_cause_finds_what_is_there() -> None:
    mine = ModelOutputError("mine")
    assert typed_cause(mine) is mine
    assert typed_cause(ValueError("other")) is None
    first, second = ValueError(), ValueError()
    first.__cause__, second.__context__ = second, first
    assert typed_cause(first) is None
    first.__context__ = mine
    assert typed_cause(first) is None, "what was raised from another cause does not count"
    second.__context__ = mine
    assert typed_cause(first) is mine


def test_two_hosts_do_not_answer_for_each_other(server: OllamaServer) -> None:
    with OllamaServer(script=lambda body: "I am the other") as other:
        here, there = lm(NAME, host=server.url), lm(NAME, host=other.url)
        assert [here("hi"), there("hi"), here("hi")] == [["Good day"], ["I am the other"], ["Good day"]]
        assert [here("hi", cache=True), there("hi", cache=True)] == [["Good day"], ["I am the other"]]
        assert [here.copy()("hi"), copy.deepcopy(there)("hi", cache=True)] == [
            ["Good day"],
            ["I am the other"],
        ]
    assert len(server.sent(CHAT)) == 4
    with pytest.raises(UsageError, match="does not know which server answered"):
        lm(NAME, host=server.url, cache=True)
    with pytest.raises(UsageError, match=r"num_retries=3 .*: set retries"):
        lm(NAME, host=server.url, num_retries=3)


def test_sixteen_async_calls_at_once(server: OllamaServer) -> None:
    together = threading.Barrier(16)

    def script(body: Body) -> Iterator[str]:
        yield "You said: "
        together.wait(5)
        yield str(body["messages"][-1]["content"])

    server.script = script
    engine = AsyncOllamaEngine(chat(server))

    async def run() -> list[str | None]:
        replies = await asyncio.gather(*(engine.complete(asking(f"number {n}")) for n in range(16)))
        return [reply.text for reply in replies]

    assert asyncio.run(run()) == [f"You said: number {n}" for n in range(16)]


def test_threads_and_event_loops_share_an_engine(server: OllamaServer) -> None:
    made = chat(server)
    server.script = lambda body: str(body["messages"][-1]["content"])

    def ask(n: int) -> str:
        return WAYS[n % 4](made, asking(f"number {n}"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(32))) == [f"number {n}" for n in range(32)]


def test_no_connection_outlives_its_call(server: OllamaServer) -> None:
    made = chat(server)
    for way in WAYS:
        way(made, asking())
    failing(whole, made, asking("word " * 50_000))
    deadline = time.monotonic() + 2
    while server._http._open:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_host_is_saved(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    host = server.url.replace("http://", "http://me:hush@")
    made = lm(NAME, host=host, num_ctx=6000, keep_alive="5m", retries=1, timeout_s=9.0, temperature=0.5)
    assert made("hi") == ["Good day"]
    state = made.dump_state()
    assert "127.0.0.1" not in str(state)
    assert "hush" not in str(state)
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    loaded = dspy.LM.load_state(
        {name: value for name, value in state.items() if name != "_dspy_lm_class"}, allow_custom_lm_class=True
    )
    assert loaded("hi") == ["Good day"]
    assert loaded.engine.dump_state() == made.engine.dump_state()
    assert server.sent(CHAT)[1] == server.sent(CHAT)[0]


def test_copies_share_the_engine_and_a_pickle_asks_the_same_host(server: OllamaServer) -> None:
    engine = OllamaEngine(chat(server))
    assert copy.deepcopy(engine).chat is engine.chat
    assert pickle.loads(pickle.dumps(engine)).complete(asking()).text == "Good day"


@pytest.mark.parametrize(
    "settings",
    [{"num_ctx": 0}, {"timeout_s": 0}, {"timeout_s": float("nan")}, {"retries": -1}, {"backoff_s": -1}],
)
def test_numbers_out_of_bounds_are_refused(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(BoundError, match=f"{name} must be"):
        lm(NAME, **settings)


def test_the_deadline_is_the_sum_of_its_waits(server: OllamaServer) -> None:
    assert OllamaChat(timeout_s=2, retries=1, backoff_s=0.5).deadline_s == 2 * (2 * 2 + 0.5)
    assert OllamaChat(timeout_s=100, retries=0).deadline_s == 100 + 30


def test_other_names_are_dspy_s() -> None:
    made = lm("openai/gpt-4o-mini", temperature=0.4, num_retries=7)
    assert (made.model, made.engine, made.num_retries, made.kwargs["temperature"]) == (
        "openai/gpt-4o-mini",
        "auto",
        7,
        0.4,
    )


def test_a_model_with_a_small_context(server: OllamaServer) -> None:
    server.models["tiny:latest"] = Model("llama", 64, 2048, ["completion"], "ab" * 32)
    assert whole(chat(server), asking(model="ollama/tiny")) == "Good day"
    assert server.sent(CHAT)[0]["options"] == {"num_ctx": 2048, "num_predict": 512}


def test_what_an_adapter_cannot_read_is_no_error_of_ours(server: OllamaServer) -> None:
    script: Script = lambda body: "no markers at all"
    server.script = script
    with dspy.context(
        lm=lm(NAME, host=server.url), adapter=dspy.ChatAdapter(use_json_adapter_fallback=False)
    ):
        with pytest.raises(AdapterParseError) as caught:
            dspy.Predict("question -> answer, reason")(question="why")
    assert typed_cause(caught.value) is None
