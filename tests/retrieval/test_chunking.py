"""Invariants of cutting:

1. A passage is exactly its span of the document.
2. No character but white space is lost.
3. No passage holds more tokens than the size asked for.
4. Ids are unique and do not change when cut again.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.chunking import Chunking, Span, cut


def words(text: str) -> list[Span]:
    """A tokenizer so simple that its counts can be checked by eye: one token a word or mark."""
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


PIECES = ["a", "word", ". ", "? ", " ", "\n", "\n\n", "# ", "\n## H\n", "```\n", "é", "- ", "1) "]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=300).map("".join).filter(str.strip)


@given(TEXTS, st.booleans(), st.integers(8, 40), st.data())
def test_the_invariants_hold(text: str, headed: bool, size: int, data: st.DataObject) -> None:
    chunking = Chunking(size, data.draw(st.integers(0, size - 1)))
    document = Document("d", "t", text, headed=headed)
    passages = cut(document, chunking, words)
    covered = [False] * len(text)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert len(words(passage.text)) <= size
        covered[passage.start : passage.end] = [True] * (passage.end - passage.start)
    assert all(seen or character.isspace() for seen, character in zip(covered, text, strict=True))
    assert len({passage.id for passage in passages}) == len(passages)
    assert passages == cut(document, chunking, words)


def test_a_short_document_is_one_passage_with_the_documents_own_id() -> None:
    (passage,) = cut(Document("d", "Title", "  One. Two.  "), Chunking(), words)
    assert (passage.id, passage.text, passage.reading) == ("d", "One. Two.", "Title\nOne. Two.")


def test_cuts_fall_between_sentences_and_overlap_by_whole_ones() -> None:
    text = "One two three. Four five six. Seven eight nine."
    passages = cut(Document("d", "", text), Chunking(8, 4), words)
    assert [p.text for p in passages] == ["One two three. Four five six.", "Four five six. Seven eight nine."]
    assert [p.id for p in passages] == ["d#0-29", "d#15-47"]


def test_a_sentence_longer_than_a_passage_is_cut_and_not_dropped() -> None:
    text = " ".join(f"w{i}" for i in range(20))
    passages = cut(Document("d", "", text), Chunking(8, 0), words)
    assert [len(words(p.text)) for p in passages] == [8, 8, 4]


def test_markdown_headings_cut_and_become_titles() -> None:
    text = "# Guide\n\nIntro.\n\n## Setup\n\nInstall.\n\n```\n# no heading\n```\n\n### Linux\n\nUse apt.\n\n## Use\n\nRun."
    passages = cut(Document("g.md", "Guide", text, headed=True), Chunking(), words)
    assert [p.title for p in passages] == ["Guide", "Guide › Setup", "Guide › Setup › Linux", "Guide › Use"]
    assert "# no heading" in passages[1].text


def test_headings_and_fences_are_those_of_commonmark() -> None:
    text = (
        "# C#\n\nA.\n\n  ## Two spaces ##\r\nB.\n\n~~~~\n# in a fence\n~~~\n# still in it\n~~~~\n\n- ```\n  # in a list's fence\n  ```\n\n"
        "C.\n\n    # code\n\n<!--\n# a comment\n-->\n\n> # quoted\n\nUnder\n=====\n\n#none\n\n"
        "####### seven\n\n## *Three*\n\nD."
    )
    passages = cut(Document("g.md", "", text, headed=True), Chunking(), words)
    assert [p.title for p in passages] == ["C#", "C# › Two spaces", "C# › *Three*"]
    assert [p.text[:8] for p in passages] == ["# C#\n\nA.", "## Two s", "## *Thre"]


def test_the_time_to_cut_grows_no_faster_than_the_number_of_headings() -> None:
    def seconds(headings: int) -> float:
        text = "".join(f"## {i}\n\n- Fixed a bug in part {i}.\n\n" for i in range(headings))
        document = Document("c", "Changelog", text, headed=True)
        begin = time.process_time()
        assert len(cut(document, Chunking(), words)) == headings
        return time.process_time() - begin

    seconds(100)
    few = min(seconds(500) for _ in range(3))
    assert seconds(8000) < 4 * 16 * few  # the square of it would be 16 times 16


def test_hash_lines_of_plain_text_are_no_headings() -> None:
    (passage,) = cut(Document("g.txt", "g", "# one\n\n# two"), Chunking(), words)
    assert passage.title == "g"


def test_a_title_that_would_crowd_out_the_text_is_shortened_in_passages_only() -> None:
    document = Document("d", "very " * 200 + "long", "Text.")
    (passage,) = cut(document, Chunking(40, 0), words)
    assert len(words(passage.title)) <= 11
    assert passage.title.endswith("…")


@pytest.mark.parametrize(("size", "overlap"), [(7, 0), (0, 0), (20, 20), (20, -1)])
def test_sizes_out_of_bounds_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(BoundError, match=str(size if size < 8 else overlap)):
        Chunking(size, overlap)
