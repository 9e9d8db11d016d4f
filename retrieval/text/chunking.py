"""Cutting documents into passages that the embedder reads whole.

Cuts fall between sentences, between the rows of a table and between the lines of code, and wherever a page (or another part
of the document) begins with a paragraph of its own. Only what is longer than a passage by
itself is cut inside: between lines, else between words, else between characters. Every character of the document that is
not white space lies in at least one passage, and a passage is the exact slice ``document.text[start:end]``, below the head
of its table where it is a later piece of one.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise

from ..passages import Document, Passage, parts_of
from .chunk_size import Chunking
from .markdown import Block, read_blocks
from .sentences import Span, sentence_starts, trimmed

Offsets = Callable[[str], Sequence[Span]]
"""Character spans of a text's tokens, special tokens left out: the tokenizer of the embedder."""

TITLE_SHARE = 0.25
"""Longest part of a passage's tokens that its title may take."""
HEAD_SHARE = 0.5
"""Longest part of a passage's tokens that the head of its table may take; a longer one is not repeated."""

LONGEST_TOKEN = 16
"""Characters. What a tokenizer takes for one token, or for none, and is longer, it does not read: an unknown word."""
UNREAD_TOKEN = 4
"""Characters of such text that are counted as one token."""
TOKENIZED_AT_ONCE = 256 * 1024
"""Characters. The tokens of a longer text are asked for piece by piece: all of them would take many times its memory."""


def cut(document: Document, chunking: Chunking, offsets: Offsets) -> list[Passage]:
    """Cut one document into passages, in reading order; one without text is one passage, of its title alone."""
    text = document.text
    ruler = _Ruler(text, offsets)
    pieces: list[tuple[_Piece, str]] = []
    for section in _sections(document):
        title = " › ".join(part for part in (document.title, *section.headings) if part)
        title = _shorten(title, int(chunking.tokens * TITLE_SHARE), offsets)
        pieces += [(piece, title) for piece in _pack(_units(text, section), section.end, ruler, chunking)]
    if not pieces and document.title.strip():
        title = _shorten(document.title, chunking.tokens, offsets)
        return [Passage(document.id, document.id, title, "", 0, 0, document.metadata, document.parts[:1])]
    return [
        Passage(
            id=document.id if len(pieces) == 1 else f"{document.id}#{piece.start}-{piece.end}",
            document_id=document.id,
            title=title,
            text=text[slice(*piece.head)] + text[piece.start : piece.end],
            start=piece.start,
            end=piece.end,
            metadata=document.metadata,
            parts=parts_of(document.parts, piece.start, piece.end),
        )
        for piece, title in pieces
    ]


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a document below the same headings; the blocks of a long text are held for one section at a time."""

    start: int
    end: int
    headings: tuple[str, ...]
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class _Unit:
    """What begins at a place of the text and is not cut unless it is too long."""

    start: int
    head: Span = (0, 0)
    """Of the table that it is a row of; empty for all else."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A unit, a part of one, or several that make a passage."""

    start: int
    end: int
    head: Span = (0, 0)
    """Of a table, repeated above the piece."""


def _block_starts(document: Document) -> deque[int]:
    """Return where the parts of a document begin that begin with a block: no passage reaches over such a place."""
    text = document.text
    return deque(part.start for part in document.parts if part.start and text[part.start - 1] == "\n")


def _shorten(title: str, most: int, offsets: Offsets) -> str:
    """Cut a title that would crowd out the text: the whole of it stays in the document."""
    if len(title) <= most:
        return title  # no token is shorter than a character
    ruler = _Ruler(title, offsets)
    return title if ruler.count((0, len(title))) <= most else title[: ruler.reach(0, most)].rstrip() + "…"


def _sections(document: Document) -> Iterator[_Section]:
    """Yield the sections of a document, in reading order; one without headings where there are none."""
    text = document.text
    path: list[Block] = []
    start, below, headings = 0, 0, tuple[str, ...]()
    held: list[Block] = []
    pages = _block_starts(document)
    for block in read_blocks(text) if document.headed else ():
        while pages and pages[0] < block.start:
            pages.popleft()
        if pages and pages[0] == block.start and text[max(start, below) : block.start].strip():
            yield _Section(start, block.start, headings, held)
            start, below, held = block.start, block.start, []
        if block.kind == "heading" and block.level and block.name:
            # A heading with nothing under it but deeper headings is no passage of its own: it stays above the next one.
            alone = path and block.level > path[-1].level and not text[below : block.start].strip()
            if not alone:
                if start < block.start:
                    yield _Section(start, block.start, headings, held)
                start, held = block.start, []
            path = [above for above in path if above.level < block.level] + [block]
            # The first heading of a file is its title already.
            headings = tuple(above.name for above in path if above.name != document.title)
            below = block.end
        held.append(block)
    if start < len(text):
        yield _Section(start, len(text), headings, held)


def _units(text: str, section: _Section) -> Iterator[_Unit]:
    """Yield the units of a section, in reading order; what is in no block belongs to the unit before it."""
    yield _Unit(section.start)
    if not section.blocks:
        yield from (
            _Unit(at) for at in sentence_starts(text, section.start, section.end) if at > section.start
        )
    head = (0, 0)
    for block in section.blocks:
        if block.kind == "head":
            head = block.start, block.end
        starts = sentence_starts(text, block.start, block.end) if block.kind == "paragraph" else ()
        for at in dict.fromkeys([block.start, *starts]):
            if at > section.start:
                yield _Unit(at, head if block.kind == "row" else (0, 0))


def _pack(units: Iterable[_Unit], end: int, ruler: _Ruler, chunking: Chunking) -> Iterator[_Piece]:
    """Pack the units of a section that ends at ``end`` into pieces of at most ``chunking.tokens`` tokens."""
    coming = (
        part
        for unit, following in pairwise(chain(units, [_Unit(end)]))
        for part in _parts(unit, following.start, ruler, chunking)
    )
    parts = list(islice(coming, 1))  # of the next piece, and the one after them
    while parts:
        head = parts[0].head
        room = chunking.tokens - ruler.count(head)
        last = 0
        while True:
            if last + 1 == len(parts):
                parts += islice(coming, 1)
            if last + 1 == len(parts) or ruler.count((parts[0].start, parts[last + 1].end)) > room:
                break
            last += 1
        yield _Piece(parts[0].start, parts[last].end, head)
        if last + 1 == len(parts):
            return
        following = last + 1
        # Step back over whole units, as long as the next passage still gets past this one.
        while (
            following - 1 > 0
            and ruler.count((parts[following - 1].start, parts[last].end)) <= chunking.overlap
            and ruler.count((parts[following - 1].start, parts[last + 1].end))
            <= chunking.tokens - ruler.count(parts[following - 1].head)
        ):
            following -= 1
        del parts[:following]


def _parts(unit: _Unit, end: int, ruler: _Ruler, chunking: Chunking) -> Iterator[_Piece]:
    """Yield a unit without white space at its ends, or its parts where it is longer than a passage may be."""
    head = unit.head if ruler.count(unit.head) <= chunking.tokens * HEAD_SHARE else (0, 0)
    room = chunking.tokens - ruler.count(head)
    start = unit.start
    while start < end:
        cut_at = end if ruler.count((start, end)) <= room else ruler.reach(start, room)
        span = trimmed(ruler.text, (start, cut_at))
        if span is not None:
            yield _Piece(*span, head)
        start = cut_at


class _Ruler:
    """Counts the tokens of a text, and finds where a passage that begins at a place must end."""

    def __init__(self, text: str, offsets: Offsets) -> None:
        self.text = text
        self._starts = array("I", _token_starts(text, _tokens(text, offsets)))

    def count(self, span: Span) -> int:
        """Return how many tokens begin inside a span."""
        return bisect_left(self._starts, span[1]) - bisect_left(self._starts, span[0])

    def reach(self, start: int, tokens: int) -> int:
        """Return where to cut so that at most so many tokens lie between: after a line, a word or a character."""
        first = bisect_left(self._starts, start)
        if first + tokens >= len(self._starts):
            return len(self.text)
        furthest = self._starts[first + tokens]
        least = self._starts[first + tokens // 2]
        line = self.text.rfind("\n", least, furthest)
        if line >= 0:
            return line + 1
        for at in range(furthest, least, -1):
            if self.text[at - 1].isspace():
                return at
        return furthest


def _tokens(text: str, offsets: Offsets) -> Iterator[Span]:
    """Yield the spans of a text's tokens; a long text is cut for it where a line ends, which no token reaches over."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + TOKENIZED_AT_ONCE)
        while end > 0 and text[end - 1].isspace():
            end -= 1
        end = end if end > start else len(text)
        for token in offsets(text[start:end]):
            yield token[0] + start, token[1] + start
        start = end


def _token_starts(text: str, tokens: Iterable[Span]) -> Iterator[int]:
    """Yield where each token begins; long text that no token, or one alone, stands for counts by its characters."""
    at = 0
    for start, end in chain(tokens, [(len(text), len(text))]):
        if start - at > LONGEST_TOKEN:
            yield from _unread(text, at, start)
        if end - start > LONGEST_TOKEN:
            yield from _unread(text, start, end)
        elif start < end:
            yield start
        at = max(at, end)


def _unread(text: str, start: int, end: int) -> Iterator[int]:
    """Yield a place for every `UNREAD_TOKEN` characters, none of them within a character and its marks."""
    at = start
    while at < end:
        yield at
        at += UNREAD_TOKEN
        while at < end and (unicodedata.category(text[at])[0] == "M" or "\u200d" in text[at - 1 : at + 1]):
            at += 1
