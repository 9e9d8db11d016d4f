"""Calls as OpenTelemetry spans: a tree of OpenInference's kinds with times, ranks, tokens and errors, and no text unasked."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import promptable
import pytest
from dspy.lm15 import Usage
from ollama_server import OllamaServer
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from scripted import in_markers, scripted
from spans import SpanTree, attributes, collected, json_attribute, times, within

import quincunx
from quincunx.programs.program import GroundedProgram
from quincunx.programs.spans.door import trace_search
from quincunx.retrieval.errors import EmptyQuestionError, ModelOutputError

QUESTION = "What is Sage Daily?"
QUOTE = "Sage Daily is the sister site of Build Daily and gives tarot and transit readings."
CITED = {"passage_id": "bd-sage-daily", "quote": QUOTE}
STAGES = {
    ("EMBEDDING", "embed"), ("CHAIN", "dense"), ("CHAIN", "lexical"), ("CHAIN", "fuse"), ("RERANKER", "rerank"),
}  # fmt: skip
TREE = {
    "ask chat_bridge": {("RETRIEVER", "search builddaily"), ("LLM", "lm scripted/m"), ("GUARDRAIL", "check")},
    "search builddaily": STAGES,
}


def reply(prompt: str) -> str:
    claims = [
        {"text": "It gives readings.", "citations": [CITED]},
        {"text": "Unsupported words.", "citations": [{"passage_id": "elsewhere", "quote": "free of charge"}]},
    ]
    return in_markers("reply", {"sentences": claims})


def program(answer: Any = reply, *, texts: bool = False, **settings: Any) -> GroundedProgram:
    lm, _ = scripted(answer, usage=Usage(input_tokens=90, output_tokens=5, total_tokens=95))
    made = quincunx.load("chat_bridge", cites="quotes", lm=lm, **settings)
    made.rephrase = None
    return quincunx.trace_calls(made, texts=texts)


@pytest.fixture
def made() -> Iterator[InMemorySpanExporter]:
    with collected() as exporter:
        yield exporter


def tree(made: InMemorySpanExporter) -> SpanTree:
    return SpanTree(made.get_finished_spans())


def test_a_call_is_a_chain_of_search_model_and_check(canons: Path, made: InMemorySpanExporter) -> None:
    program()(question=QUESTION)
    found = tree(made)
    assert found.shape() == TREE
    assert found.root().parent is None
    assert len({span.context.trace_id for span in found.spans}) == 1


def test_awaited_streamed_timed_and_copied_calls_make_the_same_tree(
    canons: Path, made: InMemorySpanExporter
) -> None:
    asked = program()

    async def stream() -> None:
        async for _ in asked.stream(QUESTION):
            pass

    ways: list[Callable[[], Any]] = [
        lambda: asyncio.run(asked.acall(question=QUESTION)),
        lambda: asyncio.run(stream()),
        lambda: asked(question=QUESTION, budget=quincunx.Budget(seconds=60)),
        lambda: copy.deepcopy(asked)(question=QUESTION),
        lambda: asked.batch([QUESTION], workers=2),
    ]
    for way in ways:
        made.clear()
        way()
        assert tree(made).shape() == TREE


def test_every_span_lies_within_its_parent(canons: Path, made: InMemorySpanExporter) -> None:
    program()(question=QUESTION)
    found = tree(made)
    for span in found.spans:
        assert within(span, found.parent(span) or span)
    stages = [found.one("RETRIEVER"), found.one("LLM"), found.one("GUARDRAIL")]
    assert [times(span) for span in stages] == sorted(times(span) for span in stages)
    assert times(found.one("EMBEDDING"))[1] <= times(found.one("RERANKER"))[0]


def test_the_times_are_those_of_the_record(canons: Path, made: InMemorySpanExporter) -> None:
    records: list[quincunx.CallRecord] = []
    program(on_call=records.append)(question=QUESTION)
    found = tree(made)
    for span, stage in ((found.one("RERANKER"), "rerank"), (found.one("RETRIEVER"), "retrieve")):
        begun, ended = times(span)
        assert (ended - begun) / 1e9 == pytest.approx(records[0].stages[stage], abs=1e-6)
    assert attributes(found.root())["quincunx.call_id"] == records[0].id


def test_ranks_and_scores_of_every_stage_are_told(canons: Path, made: InMemorySpanExporter) -> None:
    answer = program()(question=QUESTION)
    found = tree(made)
    search, rerank = found.one("RETRIEVER"), found.one("RERANKER")
    assert json_attribute(search, "quincunx.candidates") == [c.ranks() for c in answer.candidates]
    for place, candidate in enumerate(answer.candidates[:5]):
        document = f"retrieval.documents.{place}.document"
        assert attributes(search)[f"{document}.id"] == candidate.passage.id
        assert attributes(search)[f"{document}.score"] == candidate.rerank_score
        assert json_attribute(search, f"{document}.metadata") == candidate.ranks()
    assert "retrieval.documents.5.document.id" not in attributes(search)
    by_fusion = sorted(answer.candidates, key=lambda candidate: candidate.fused_rank)
    for name, order in (("input", by_fusion), ("output", answer.candidates)):
        told = [attributes(rerank)[f"reranker.{name}_documents.{i}.document.id"] for i in range(20)]
        assert told == [candidate.passage.id for candidate in order]
    assert attributes(rerank)["reranker.input_documents.0.document.score"] == by_fusion[0].fused_score
    assert attributes(rerank)["reranker.model_name"]
    assert (
        attributes(found.one("EMBEDDING"))["embedding.model_name"] == "sentence-transformers/all-MiniLM-L6-v2"
    )


def test_the_model_its_tokens_and_what_was_dropped_are_told(canons: Path, made: InMemorySpanExporter) -> None:
    answer = program()(question=QUESTION)
    found = tree(made)
    asked = attributes(found.one("LLM"))
    assert asked["llm.model_name"] == "scripted/m"
    assert [asked[f"llm.token_count.{kind}"] for kind in ("prompt", "completion", "total")] == [90, 5, 95]
    root = attributes(found.root())
    assert (root["quincunx.outcome"], root["quincunx.cited"]) == ("answered", ("bd-sage-daily",))
    rules = [dropped["rule"] for dropped in json_attribute(found.one("GUARDRAIL"), "quincunx.dropped")]
    assert rules == [dropped.rule for dropped in answer.dropped] == ["foreign_id", "no_citation"]


def test_no_text_is_in_a_span_unless_it_is_asked_for(canons: Path, made: InMemorySpanExporter) -> None:
    history = [{"question": "Sesame before", "answer": "Sesame answer"}]
    program()(question="Sesame sage daily", history=history)
    with pytest.raises(ModelOutputError):
        program(lambda prompt: "sesame form")(question="Sesame sage daily")
    with pytest.raises(quincunx.UsageError):
        program()(question="x", sesame="y")
    written = tree(made).written()
    for text in ("sesame", "Sage Daily", QUOTE[:20], "Unsupported words"):
        assert text not in written
        assert text.title() not in written


def test_with_texts_question_prompt_passages_and_answer_are_told(
    canons: Path, made: InMemorySpanExporter
) -> None:
    answer = program(texts=True)(question=QUESTION)
    found = tree(made)
    root, asked, search = (attributes(found.one(kind)) for kind in ("GUARDRAIL", "LLM", "RETRIEVER"))
    root = attributes(found.root())
    assert root["input.value"] == QUESTION
    assert json_attribute(found.root(), "output.value")["answer"] == answer.output.answer
    assert search["retrieval.documents.0.document.content"] == answer.passages[0].reading
    assert (
        json_attribute(found.one("RETRIEVER"), "retrieval.documents.0.document.metadata")["title"]
        == "Sage Daily"
    )
    assert asked["llm.input_messages.0.message.role"] == "system"
    assert QUESTION in asked["llm.input_messages.1.message.content"]
    assert "It gives readings." in asked["llm.output_messages.0.message.content"]
    assert attributes(found.one("RERANKER"))["reranker.query"] == QUESTION
    assert max(len(attributes(span)) for span in found.spans) < 128


def test_a_second_try_is_a_second_span_of_the_model(canons: Path, made: InMemorySpanExporter) -> None:
    whole = {"reply": {"sentences": [{"text": "It gives readings.", "citations": [CITED]}]}}
    replies = iter(["no form", json.dumps(whole)])
    program(lambda prompt: next(replies))(question=QUESTION)
    found = tree(made)
    assert [attributes(span)["llm.token_count.prompt"] for span in found.of("LLM")] == [90, 90]
    assert all(found.parent(span) is found.root() for span in found.of("LLM"))


def test_failures_and_cancelled_calls_are_told_as_such(canons: Path, made: InMemorySpanExporter) -> None:
    with pytest.raises(EmptyQuestionError):
        program()(question=" ")
    root = tree(made).root()
    assert root.status.status_code == StatusCode.ERROR
    assert (root.status.description, attributes(root)["error.type"]) == ("empty_question", "empty_question")
    made.clear()

    def broken(prompt: str) -> str:
        raise RuntimeError("sesame broke")

    with pytest.raises(quincunx.LanguageModelError):
        program(broken)(question=QUESTION)
    found = tree(made)
    assert found.one("LLM").status.status_code == found.root().status.status_code == StatusCode.ERROR
    assert attributes(found.root())["error.type"] == "language_model"
    assert found.one("RETRIEVER").status.status_code == StatusCode.UNSET
    assert "sesame" not in found.written()
    made.clear()

    lm, _ = scripted(reply, pause=30)
    slow = quincunx.trace_calls(quincunx.load("chat_bridge", cites="quotes", lm=lm))

    async def leave() -> None:
        call = asyncio.create_task(slow.acall(question=QUESTION))
        while not tree(made).spans and not call.done():
            await asyncio.sleep(0.5)
            call.cancel()
        await asyncio.wait({call})

    asyncio.run(leave())
    root = tree(made).root()
    assert attributes(root)["quincunx.outcome"] == "cancelled"
    assert root.status.status_code == StatusCode.UNSET


def test_a_search_that_fails_is_the_span_that_the_call_ended_in(
    home_of_canons: Path, made: InMemorySpanExporter
) -> None:
    asked = program()
    asked.retriever.settings = quincunx.SearchSettings(where="nofield=x")
    with pytest.raises(quincunx.UnknownFieldError):
        asked(question=QUESTION)
    found = tree(made)
    assert attributes(found.one("RETRIEVER"))["error.type"] == "unknown_field"
    assert found.shape() == {"ask chat_bridge": {("RETRIEVER", "search builddaily")}}


def test_spans_lie_below_those_of_the_app_and_above_those_of_a_client(
    canons: Path, made: InMemorySpanExporter
) -> None:
    tracer = trace.get_tracer("app")

    def instrumented(prompt: str) -> str:
        with tracer.start_as_current_span("client of the model"):
            return reply(prompt)

    with tracer.start_as_current_span("app") as outer:
        program(instrumented)(question=QUESTION)
        assert trace.get_current_span() is outer
    found = tree(made)
    assert found.root().parent == outer.get_span_context()
    (client,) = (span for span in made.get_finished_spans() if span.name == "client of the model")
    assert client.parent == found.one("LLM").context


def test_an_ollama_server_is_told_the_trace_and_nothing_of_it_where_it_is_not_traced(
    canons: Path, made: InMemorySpanExporter
) -> None:
    with OllamaServer() as server:
        server.script = promptable.answer
        asked = quincunx.load("chat_bridge", lm=quincunx.lm("ollama/qwen3", host=server.url))
        token = context.attach(baggage.set_baggage("who", "sesame"))
        try:
            with trace.get_tracer("app").start_as_current_span("app"):
                asked(question=QUESTION)
        finally:
            context.detach(token)
        assert all("traceparent" not in sent and "baggage" not in sent for sent in server.headers)
        server.headers.clear()
        quincunx.trace_calls(asked)(question=QUESTION)
    model = tree(made).one("LLM").context
    assert server.headers
    told = {tuple(sent["traceparent"].split("-")[1:3]) for sent in server.headers}
    assert told == {(f"{model.trace_id:032x}", f"{model.span_id:016x}")}


def test_a_search_of_its_own_is_a_retriever(canons: Path, made: InMemorySpanExporter) -> None:
    index = quincunx.open_index(["builddaily", "sagedaily"])
    trace_search(index, index.search(QUESTION))
    found = tree(made)
    assert found.shape() == {"search builddaily+sagedaily": STAGES}
    for span in found.spans:
        assert within(span, found.root())
    made.clear()
    trace_search(index, index.search(QUESTION, quincunx.SearchSettings(rerank=False)))
    found = tree(made)
    assert not found.of("RERANKER")
    assert attributes(found.root())["retrieval.documents.0.document.score"] > 0


def test_a_call_that_is_not_traced_makes_no_span_nor_a_pickled_one(
    canons: Path, made: InMemorySpanExporter
) -> None:
    lm, _ = scripted(reply)
    quincunx.load("chat_bridge", cites="quotes", lm=lm)(question=QUESTION)
    assert made.get_finished_spans() == ()
    on_call = pickle.loads(pickle.dumps(program().on_call))
    assert not on_call.wanted


def test_an_apps_own_callbacks_of_dspy_still_hear_of_the_call(
    canons: Path, made: InMemorySpanExporter
) -> None:
    heard: list[str] = []

    class Own(dspy.utils.callback.BaseCallback):
        def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            heard.append(call_id)

    with dspy.context(callbacks=[Own()]):
        program()(question=QUESTION)
    assert len(heard) == len(tree(made).of("LLM")) == 1


def run(code: str, canons: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_an_sdk_a_traced_call_answers_all_the_same(canons: Path) -> None:
    code = (
        "import quincunx\n"
        "from quincunx.programs.spans.door import spans_go_nowhere, trace_search\n"
        "p = quincunx.trace_calls(quincunx.load('chat_bridge', lm='extractive'))\n"
        f"print(spans_go_nowhere(), p(question={QUESTION!r}).answered)\n"
        "i = quincunx.open_index('builddaily'); trace_search(i, i.search('x'))"
    )
    assert run(code, canons) == "True True"


def test_without_the_api_calls_work_and_asking_for_spans_names_the_extra(canons: Path) -> None:
    code = (
        "import sys, quincunx\n"
        "p = quincunx.load('chat_bridge', lm='extractive')\n"
        f"print(p(question={QUESTION!r}).answered, sorted(m for m in sys.modules if m.startswith('opentelemetry')))\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n"
        "    quincunx.trace_calls(p)\n"
        "except quincunx.MissingExtraError as error:\n"
        "    print(error)"
    )
    said = run(code, canons)
    assert said.splitlines()[0] == "True []"
    assert "quincunx[traces]" in said
