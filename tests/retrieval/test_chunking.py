"""Invariants of cutting:

1. A passage is exactly its span of the document.
2. No character but white space is lost.
3. No passage holds more tokens than the size asked for.
4. Ids are unique and do not change when cut again.
"""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text import chunking, sentences
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import LONGEST_TOKEN, cut
from quincunx.retrieval.text.sentences import Span


def words(text: str) -> list[Span]:
    """A tokenizer so simple that its counts can be checked by eye: one token a word or mark."""
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


PIECES = [
    *(
        "a",
        "word",
        ". ",
        "? ",
        " ",
        "\n",
        "\n\n",
        "# ",
        "\n## H\n",
        "```\n",
        "é",
        "- ",
        "1) ",
        "\n===\n",
        "    x\n",
    ),
    *("|a|b|\n|-|-|\n", "|c|d|\n", "运费由客户承担", "。", "ลูกค้าคืน", "่", "\u200d", "a9059cbb" * 9, "> "),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=300).map("".join).filter(str.strip)


@given(TEXTS, st.booleans(), st.integers(8, 40), st.data())
def test_the_invariants_hold(text: str, headed: bool, size: int, data: st.DataObject) -> None:
    chunking = Chunking(size, data.draw(st.integers(0, size - 1)))
    document = Document("d", "t", text, headed=headed)
    passages = cut(document, chunking, words)
    covered = [False] * len(text)
    for passage in passages:
        assert passage.text == passage.head + text[passage.start : passage.end]
        assert passage.head in text
        assert len(words(passage.text)) <= size
        assert len(passage.text) <= LONGEST_TOKEN * size
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
    assert [p.title for p in passages] == ["C#", "C# › Two spaces", "Under", "Under › Three"]
    assert [p.text[:8] for p in passages] == ["# C#\n\nA.", "## Two s", "Under\n==", "## *Thre"]


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


TABLE = "| Item | Fee |\n|---|---|\n" + "".join(f"| part {i} | {i} euro |\n" for i in range(40))


def test_a_table_is_cut_between_rows_and_every_piece_begins_with_its_head() -> None:
    text = f"# Fees\n\nAll fees.\n\n{TABLE}\nAfter the table."
    passages = cut(Document("f.md", "Fees", text, headed=True), Chunking(60, 12), words)
    assert len(passages) > 4
    for passage in passages[1:]:
        assert passage.text.startswith("| Item | Fee |\n|---|---|\n| part ")
        assert all(line.startswith("|") == line.endswith("|") for line in passage.text.splitlines())
    assert [p.head for p in passages[:2]] == ["", "| Item | Fee |\n|---|---|\n"]


def test_a_head_that_fills_half_a_passage_is_not_repeated() -> None:
    text = TABLE.replace("Item", "Item " * 20)
    passages = cut(Document("f.md", "", text, headed=True), Chunking(40, 0), words)
    assert {p.head for p in passages} == {""}


def test_code_is_cut_between_lines() -> None:
    code = "".join(f"    value_{i} = compute_{i}(a, b)\n" for i in range(60))
    for text in (f"```py\n{code}```\n", f"~~~~\n{code}\n~~~\n{code}~~~~\n", code):
        passages = cut(Document("c.md", "", text, headed=True), Chunking(50, 0), words)
        lines = {line.strip() for line in text.splitlines()}
        assert len(passages) > 8
        assert all(line.strip() in lines for p in passages for line in p.text.splitlines())


def test_a_long_line_is_cut_between_words() -> None:
    text = "no stop here " * 50
    for headed in (True, False):
        passages = cut(Document("d", "", text, headed=headed), Chunking(10, 0), words)
        assert all(set(p.text.split()) <= {"no", "stop", "here"} for p in passages)


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("客户可以在三十天内退货，运费由客户承担。会员在生日当月可以领取优惠券。" * 40, "。"),
        ("返品は三十日以内です！送料はお客様の負担ですか？はい、そうです。" * 40, "！？。"),
        ("ग्राहक तीस दिनों के भीतर सामान वापस कर सकते हैं। शिपिंग का खर्च ग्राहक देगा। " * 40, "।"),
        ("هل يمكن إرجاع السلعة؟ نعم، خلال ثلاثين يوما. الشحن على العميل! " * 40, "؟.!"),
        ("كيا یہ درست ہے؟ جی ہاں۔ یہ درست ہے۔ " * 60, "؟۔"),
    ],
)
def test_other_scripts_are_cut_between_their_sentences(text: str, stop: str) -> None:
    def characters(text: str) -> list[Span]:
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace()]

    passages = cut(Document("d", "", text), Chunking(200, 0), characters)
    assert len(passages) > 3
    assert all(passage.text[-1] in stop for passage in passages)


@pytest.mark.parametrize(
    "text",
    [
        "ลูกค้าสามารถคืนสินค้าได้ภายในสามสิบวัน" * 200,
        "a9059cbb" * 3000,
        "\u200b" * 3000 + "x" + "\u200b" * 3000,
        "👩\u200d👩\u200d👧\u200d👦" * 800,
        "x" * 20 + "\u0301" * 50,
    ],
)
def test_text_that_the_tokenizer_takes_for_one_token_is_cut_all_the_same(text: str) -> None:
    passages = cut(Document("d", "", text), Chunking(), lambda text: [(0, len(text))])
    assert all(len(p.text) <= 200 * LONGEST_TOKEN for p in passages)
    assert "".join(p.text for p in cut(Document("d", "", text), Chunking(200, 0), words)) == text
    assert not any(unicodedata.category(p.text[0])[0] == "M" for p in passages)


def test_a_heading_above_deeper_headings_alone_is_no_passage_of_its_own() -> None:
    text = "# Guide\n\n## Setup\n\n### Linux\n\nUse apt.\n\n## Empty\n\n## Use\n\nRun."
    passages = cut(Document("g.md", "Guide", text, headed=True), Chunking(), words)
    assert [(p.title, p.text) for p in passages] == [
        ("Guide › Setup › Linux", "# Guide\n\n## Setup\n\n### Linux\n\nUse apt."),
        ("Guide › Empty", "## Empty"),
        ("Guide › Use", "## Use\n\nRun."),
    ]


def test_a_document_of_a_title_alone_is_one_passage() -> None:
    (passage,) = cut(Document("d", "Ferries sail every hour", ""), Chunking(), words)
    assert (passage.id, passage.text, passage.reading) == ("d", "", "Ferries sail every hour")


REPEATED = [
    "> ",
    "- ",
    "[",
    "|",
    "```\n",
    "\n",
    "#",
    "a\n===\n",
    "<!--",
    "* a\n",
    "1. a\n",
    "    x\n",
    "**a",
    "a. ",
]


@pytest.mark.parametrize("piece", [*REPEATED, "|b|\n"])
def test_no_markdown_takes_long_to_cut(piece: str) -> None:
    document = Document("d", "", "|a|\n|-|\n" + piece * 30_000, headed=True)
    begin = time.process_time()
    cut(document, Chunking(), words)
    assert time.process_time() - begin < 10  # what grows with the square of it takes minutes


@pytest.mark.parametrize("headed", [True, False])
def test_a_long_text_is_cut_piece_by_piece_as_it_would_be_at_once(
    headed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(
        f"Rule {number} is kept  in room {number % 7}. See vol. {number} of it, e.g. No. 5.{' ' * (number % 30)}"
        f"{chr(10) * (number % 4)}"
        for number in range(400)
    )
    document = Document("long", "Long", text, headed=headed)
    at_once = cut(document, Chunking(30, 10), words)
    monkeypatch.setattr(chunking, "TOKENIZED_AT_ONCE", 100)
    monkeypatch.setattr(sentences, "LOOKED_FOR_AT_ONCE", 100)
    lengths: list[int] = []

    def counted(piece: str) -> list[Span]:
        lengths.append(len(piece))
        return words(piece)

    assert cut(document, Chunking(30, 10), counted) == at_once
    assert max(lengths) < 1000 < len(text)
