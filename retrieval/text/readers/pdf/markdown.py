"""The Markdown of a PDF document: its paragraphs, headings, lists and tables in reading order, and where its pages begin.

Headings are short paragraphs in letters larger than those of most of the text by a seventh at least; the largest are of
rank 1, and there are three ranks at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ....passages import Part
from ..as_markdown import as_heading, as_paragraph, as_table
from .hyphens import HYPHENS, SOFT_HYPHEN, LineJoiner
from .layout import MARK, PageBlock, PageParagraph, PageTable
from .rows import BULLETS

_LARGER = 1.14
_MOST_LINES, _MOST_LETTERS = 3, 200
"""Of a heading."""
_MOST_RANKS = 3
_FULL_LINE = 25
"""Fewest letters of a line that reaches up to the end of its column for want of room, not by chance."""
_DASHES = "–—*-"

_Pages = Sequence[tuple[int, Sequence[PageBlock]]]


@dataclass
class PdfText:
    """The text of a document, with where its pages begin."""

    text: str = ""
    parts: list[Part] = field(default_factory=list)
    heading: str | None = None
    """The first of its headings of the first rank that it has."""


def write_markdown(pages: _Pages) -> PdfText:
    """Return the text of pages, given with their numbers."""
    return _Writer(pages).write()


class _Writer:
    def __init__(self, pages: _Pages) -> None:
        self._pages = pages
        blocks = [block for _, found in pages for block in found]
        self._joiner = LineJoiner(line for block in blocks for line in _lines(block))
        self._ranks = _ranks(blocks)
        self._pieces: list[str] = []
        self._length = 0
        self._last: PageBlock | None = None
        self._ending = ""
        """The last line of the last block, as it stands on its page."""
        self._last_page = 0
        self._indents: list[float] = []
        self._found = PdfText()
        self._best = _MOST_RANKS + 1

    def write(self) -> PdfText:
        for number, blocks in self._pages:
            for block in blocks:
                if isinstance(block, PageTable):
                    self._add_table(number, block)
                else:
                    self._add_paragraph(number, block)
                self._last, self._last_page = block, number
                self._ending = list(_lines(block))[-1]
        self._found.text = "".join(self._pieces)
        return self._found

    def _add(self, number: int, text: str, glue: str, cut: int = 0) -> None:
        if cut:
            self._pieces[-1] = self._pieces[-1][:-cut]
            self._length -= cut
        glue = glue if self._pieces else ""
        start = self._length + len(glue)
        if not self._found.parts or self._found.parts[-1].number != number:
            self._found.parts.append(Part(start, "page", number))
        self._pieces += [glue, text] if glue else [text]
        self._length = start + len(text)

    def _add_paragraph(self, number: int, block: PageParagraph) -> None:
        text = self._joiner.joined(row.text for row in block.lines)
        if not text.strip():
            return
        rank = self._rank(block)
        if rank:
            self._add(number, as_heading(text, rank), "\n\n")
            if rank < self._best:
                self._best, self._found.heading = rank, " ".join(text.split())
        elif self._goes_on(number, block):
            cut, glue = self._joiner.glue(self._ending, text)
            self._add(number, text, glue, cut - self._ending.endswith(SOFT_HYPHEN))  # which is gone already
        elif block.is_item:
            last = self._last
            in_list = isinstance(last, PageParagraph) and last.is_item and not self._rank(last)
            self._add(number, self._item(block, text, in_list), "\n" if in_list else "\n\n")
        else:
            self._add(number, as_paragraph(text), "\n\n")

    def _rank(self, block: PageParagraph) -> int:
        """Return which rank of heading a paragraph is of; 0 where it is none."""
        return self._ranks.get(round(block.size, 1), 0) if _may_be_heading(block) else 0

    def _goes_on(self, number: int, block: PageParagraph) -> bool:
        """Return whether a paragraph goes on with the last one, from one column or page to the next."""
        last = self._last
        if not isinstance(last, PageParagraph) or self._rank(last) or block.is_item:
            return False
        if (number, block.column) == (
            self._last_page,
            last.column,
        ) or not 0.95 < block.size / last.size < 1.06:
            return False
        ending, begin = self._ending, block.lines[0].text
        if ending.endswith(HYPHENS):
            return begin[0].isalnum()
        is_cut = last.is_full and len(ending) >= _FULL_LINE and begin[0].isalnum()
        return not last.is_ended and (begin[0].islower() or is_cut)

    def _item(self, block: PageParagraph, text: str, in_list: bool) -> str:
        """Return an item of a list, as far within as it stands on the page."""
        left, step = block.lines[0].left, 0.8 * block.size
        if not in_list:
            self._indents = []
        while self._indents and left < self._indents[-1] - step:
            self._indents.pop()
        if not self._indents or left > self._indents[-1] + step:
            self._indents.append(left)
        mark = MARK.match(text)
        if mark is not None and (mark[0][0] in BULLETS or mark[0][0] in _DASHES):
            text = f"- {as_paragraph(text[mark.end() :])}"
        return f"{'   ' * (len(self._indents) - 1)}{text}"

    def _add_table(self, number: int, table: PageTable) -> None:
        head, *rows = [[self._joiner.joined(cell) for cell in row] for row in table.rows]
        last = self._last
        goes_on = (
            isinstance(last, PageTable)
            and (number, table.column) != (self._last_page, last.column)
            and _is_below(table, last)
            and table.rows[0] != last.rows[0]
        )
        if goes_on:
            self._add(number, "\n".join(as_table(head, [head, *rows]).split("\n")[2:]), "\n")
        else:
            self._add(number, as_table(head, rows), "\n\n")


def _lines(block: PageBlock) -> Iterable[str]:
    if isinstance(block, PageTable):
        return [line for row in block.rows for cell in row for line in cell]
    return [row.text for row in block.lines]


def _may_be_heading(block: PageParagraph) -> bool:
    if len(block.lines) > _MOST_LINES or any(len(row.segments) > 2 for row in block.lines):
        return False
    text = "".join(row.text for row in block.lines)
    return len(text) <= _MOST_LETTERS and any(char.isalpha() for char in text)


def _is_below(table: PageTable, upper: PageTable) -> bool:
    """Return whether the columns of a table stand where those of another one do."""
    return len(table.columns) == len(upper.columns) and all(
        left < there_right and there_left < right
        for (left, right), (there_left, there_right) in zip(table.columns, upper.columns, strict=True)
    )


def _ranks(blocks: Sequence[PageBlock]) -> dict[float, int]:
    """Return the rank of headings of each size."""
    letters: Counter[float] = Counter()
    for block in blocks:
        letters[round(block.size * 2) / 2] += sum(map(len, _lines(block)))
    paragraphs = [block for block in blocks if isinstance(block, PageParagraph)]
    if not letters:
        return {}
    usual = letters.most_common(1)[0][0]
    ranks: dict[float, int] = {}
    rank, largest = 0, float("inf")
    for size in sorted(
        {round(block.size, 1) for block in paragraphs if _may_be_heading(block)}, reverse=True
    ):
        if size < _LARGER * usual:
            break
        if size < 0.95 * largest:
            rank, largest = rank + 1, size
        ranks[size] = min(rank, _MOST_RANKS)
    return ranks
