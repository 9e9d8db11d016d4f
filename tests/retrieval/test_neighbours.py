"""Passages with their neighbours: each text once, every passage in its document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quincunx
from quincunx.retrieval.neighbours import DocumentPassages, with_neighbours
from quincunx.retrieval.passages import Part, Passage
from quincunx.retrieval.text.chunk_size import Chunking

SENTENCES = [f"Sentence number {number} tells of {fruit}." for number, fruit in enumerate(
    ["apples", "pears", "plums", "figs", "dates", "limes", "kiwis", "mangos"]
)]  # fmt: skip


@pytest.fixture
def fruit(home: Path) -> None:
    documents = [
        quincunx.Document("fruit", "Fruit", " ".join(SENTENCES)),
        quincunx.Document("other", "Bread", "Bread is made of flour."),
    ]
    quincunx.build_index("kb", documents, chunking=Chunking(16, 0))


def search(neighbours: int, n: int = 1) -> list[Passage]:
    settings = quincunx.SearchSettings(n=n, neighbours=neighbours)
    passages: list[Passage] = quincunx.Retriever("kb", settings=settings)(question="figs").passages
    return passages


@pytest.mark.parametrize(("neighbours", "told"), [(0, range(2, 4)), (1, range(6)), (9, range(8))])
def test_a_passage_is_given_with_those_round_it(fruit: None, neighbours: int, told: range) -> None:
    (passage,) = search(neighbours)
    assert passage.text == " ".join(SENTENCES[number] for number in told)
    assert passage.id == search(0)[0].id
    assert " ".join(SENTENCES)[passage.start : passage.end] == passage.text


def test_no_sentence_is_given_twice(fruit: None) -> None:
    told = " ".join(passage.text for passage in search(2, n=4))
    assert all(told.count(sentence) == 1 for sentence in SENTENCES)


def test_answers_cite_the_neighbours_too(fruit: None) -> None:
    settings = quincunx.SearchSettings(n=1, neighbours=1)
    answer = quincunx.load("chat_bridge", index="kb", settings=settings)(
        question="Which sentence tells of figs, and which of dates?"
    )
    cited = {" ".join(SENTENCES)[c.start : c.end] for c in answer.citations}
    assert cited
    assert cited <= set(SENTENCES)


@pytest.mark.parametrize("neighbours", [-1, 11, 1.0, True])
def test_a_number_that_cannot_be_is_one_error(neighbours: int) -> None:
    with pytest.raises(quincunx.BoundError, match="neighbours must be a whole number from 0 to 10"):
        quincunx.SearchSettings(neighbours=neighbours)


@given(st.data())
def test_every_text_is_its_span_and_what_is_kept_stays(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(3, 12), min_size=1, max_size=10))
    text, spans = "", []
    for number, length in enumerate(lengths):
        spans.append((len(text), len(text) + length))
        text += chr(97 + number) * length + " "
    document = DocumentPassages(text, (Part(0, "page", 1), Part(spans[-1][0], "page", 2)), tuple(spans))
    kept = data.draw(st.lists(st.sampled_from(spans), unique=True, min_size=1))
    passages = [Passage(f"d#{a}-{b}", "d", "T", text[a:b], a, b) for a, b in kept]
    count = data.draw(st.integers(1, 3))
    found = with_neighbours(passages, {passage.id: document for passage in passages}, count)
    assert [passage.id for passage in found] == [passage.id for passage in passages]
    given_characters = [at for passage in found for at in range(passage.start, passage.end)]
    assert len(given_characters) == len(set(given_characters))
    for passage, (start, end) in zip(found, kept, strict=True):
        assert text[passage.start : passage.end] == passage.text
        assert passage.start <= start < end <= passage.end
