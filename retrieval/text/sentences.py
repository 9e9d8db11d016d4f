"""The sentences of a text, in any script: where one may be cut, and what can be quoted by itself.

Sentence ends are found by sentencex, which knows abbreviations ("Dr.", "e.g.", "No. 5") and the stops of other scripts
(。 ！ ？ । ؟ ۔). What blocks there are is read as Markdown: an entry of a list, a row of a table and a line of code end
where they end, and a heading is no part of what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sentencex

from .markdown import Block, Kind, read_blocks

Span = tuple[int, int]
"""Start and end within a text, in characters; the end is one past the last."""

LANGUAGE = "en"
"""Whose abbreviations are known. Stops are those of all scripts, whatever the language."""

_NUMBERED = re.compile(r"\b(?:approx|[^\W\d_]{1,4})\.\s*$")
_NEVER_LAST = re.compile(r"\b(?:e\.\s?g|i\.\s?e|cf|viz|vs|z\.\s?B|d\.\s?h|p\.\s?ex)\.\s*$", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_MARKS = re.compile(r"(?:[^\S\n]*(?:>|[-*+•·](?=\s)|\d{1,9}[.)](?=\s)|\[[ xX]\](?=\s)))*\s*")
_NO_ABBREVIATION = re.compile(r"(?:^\W*No|\bMay)\.\s+(?=[^\W\d_])")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_SPLIT = re.compile(r"(?<!\n)\n\n")
"""An empty line. No sentence reaches over one, unless it quotes several paragraphs."""
_LONGEST_KEPT = 4000
"""Characters of a text whose sentences are remembered."""
LOOKED_FOR_AT_ONCE = 1024 * 1024
"""Characters. The sentences of a longer text are looked for piece by piece: all of them would take many times its memory."""


@dataclass(frozen=True, slots=True)
class SentenceSpan:
    """A sentence, row, line of code or heading of a text: ``text[start:end]``, without the marks before it."""

    kind: Kind
    start: int
    end: int


def sentence_starts(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where each sentence of ``text[start:end]`` begins, the first one too."""
    while start < end:
        stop = _SPLIT.search(text, min(start + LOOKED_FOR_AT_ONCE, end), end)
        stop_at = stop.end() if stop else end
        yield from _sentence_starts(text, start, stop_at)
        start = stop_at


def _sentence_starts(text: str, start: int, end: int) -> Iterator[int]:
    # A half of a surrogate pair is no text to the library; what stands for it is as long.
    piece = _HALF_PAIR.sub("\ufffd", text[start:end])
    before = ""
    for boundary in sentencex.get_sentence_boundaries(LANGUAGE, piece):
        sentence = boundary["text"]
        # "vol. 2", "Abs. 3" and "e.g. Mr. Li" are no ends, whatever the language's abbreviations.
        joined = _NEVER_LAST.search(before) or (sentence[:1].isdigit() and _NUMBERED.search(before))
        if sentence.strip() and not joined:
            yield start + boundary["start_index"]
            # "No. 5" is a number, but "No. Ask first." says no; and May is never shortened.
            for match in _NO_ABBREVIATION.finditer(sentence):
                yield start + boundary["start_index"] + match.end()
        before = sentence


def read_sentences(text: str) -> list[SentenceSpan]:
    """Return the sentences of a Markdown text in reading order, white space and the marks of lists and quotes left out.

    Plain text is read alike: it holds no mark, or means by it what Markdown does.
    """
    return list(_kept(text)) if len(text) <= _LONGEST_KEPT else _read(text)


@lru_cache(maxsize=4096)  # question after question meets the same passages
def _kept(text: str) -> tuple[SentenceSpan, ...]:
    return tuple(_read(text))


def _read(text: str) -> list[SentenceSpan]:
    return [sentence for block in read_blocks(text) for sentence in _of_block(text, block)]


def _of_block(text: str, block: Block) -> Iterator[SentenceSpan]:
    starts = [block.start]
    if block.kind == "paragraph":
        starts += [at for at in sentence_starts(text, block.start, block.end) if at > block.start]
    for start, end in zip(starts, [*starts[1:], block.end], strict=True):
        if block.kind != "code":
            marks = _MARKS.match(text, start, end)
            start = marks.end() if marks else start
        end = start + len(text[start:end].rstrip())
        if start < end:
            yield SentenceSpan(block.kind, start, end)


def trimmed(text: str, span: Span) -> Span | None:
    """Return the span without the white space at its ends; ``None`` where nothing else is in it."""
    piece = text[span[0] : span[1]]
    stripped = piece.strip()
    if not stripped:
        return None
    start = span[0] + len(piece) - len(piece.lstrip())
    return start, start + len(stripped)
