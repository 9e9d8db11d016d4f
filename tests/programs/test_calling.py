"""What one call takes and may spend.

1. A question after a conversation is searched for self-contained; one that stands alone costs no extra call.
2. Several queries are fused; what a model makes of them can only widen the search.
3. No call goes over its budget of calls, tokens or seconds, and a late one is ended, whatever it waits for.
4. A cancelled call ends at once, and so does its request.
5. A program works in a process that was spawned, and sent there.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Usage
from ollama_server import OllamaServer
from scripted import AsyncScripted, Scripted, asked_for, field_of, in_markers, record_of, scripted

import quincunx
from quincunx.programs.answer import Answer
from quincunx.programs.budget import Budget
from quincunx.programs.call.inputs import MOST_TURNS
from quincunx.programs.events import Done, Failed
from quincunx.programs.program import GroundedProgram
from quincunx.programs.prompt.rules import RULES, Cites
from quincunx.retrieval.errors import (
    BoundError,
    BudgetExceededError,
    DeadlineExceededError,
    QuincunxError,
    UsageError,
)
from quincunx.retrieval.filter_text import parse_filter

QUOTE = "Sage Daily is the sister site of Build Daily and gives tarot and transit readings."
REPLY = {
    "sentences": [
        {"text": "It gives readings.", "citations": [{"passage_id": "bd-sage-daily", "quote": QUOTE}]}
    ]
}
TURNS = [{"question": "What is Sage Daily?", "answer": "A sister site."}]


def honest(prompt: str) -> str:
    field = asked_for(prompt)
    if field == "standalone":
        return in_markers(field, "What does Sage Daily give?")
    return json.dumps({"reply": REPLY}) if field == "json" else in_markers(field, REPLY)


def test_a_question_after_a_conversation_is_searched_for_self_contained(canons: Path) -> None:
    lm, engine = scripted(honest)
    answer = quincunx.load("chat_bridge", cites="quotes", lm=lm)(
        question="and what does it give?", history=TURNS
    )
    assert answer.answered
    assert (answer.question, answer.searched) == ("and what does it give?", ["What does Sage Daily give?"])
    assert [asked_for(prompt) for prompt in engine.prompts] == ["standalone", "reply"]
    assert field_of(engine.prompts[1], "question") == "What does Sage Daily give?"
    assert json.loads(field_of(engine.prompts[1], "history")) == TURNS
    assert answer.usage.lm_calls == 2


def test_a_single_turn_costs_no_rephrasing(canons: Path) -> None:
    lm, engine = scripted(honest)
    assert (
        quincunx.load("chat_bridge", cites="quotes", lm=lm)(question="What is Sage Daily?").usage.lm_calls
        == 1
    )
    off = quincunx.load("chat_bridge", cites="quotes", lm=lm)
    off.rephrase = None
    assert off(question="What is Sage Daily?", history=TURNS).searched == ["What is Sage Daily?"]
    assert [asked_for(prompt) for prompt in engine.prompts] == ["reply", "reply"]


@pytest.mark.parametrize(
    "written", ["x" * 5000, "A sister site.", "what is Sage Daily"], ids=["long", "answer", "question"]
)
def test_a_rephrasing_of_no_use_leaves_the_question_and_says_so(canons: Path, written: str) -> None:
    """Such as one that is too long, or repeats what was said before."""

    def useless(prompt: str) -> str:
        return in_markers("standalone", written) if asked_for(prompt) == "standalone" else honest(prompt)

    answer = quincunx.load("chat_bridge", cites="quotes", lm=scripted(useless)[0])(
        question="and what does it give", history=TURNS
    )
    assert answer.searched == ["and what does it give"]
    assert any("rephrasing it gave nothing of use" in note for note in answer.notes)


def test_a_question_that_was_asked_before_may_stay_as_it_is(canons: Path) -> None:
    lm, _ = scripted(
        lambda prompt: (
            in_markers("standalone", TURNS[0]["question"])
            if asked_for(prompt) == "standalone"
            else honest(prompt)
        )
    )
    program = quincunx.load("chat_bridge", cites="quotes", lm=lm)
    answer = program(question="what is Sage Daily", history=TURNS)
    assert answer.searched == ["What is Sage Daily?"]
    assert not answer.notes


def test_the_extractive_engine_follows_a_conversation(canons: Path) -> None:
    program = quincunx.load("chat_bridge")
    assert "bd-sage-daily" not in {c.passage_id for c in program(question="who is it for?").citations}
    answer = program(question="who is it for?", history=TURNS)
    assert answer.searched == ["What is Sage Daily? who is it for?"]
    assert "bd-sage-daily" in {citation.passage_id for citation in answer.citations}


def test_older_turns_are_left_out_with_a_note(canons: Path) -> None:
    answer = quincunx.load("chat_bridge", lm="extractive")(
        question="who is it for?", history=TURNS * (MOST_TURNS + 2)
    )
    assert answer.notes == [f"of {MOST_TURNS + 2} earlier turns the newest {MOST_TURNS} were read"]


@pytest.mark.parametrize(
    ("program", "inputs", "message"),
    [
        ("ticker_fit", {"history": TURNS}, "no input 'history'; beside question it takes: none"),
        ("chat_bridge", {"market": "x"}, "no input 'market'; beside question it takes: history"),
        ("astrology_reading", {"drawn": ["The Star"]}, "'drawn' must be text"),
        ("chat_bridge", {"history": [{"said": "x"}]}, "history must be a list of turns"),
        ("chat_bridge", {"history": 5}, "history must be a list of turns"),
        ("chat_bridge", {"history": "What is it?"}, "history must be a list of turns"),
    ],
)
def test_inputs_that_a_program_does_not_have_are_refused(
    canons: Path, program: str, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        quincunx.load(program)(question="What is it?", **inputs)


def test_details_are_searched_for_and_told(canons: Path) -> None:
    lm, engine = scripted(lambda prompt: in_markers("reading", {"subject": "", "sentences": []}))
    reading = quincunx.load("astrology_reading", cites="quotes", lm=lm)
    answer = reading(question="should I stay in my job?", drawn="The Star, reversed, in the place of advice")
    assert answer.details == {"drawn": "The Star, reversed, in the place of advice"}
    assert "The Star, reversed" in answer.searched[0]
    assert field_of(engine.prompts[0], "drawn") == "The Star, reversed, in the place of advice"
    assert "sd-card-the-star" in {passage.id for passage in answer.passages}


def test_several_queries_are_fused_and_reach_what_one_does_not(canons: Path) -> None:
    def splitting(prompt: str) -> str:
        if asked_for(prompt) == "queries":
            assert field_of(prompt, "most") == "2"
            return in_markers("queries", ["token unlock crowded shorts", "drug trial failure", "too many"])
        return in_markers("findings", {"precedents": []})

    lm, _ = scripted(splitting)
    one = quincunx.load("catalyst_precedent", cites="quotes", lm=lm)(question="token unlock crowded shorts")
    two = quincunx.load("catalyst_precedent", cites="quotes", lm=lm, queries=2)(
        question="token unlock crowded shorts"
    )
    assert two.searched == ["token unlock crowded shorts", "drug trial failure"]
    assert {c.passage.id for c in two.candidates} - {c.passage.id for c in one.candidates}
    with pytest.raises(BoundError, match="chat_bridge does not split"):
        quincunx.load("chat_bridge", queries=2)
    with pytest.raises(BoundError, match=r"from 1 to 8 \(got 9"):
        quincunx.load("ticker_fit", queries=9)


def test_pages_of_the_other_kind_are_not_searched_whatever_else_is_asked_for(canons: Path) -> None:
    question = "strong pre-earnings setup"
    fits = quincunx.load("ticker_fit")(question=question)
    assert {candidate.passage.metadata["kind"] for candidate in fits.candidates} == {"ticker"}
    past = quincunx.load("catalyst_precedent")(question=question)
    assert {candidate.passage.metadata["kind"] for candidate in past.candidates} == {"catalyst"}
    dated = quincunx.SearchSettings(where=parse_filter("date>=2020-01-01"), k=30)
    narrowed = quincunx.load("ticker_fit", settings=dated)(question=question)
    assert {candidate.passage.metadata["kind"] for candidate in narrowed.candidates} == {"ticker"}
    assert len(narrowed.candidates) == 30
    both = quincunx.load("ticker_fit")
    both.retriever.settings = quincunx.SearchSettings()
    kinds = {candidate.passage.metadata["kind"] for candidate in both(question=question).candidates}
    assert kinds == {"ticker", "catalyst"}


@pytest.mark.parametrize("cites", RULES)
def test_a_budget_of_calls_is_not_passed(canons: Path, cites: Cites) -> None:
    lm, engine = scripted(lambda prompt: "no form at all")
    with pytest.raises(BudgetExceededError, match=r"1 calls of the language model were made.*lm_calls=1"):
        quincunx.load("chat_bridge", cites=cites, lm=lm)(question="What is Sage?", budget=Budget(lm_calls=1))
    assert len(engine.prompts) == 1


def test_a_budget_of_tokens_begins_nothing_once_it_is_used_up(canons: Path) -> None:
    lm, engine = scripted(honest, usage=Usage(input_tokens=900, output_tokens=50))
    program = quincunx.load("chat_bridge", cites="quotes", lm=lm, budget=Budget(tokens=900))
    with pytest.raises(BudgetExceededError, match=r"950 tokens were used.*tokens=900"):
        program(question="what is it for?", history=TURNS)
    answer = program(question="What is Sage Daily?")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, len(engine.prompts)) == (900, 50, 2)


@pytest.mark.parametrize(
    "bad",
    [
        {"lm_calls": 0}, {"lm_calls": True}, {"tokens": 0.5}, {"seconds": 0}, {"seconds": "5"},
        {"seconds": float("nan")}, {"seconds": True},
    ],
)  # fmt: skip
def test_budgets_out_of_bounds_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BoundError, match="must be"):
        Budget(**bad)


def late(program: GroundedProgram, way: str) -> BaseException | str:
    budget = Budget(seconds=1)
    try:
        if way == "sync":
            program(question="What is Sage?", budget=budget)
        elif way == "async":
            asyncio.run(program.acall(question="What is Sage?", budget=budget))
        else:

            async def last() -> Any:
                return [event async for event in program.stream("What is Sage?", budget)][-1]

            failed = asyncio.run(last())
            assert isinstance(failed, Failed)
            return failed.code
    except QuincunxError as error:
        return error.code
    return "in time"


@pytest.mark.parametrize("way", ["sync", "async", "stream"])
def test_a_late_call_is_ended_and_its_request_with_it(canons: Path, way: str) -> None:
    quincunx.load("chat_bridge")(question="warm up")
    engine = Scripted(honest, pause=20)
    awaited = AsyncScripted(engine)
    lm = dspy.LM("scripted/m", engine=engine, async_engine=awaited, cache=False)
    begin = time.monotonic()
    assert late(quincunx.load("chat_bridge", cites="quotes", lm=lm), way) == "deadline_exceeded"
    assert time.monotonic() - begin < 3
    assert awaited.cancelled == 1
    assert engine.prompts == []


def test_an_engine_without_an_async_side_is_not_waited_for(canons: Path) -> None:
    quincunx.load("chat_bridge")(question="warm up")
    lm = dspy.LM("scripted/m", engine=Scripted(honest, pause=3), cache=False)
    begin = time.monotonic()
    with pytest.raises(DeadlineExceededError, match=r"within its 0\.4 s"):
        quincunx.load("chat_bridge", cites="quotes", lm=lm)(
            question="What is Sage?", budget=Budget(seconds=0.4)
        )
    assert time.monotonic() - begin < 2


def test_a_late_search_is_not_waited_for(canons: Path) -> None:
    program = quincunx.load("chat_bridge")

    def slow(question: str, queries: Any = ()) -> Any:
        time.sleep(3)

    program.retriever = type(
        "Slow", (), {"handle": program.retriever.handle, "__call__": lambda _, **__: slow("")}
    )()
    begin = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        program(question="What is Sage?", budget=Budget(seconds=0.4))
    assert time.monotonic() - begin < 2


def test_engines_that_hang_do_not_hold_up_other_calls(canons: Path) -> None:
    quincunx.load("chat_bridge")(question="warm up")
    hanging = dspy.LM("scripted/m", engine=Scripted(honest, pause=3), cache=False)
    failed = quincunx.load("chat_bridge", cites="quotes", lm=hanging, budget=Budget(seconds=0.3)).batch(
        ["What is Sage?"] * 8, workers=8
    )
    assert {getattr(value, "code", None) for value in failed} == {"deadline_exceeded"}
    quick = dspy.LM("scripted/m", engine=Scripted(honest), cache=False)
    assert quincunx.load("chat_bridge", cites="quotes", lm=quick)(
        question="What is Sage Daily?", budget=Budget(seconds=1.5)
    ).answered


def test_a_budget_does_not_stall_a_call_that_dspy_streams(canons: Path) -> None:
    program = quincunx.load("chat_bridge", cites="quotes", lm=scripted(honest)[0], budget=Budget(seconds=5))
    streamer = dspy.streamify(program, async_streaming=False)
    begin = time.monotonic()
    (answer,) = [value for value in streamer(question="What is Sage Daily?") if isinstance(value, Answer)]
    assert answer.answered
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize(
    "reply",
    [
        "no form",
        json.dumps({"queries": None}),
        in_markers("queries", ["ab3 " * 240]),
        in_markers("queries", ["a \ud800"]),
    ],
)
def test_splitting_that_fails_leaves_the_question_whole(canons: Path, reply: str) -> None:
    def splitting(prompt: str) -> str:
        return in_markers("findings", {"precedents": []}) if "findings" in prompt else reply

    answer = quincunx.load("catalyst_precedent", cites="quotes", lm=scripted(splitting)[0], queries=3)(
        question="token unlock"
    )
    assert answer.searched == ["token unlock"]
    assert any("splitting it up gave nothing of use" in note for note in answer.notes)


def test_a_callback_that_raises_ends_a_stream_before_it_is_done(canons: Path) -> None:
    def broken(record: Any) -> None:
        raise UsageError("broken callback")

    program = quincunx.load("chat_bridge", on_call=broken)

    async def events() -> list[Any]:
        return [event async for event in program.stream("What is Sage Daily?")]

    assert [event.type for event in asyncio.run(events())][-2:] == ["citation", "error"]
    with pytest.raises(QuincunxError) as caught:
        program(question=" ")
    assert caught.value.code == "empty_question"


def test_wrong_budgets_and_halves_of_characters_are_typed_errors(canons: Path) -> None:
    program = quincunx.load("chat_bridge")
    with pytest.raises(UsageError, match="budget must be a Budget"):
        program(question="What is Sage?", budget=5)
    (failed,) = program.batch([{"question": "it?", "history": [{"question": "q \ud800"}]}])
    assert isinstance(failed, Failed)
    assert failed.code == "bad_usage"


def test_an_app_that_tracks_usage_itself_sees_all_of_it(canons: Path) -> None:
    lm, _ = scripted(honest, usage=Usage(input_tokens=9, output_tokens=5))
    with dspy.track_usage() as tracker:
        quincunx.load("chat_bridge", cites="quotes", lm=lm)(question="what is it for?", history=TURNS)
    assert tracker.get_total_tokens()["scripted/m"]["prompt_tokens"] == 18


@pytest.mark.parametrize("leave", ["cancel", "close"])
def test_leaving_a_call_closes_the_request_to_the_server_within_a_second(canons: Path, leave: str) -> None:
    quincunx.load("chat_bridge")(question="warm up")

    def endless(body: Any) -> Any:
        while True:
            time.sleep(0.02)
            yield "word "

    async def leaving(program: GroundedProgram, server: OllamaServer) -> None:
        if leave == "cancel":
            task = asyncio.create_task(program.acall(question="What is Sage?"))
            while not server.sent("/api/chat"):
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            events = program.stream("What is Sage?")
            async for event in events:
                if event.type == "status" and server.sent("/api/chat"):
                    break
                if event.type == "status" and event.stage == "asking":
                    await asyncio.sleep(0.5)
                    break
            await events.aclose()
        # The loop goes on, as an app's does; only the call ends.
        for _ in range(100):
            if server.disconnected.is_set():
                return
            await asyncio.sleep(0.01)

    with OllamaServer() as server:
        server.script = endless
        program = quincunx.load(
            "chat_bridge", cites="quotes", lm=quincunx.lm("ollama/qwen3", host=server.url)
        )
        asyncio.run(leaving(program, server))
        assert server.disconnected.is_set()


def test_a_batch_takes_whole_calls(canons: Path) -> None:
    lm, _ = scripted(honest)
    first, second, third = quincunx.load("chat_bridge", cites="quotes", lm=lm).batch(
        ["What is Sage Daily?", {"question": "what does it give?", "history": TURNS}, {"history": TURNS}]
    )
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert second.searched == ["What does Sage Daily give?"]
    assert isinstance(third, Failed)
    assert third.code == "empty_question"


def test_a_program_can_be_sent_to_a_process_that_was_spawned(canons: Path) -> None:
    program = quincunx.load("chat_bridge")
    here = json.loads(record_of(program, "What is Sage Daily?"))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = json.loads(pool.submit(record_of, program, "What is Sage Daily?").result(timeout=120))
    assert there == here


@pytest.mark.parametrize("cites", RULES)
def test_a_stream_asks_again_as_a_plain_call_does(canons: Path, cites: Cites) -> None:
    sections = '[[ ## sentences ## ]]\n[{"text": "It reads.", "cites": [1]}]\n\n[[ ## between ## ]]\n[]\n'
    second = sections if cites == "numbers" else json.dumps({"reply": REPLY})
    replies: Callable[[], Any] = lambda: iter(["no form", second])
    plain, streamed = replies(), replies()
    expected = quincunx.load("chat_bridge", cites=cites, lm=scripted(lambda _: next(plain))[0])(
        question="What is Sage Daily?"
    )
    program = quincunx.load("chat_bridge", cites=cites, lm=scripted(lambda _: next(streamed))[0])

    async def events() -> list[Any]:
        return [event async for event in program.stream("What is Sage Daily?")]

    told = asyncio.run(events())
    assert "asking again" in [event.stage for event in told if event.type == "status"]
    assert isinstance(told[-1], Done)
    assert told[-1].answer.record() == expected.record()
