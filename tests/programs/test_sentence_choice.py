"""Where passages have many sentences, the language model reads those nearest to the question.

1. So many at most, and one of each passage; all where they are few, or where nothing is asked.
2. What heads a chosen sentence is read above it.
3. Numbers lead to the sentences that were shown, in the answer and in streamed sentences.
4. What was left out is counted in the answer.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import scripted

import quincunx
from quincunx.programs.events import CheckedSentence
from quincunx.programs.prompt.numbered_passages import NumberedPassages
from quincunx.programs.prompt.sentence_choice import SentenceChoice
from quincunx.programs.registry import program_spec
from quincunx.retrieval.errors import ProgramSpecError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.models.profiles import find_profile, shared_embedder
from quincunx.signatures.evidence import Evidence

QUESTION = "what does a pallet cost"
PAGE = """# Freight

Parcels leave at noon. The yard is fenced.

## How much does a pallet cost?

40 euro.

## Tariffs

| goods | price of one pallet |
|---|---|
| bricks | 12 euro |
| feathers | 9 euro |
"""


class Model:
    """A handle that has an embedder, and no index."""

    embedder = shared_embedder(find_profile("embedded"))


MODEL = cast(SearchHandle, Model())


@pytest.fixture(scope="module")
def handle() -> SearchHandle:
    return MODEL


def filler(count: int, name: str) -> Evidence:
    return Evidence(
        id=name, title=name, text=" ".join(f"Lorry {n} of {name} is green." for n in range(count))
    )


def test_so_many_sentences_at_most_and_one_of_each_passage(handle: SearchHandle) -> None:
    passages = [filler(20, f"yard {n}") for n in range(5)]
    for most in (1, 3, 5, 12, 99):
        chosen = SentenceChoice(handle, most)(QUESTION, passages)
        assert chosen is not None
        assert len(chosen.places) == max(5, most)
        assert {id for id, _ in chosen.places} == {passage.id for passage in passages}
        assert chosen.left_out == 100 - len(chosen.places)


def test_all_are_read_where_they_are_few_or_nothing_is_asked(handle: SearchHandle) -> None:
    passages = [filler(3, "a"), filler(2, "b")]
    assert SentenceChoice(handle, 5)(QUESTION, passages) is None
    assert SentenceChoice(handle, 1)("  ", passages) is None
    assert SentenceChoice(handle, 1)(QUESTION, []) is None


def test_the_sentence_that_answers_is_read_below_what_heads_it(handle: SearchHandle) -> None:
    page = Evidence(id="freight", title="Freight", text=PAGE)
    chosen = SentenceChoice(handle, 2)(QUESTION, [page])
    assert chosen is not None
    shown = NumberedPassages([page], chosen.places).text
    assert "- ## How much does a pallet cost?\n[1] 40 euro." in shown
    assert "Parcels" not in shown
    rows = SentenceChoice(handle, 1)("price of feathers", [page])
    assert rows is not None
    shown = NumberedPassages([page], rows.places).text
    assert re.search(r"^- \| goods \| price of one pallet \|.*\n\[1\] .*feathers", shown, re.MULTILINE)


@given(st.lists(st.text("ab .?!\n#|-*`é中", max_size=60), min_size=1, max_size=4), st.integers(1, 4))
@settings(max_examples=25)
def test_numbers_lead_to_shown_sentences_alone_whatever_the_text(texts: list[str], most: int) -> None:
    passages = [Evidence(id=f"p{n}", title="T", text=text) for n, text in enumerate(texts)]
    chosen = SentenceChoice(MODEL, most)("a b", passages)
    shown = NumberedPassages(passages, chosen.places if chosen else None)
    for number, sentence in enumerate(shown.sentences, start=1):
        assert chosen is None or (sentence.passage.id, sentence.start) in chosen.places
        citation = shown.citation(number)
        assert citation.quote == sentence.passage.text[sentence.start : sentence.end]


def numbered_lines(prompt: str) -> dict[int, str]:
    return {int(n): text for n, text in re.findall(r"^\[(\d+)\] (.*)$", prompt, re.MULTILINE)}


def test_a_program_asks_with_few_sentences_and_reads_its_numbers_by_them(canons: Path) -> None:
    asked: list[str] = []

    def last(prompt: str) -> str:
        asked.append(prompt)
        lines = numbered_lines(prompt)
        return json.dumps({"sentences": [{"cites": [max(lines)], "text": lines[max(lines)]}], "between": []})

    program = quincunx.load("chat_bridge", lm=scripted(last)[0])
    answer = program(question="Which port does PgBouncer listen on?")
    lines = numbered_lines(asked[-1])
    assert len(lines) == 12
    assert answer.left_out > 0
    assert answer.record()["left_out"] == answer.left_out
    assert [citation.quote for citation in answer.citations] == [lines[12]]

    async def told() -> list[str]:
        events = program.stream(question="Which port does PgBouncer listen on?")
        return [event.claim.text async for event in events if isinstance(event, CheckedSentence)]

    assert asyncio.run(told()) == [lines[12]]


def test_a_program_may_read_all_of_them(canons: Path) -> None:
    asked: list[str] = []

    def none(prompt: str) -> str:
        asked.append(prompt)
        return json.dumps({"sentences": [], "between": []})

    program = quincunx.load("chat_bridge", lm=scripted(none)[0])
    program.spec = replace(program_spec("chat_bridge"), most_sentences=None)
    answer = program(question="Which port does PgBouncer listen on?")
    assert len(numbered_lines(asked[-1])) > 12
    assert answer.left_out == 0


@pytest.mark.parametrize("most", [0, -1, True, 2.5, "12"])
def test_a_number_of_sentences_that_is_none_is_refused_by_name(most: object) -> None:
    with pytest.raises(ProgramSpecError, match="most_sentences must be a whole number from 1"):
        replace(program_spec("chat_bridge"), most_sentences=most)  # type: ignore[arg-type]
