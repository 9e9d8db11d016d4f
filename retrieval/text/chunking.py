"""Cutting documents into passages that the embedder reads whole.

Cuts fall between sentences; only a sentence longer than a passage may be is cut between tokens. Every
character of the document that is not white space lies in at least one passage, and a passage is always
the exact slice ``document.text[start:end]``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

from ..errors import BoundError
from ..passages import Document, Passage

Span = tuple[int, int]
Offsets = Callable[[str], Sequence[Span]]
"""Character spans of a text's tokens, special tokens left out: the tokenizer of the embedder."""

TITLE_SHARE = 0.25
"""Longest part of a passage's tokens that its title may take."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Inline markup is left alone, and a line under a text is a rule, not what makes it a heading.
_MARKDOWN = MarkdownIt("commonmark").disable(["inline", "lheading", "reference"])


@dataclass(frozen=True)
class Chunking:
    """How documents are cut into passages, in tokens of the embedder.

    Raises:
        BoundError: fewer than 8 ``tokens``, or an ``overlap`` that is not from 0 to ``tokens`` - 1.
    """

    tokens: int = 200
    """Most tokens of text in one passage; the title comes on top."""
    overlap: int = 40
    """Most tokens that a passage repeats of the one before it, in whole sentences."""

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise BoundError(f"chunk tokens must be at least 8 (got {self.tokens})")
        if not 0 <= self.overlap < self.tokens:
            raise BoundError(
                f"chunk overlap must be from 0 to {self.tokens - 1}, less than the chunk's tokens (got {self.overlap})"
            )


def cut(document: Document, chunking: Chunking, offsets: Offsets) -> list[Passage]:
    """Cut one document into passages, in reading order."""
    tokens = offsets(document.text)
    starts = [start for start, _ in tokens]
    spans: list[tuple[Span, str]] = []
    for section, headings in _sections(document):
        title = " › ".join(part for part in (document.title, *headings) if part)
        for start, end in _pack(document.text, section, tokens, starts, chunking):
            spans.append(((start, end), _shorten(title, int(chunking.tokens * TITLE_SHARE), offsets)))
    whole = len(spans) == 1
    return [
        Passage(
            id=document.id if whole else f"{document.id}#{start}-{end}",
            document_id=document.id,
            title=title,
            text=document.text[start:end],
            start=start,
            end=end,
            metadata=document.metadata,
        )
        for (start, end), title in spans
    ]


def _shorten(title: str, most: int, offsets: Offsets) -> str:
    """Cut a title that would crowd out the text: the whole of it stays in the document."""
    tokens = offsets(title)
    return title if len(tokens) <= most else title[: tokens[most - 1][1]] + "…"


def _sections(document: Document) -> Iterator[tuple[Span, tuple[str, ...]]]:
    """Yield (span, headings above it); one section without headings where there are none."""
    if not document.headed:
        yield (0, len(document.text)), ()
        return
    path: list[tuple[int, str]] = []
    start, headings = 0, tuple[str, ...]()
    for at, level, name in _headings(document.text):
        yield (start, at), headings
        path = [entry for entry in path if entry[0] < level] + [(level, name)]
        # The first heading of a file is its title already.
        headings = tuple(name for _, name in path if name != document.title)
        start = at
    yield (start, len(document.text)), headings


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (place, level, name) of each ATX heading (``## Name``) that stands in no list, quote, code or HTML."""
    lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
    tokens = _MARKDOWN.parse(text)
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map and content.content:
            yield lines[opening.map[0]], int(opening.tag[1:]), content.content


def _pack(
    text: str, section: Span, tokens: Sequence[Span], starts: Sequence[int], chunking: Chunking
) -> Iterator[Span]:
    """Pack a section's sentences into spans of at most ``chunking.tokens`` tokens.

    Args:
        tokens: of the whole text, and ``starts`` their first characters.
    """

    def count(span: Span) -> int:
        return bisect_left(starts, span[1]) - bisect_left(starts, span[0])

    units = [
        unit
        for sentence in _sentences(text, section)
        for unit in _split(sentence, starts, tokens, chunking.tokens)
    ]
    first = 0
    while first < len(units):
        last = first
        while last + 1 < len(units) and count((units[first][0], units[last + 1][1])) <= chunking.tokens:
            last += 1
        yield units[first][0], units[last][1]
        if last + 1 == len(units):
            return
        following = last + 1
        # Step back over whole sentences, as long as the next passage still gets past this one.
        while (
            following - 1 > first
            and count((units[following - 1][0], units[last][1])) <= chunking.overlap
            and count((units[following - 1][0], units[last + 1][1])) <= chunking.tokens
        ):
            following -= 1
        first = following


def _sentences(text: str, section: Span) -> Iterator[Span]:
    """Yield the spans of a section's sentences, white space at their ends left out."""
    start, end = section
    cuts = [match.end() for match in _SENTENCE_END.finditer(text, start, end)]
    for left, right in zip([start, *cuts], [*cuts, end], strict=True):
        piece = text[left:right]
        stripped = piece.strip()
        if stripped:
            begin = left + piece.index(stripped[0])
            yield begin, begin + len(stripped)


def _split(sentence: Span, starts: Sequence[int], tokens: Sequence[Span], size: int) -> Iterator[Span]:
    """Cut a sentence that is longer than a passage between tokens."""
    inside = tokens[bisect_left(starts, sentence[0]) : bisect_left(starts, sentence[1])]
    begin = sentence[0]
    for index in range(size, len(inside), size):
        yield begin, inside[index][0]
        begin = inside[index][0]
    yield begin, sentence[1]
