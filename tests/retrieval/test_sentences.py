"""Sentences and blocks: what of a text can be quoted by itself, and where it may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from quincunx.retrieval.text.markdown import plain_text, read_blocks
from quincunx.retrieval.text.sentences import read_sentences

PIECES = [
    "a. ",
    "- ",
    "  ",
    "\n",
    "\n\n",
    "> ",
    "# h\n",
    "```\n",
    "|a|b|\n|-|-|\n",
    "|c|d|\n",
    "1. ",
    "===\n",
    "---\n",
]
PIECES += ["    x\n", "<div>\n", "\r\n", "\r", "é", "。", "\u200d"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_blocks_are_those_of_the_whole_document(text: str) -> None:
    """Blocks are read one at a time; the library, asked for the whole, has the same."""
    names = {"heading_open": "heading", "paragraph_open": "paragraph", "hr": "rule", "html_block": "html"}
    whole = MarkdownIt("commonmark").enable("table").disable(["inline", "reference"]).parse(text)
    expected = [names[token.type] for token in whole if token.type in names]
    assert [block.kind for block in read_blocks(text) if block.kind in names.values()] == expected


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_sentences_come_in_order_without_overlap_and_without_space_at_their_ends(text: str) -> None:
    at = 0
    for sentence in read_sentences(text):
        assert at <= sentence.start < sentence.end
        piece = text[sentence.start : sentence.end]
        assert piece == piece.strip() or sentence.kind == "code"
        at = sentence.end


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Li came. He left.", ["Dr. Li came.", "He left."]),
        ("Use nails, e.g. No. 5 or vol. 2. Then stop.", ["Use nails, e.g. No. 5 or vol. 2.", "Then stop."]),
        ("It costs $3.50. The U.S. firm pays.", ["It costs $3.50.", "The U.S. firm pays."]),
        ("客户可以退货。运费由客户承担。", ["客户可以退货。", "运费由客户承担。"]),
        ("सामान वापस कर सकते हैं। खर्च ग्राहक देगा।", ["सामान वापस कर सकते हैं।", "खर्च ग्राहक देगा।"]),
        ("هل هذا جيد؟ نعم.", ["هل هذا جيد؟", "نعم."]),
        ("- one\n- two. Three\n", ["one", "two.", "Three"]),
        ("> quoted\n> on. Next\n", ["quoted\n> on.", "Next"]),
        ("| a | b |\n|---|---|\n| 1. x | 2 |\n", ["| a | b |\n|---|---|", "| 1. x | 2 |"]),
        ("```\na. b\nc\n```\n", ["```", "a. b", "c", "```"]),
    ],
)
def test_sentences_rows_and_lines_are_told_apart(text: str, sentences: list[str]) -> None:
    assert [text[sentence.start : sentence.end] for sentence in read_sentences(text)] == sentences


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("*Three* **bold** `code`", "Three bold code"),
        ("C# and 2 * 3", "C# and 2 * 3"),
        ("[returns form](https://shop.example/r) first", "returns form first"),
        ("![a lamp](lamp.png) &amp; more", "a lamp & more"),
        ("snake_case \\*kept\\*", "snake_case *kept*"),
    ],
)
def test_plain_text_is_what_a_line_shows(line: str, shown: str) -> None:
    assert plain_text(line) == shown
