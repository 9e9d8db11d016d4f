"""A sentence is told once it stands, and what was told is in the answer whatever comes after it.

1. A sentence is told as soon as its object is closed, however the reply is cut into pieces.
2. What does not stand is never told.
3. What was told is never taken back: by a broken end, a repeated field, a second reply or too many sentences.
4. Other outputs, and replies with quotes, tell their sentences when the whole has been checked.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request, StreamDeltaEvent, TextDelta, response_to_events
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import AsyncScripted, Scripted

import quincunx
from quincunx import Evidence
from quincunx.programs.call.sentence_stream import SentenceStream, prose_field
from quincunx.programs.check.claims import SupportCheck
from quincunx.programs.events import CheckedSentence, Done, Event, Status
from quincunx.signatures.astrology_reading import Reading
from quincunx.signatures.chat_bridge import ChatReply
from quincunx.signatures.resource_search import ResourcePages

GIVES = "Sage Daily is the sister site of Build Daily and gives tarot and transit readings."
PASSAGES = [
    Evidence(id="a", title="Sage Daily", text=GIVES),
    Evidence(id="b", title="Tea", text="Tea keeps for two years in a dark tin. Tins cost 4 euro."),
]
TRUE = {"cites": [1], "text": "Sage Daily gives tarot and transit readings."}
TEA = {"cites": [2], "text": "Tea keeps for two years."}
WRONG = {"cites": [2], "text": "Tea keeps for nine years."}
FOREIGN = {"cites": [77], "text": "Tea was first grown in Assam."}


def reply(*sentences: Any, end: str = "") -> str:
    text = json.dumps({"sentences": list(sentences), "between": []})
    return text[: -len(end)] if end else text


def stream(most: int | None = 5) -> SentenceStream:
    return SentenceStream(
        ChatReply, "sentences", PASSAGES, SupportCheck("How long does tea keep?", most=most)
    )


@given(st.lists(st.integers(0, 400), max_size=12))
def test_a_sentence_is_told_once_its_object_is_closed_however_the_reply_is_cut(cuts: list[int]) -> None:
    whole = reply(TRUE, WRONG, TEA)
    places = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    reading, told, so_far = stream(), [], ""
    for start, end in itertools.pairwise(places):
        so_far += whole[start:end]
        told += [claim.text for claim in reading.feed(whole[start:end])]
        closed = [said["text"] for said in (TRUE, TEA) if json.dumps(said) in so_far]
        assert told == closed
    assert told == [TRUE["text"], TEA["text"]]


def test_what_does_not_stand_is_never_told() -> None:
    reading = stream()
    assert reading.feed(reply(WRONG, FOREIGN, {"cites": [2]}, {"text": "x", "cites": "none"})) == []
    assert reading.told_only() is None


def test_more_sentences_than_a_list_may_hold_are_not_told() -> None:
    assert [claim.text for claim in stream(most=1).feed(reply(TRUE, TEA))] == [TRUE["text"]]


@pytest.mark.parametrize(
    ("output", "field"), [(ChatReply, "sentences"), (Reading, "sentences"), (ResourcePages, None)]
)
def test_only_prose_is_told_sentence_by_sentence(output: Any, field: str | None) -> None:
    assert prose_field(output) == field


class InPieces(AsyncScripted):
    """Streams its reply a few characters at a time."""

    async def stream(self, request: Request) -> Any:
        for event in response_to_events(self.scripted.answer(request)):
            text = getattr(getattr(event, "delta", None), "text", None)
            if text is None:
                yield event
                continue
            for at in range(0, len(text), 7):
                await asyncio.sleep(0)
                yield StreamDeltaEvent(delta=TextDelta(text=text[at : at + 7], part_index=0))


def asked(said: list[str], program: str = "chat_bridge", **settings: Any) -> list[Event]:
    """Return the events of a call whose language model says these replies one after the other."""
    replies = iter(said)
    engine = Scripted(lambda _: next(replies))
    lm = dspy.LM("scripted/m", engine=engine, async_engine=InPieces(engine), cache=False)
    loaded = quincunx.load(program, lm=lm, **settings)

    async def events() -> list[Event]:
        return [event async for event in loaded.stream("What is Sage Daily?")]

    return asyncio.run(events())


def told(events: list[Event]) -> list[str]:
    return [event.claim.text for event in events if isinstance(event, CheckedSentence)]


def first_of(canons: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a claim that stands for the question that `asked` asks, and one that does not."""
    sentence = quincunx.Retriever("builddaily")(question="What is Sage Daily?").passages[0].text
    first = sentence.split(". ")[0] + "."
    return {"cites": [1], "text": first}, {"cites": [1], "text": "It costs 97 euro."}


def test_sentences_are_told_before_the_answer_and_stand_in_it(canons: Path) -> None:
    true, wrong = first_of(canons)
    events = asked([reply(wrong, true)])
    assert isinstance(events[-1], Done)
    assert told(events) == [claim.text for claim in events[-1].answer.output.sentences] == [true["text"]]
    checking = events.index(Status("checking"))
    assert [type(event) for event in events[:checking]].count(CheckedSentence) == 1
    assert [dropped.rule for dropped in events[-1].answer.dropped] == ["unsupported_detail"]


@pytest.mark.parametrize("broken", ["cut off", "a second reply", "a repeated field", "too many"])
def test_a_told_sentence_is_never_taken_back(canons: Path, broken: str) -> None:
    true, wrong = first_of(canons)
    whole = reply(true)
    said = {
        "cut off": whole.removesuffix('], "between": []}') + ', {"cites": [1], "te',
        "a second reply": whole + reply(wrong),
        "a repeated field": whole[:-1] + ', "sentences": []}',
        "too many": reply(true, *[wrong] * 9),
    }[broken]
    events = asked([said, reply()])
    assert isinstance(events[-1], Done)
    assert told(events) == [true["text"]]
    assert [claim.text for claim in events[-1].answer.output.sentences] == [true["text"]]


def test_a_reply_of_which_nothing_was_told_is_asked_for_again(canons: Path) -> None:
    true, _ = first_of(canons)
    again = f"[[ ## sentences ## ]]\n{json.dumps([true])}\n\n[[ ## between ## ]]\n[]\n\n[[ ## completed ## ]]"
    events = asked(["no form at all", again])
    assert Status("asking again") in events
    assert isinstance(events[-1], Done)
    assert told(events) == [true["text"]]


def test_other_outputs_tell_their_sentences_when_all_is_checked(canons: Path) -> None:
    true, _ = first_of(canons)
    said = json.dumps({"pages": [{"passage_id": "P1", "why": [true]}]})
    events = asked([said], "resource_search")
    assert told(events) == [true["text"]]
    assert events.index(Status("checking")) < [type(event) for event in events].index(CheckedSentence)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.integers(0, 200))
def test_whatever_follows_what_was_told_is_in_the_output(noise: str, at: int) -> None:
    reading = stream()
    whole = reply(TRUE, TEA)
    found = reading.feed(whole[:at] + noise + whole[at:])
    only = reading.told_only()
    assert (only.sentences if only is not None else []) == found
    assert reading.with_told(ChatReply(sentences=[])).sentences == found
