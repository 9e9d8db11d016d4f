"""Streamed and batched calls give what plain calls give, and tell what happens meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import dspy
import pytest
from five_programs import QUESTIONS
from hypothesis import given
from hypothesis import strategies as st

import quincunx
from quincunx.programs.answer import Answer
from quincunx.programs.events import Done, Event, Failed, Passages, Prose, Token
from quincunx.programs.program import GroundedProgram
from quincunx.retrieval.errors import BoundError


async def events(program: GroundedProgram, question: str) -> list[Event]:
    return [event async for event in program.stream(question)]


@pytest.mark.parametrize("program", QUESTIONS)
def test_a_stream_ends_with_the_answer_of_a_plain_call(canons: Path, program: str) -> None:
    loaded = quincunx.load(program)
    told = asyncio.run(events(loaded, QUESTIONS[program]))
    plain = loaded(question=QUESTIONS[program])
    kinds = [event.type for event in told]
    assert kinds[:3] == ["status", "passages", "status"]
    assert kinds[-1] == "done"
    assert kinds.count("citation") == len(plain.citations)
    (done,) = [event for event in told if isinstance(event, Done)]
    assert done.answer.record() == plain.record()
    (found,) = [event for event in told if isinstance(event, Passages)]
    assert list(found.passages) == plain.passages
    prose = "".join(event.text for event in told if isinstance(event, Token))
    assert all(citation.quote in prose for citation in plain.citations)


def test_concurrent_streams_do_not_mix(canons: Path) -> None:
    program = quincunx.load("astrology_reading")
    questions = [
        "what is the Tower",
        "what does the Star mean",
        "saturn return at 29",
        "the Fool reversed",
    ] * 4

    async def all_of_them() -> list[list[Event]]:
        return await asyncio.gather(*(events(program, question) for question in questions))

    for question, told in zip(questions, asyncio.run(all_of_them()), strict=True):
        done = told[-1]
        assert isinstance(done, Done)
        assert done.answer.question == question
        prose = "".join(event.text for event in told if isinstance(event, Token))
        assert all(citation.quote in prose for citation in done.answer.citations)


def test_a_stream_that_fails_says_so_last_and_leaks_no_settings(canons: Path) -> None:
    program = quincunx.load("chat_bridge")

    async def run() -> list[Event]:
        told = []
        async for event in program.stream("  "):
            assert dspy.settings.lm is None
            told.append(event)
        return told

    (failed,) = asyncio.run(run())
    assert isinstance(failed, Failed)
    assert failed.code == "empty_question"


def test_a_batch_keeps_the_order_and_failures_are_values(canons: Path) -> None:
    program = quincunx.load("chat_bridge")
    answers = program.batch(
        ["What is Sage?", " ", "what is tungsten's density", "What is Sage Daily?"], workers=3
    )
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer, Answer]
    assert isinstance(answers[1], Failed)
    assert answers[1].code == "empty_question"
    assert [a.question for a in answers if isinstance(a, Answer)][2] == "What is Sage Daily?"
    with pytest.raises(BoundError, match="workers"):
        program.batch(["x"], workers=0)


@given(st.lists(st.text(max_size=20), max_size=4), st.data())
def test_prose_is_found_however_the_reply_is_cut(sentences: list[str], data: st.DataObject) -> None:
    claims = [{"text": text, "citations": [{"passage_id": "p", "quote": "q"}]} for text in sentences]
    ascii_only = data.draw(st.booleans())
    reply = "[[ ## reply ## ]]\n" + json.dumps({"sentences": claims}, ensure_ascii=ascii_only)
    prose, found = Prose(), ""
    while reply:
        size = data.draw(st.integers(1, 9))
        found += prose.feed(reply[:size])
        reply = reply[size:]
    expected = "".join(text + " " for text in sentences)
    # Characters outside the basic plane arrive as two escapes, each half on its own.
    assert found.encode("utf-16", "surrogatepass").decode("utf-16") == expected
