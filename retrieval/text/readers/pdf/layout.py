"""Paragraphs and tables of a column of a PDF page: which of its rows belong together.

A line begins a new paragraph where it stands further below the last one than lines of one paragraph do, in letters of
another size, behind a list's mark, indented, or though its first word had fitted on the last line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median

from .hyphens import HYPHENS
from .rows import BULLETS, PageRow, PageSegment

MARK = re.compile(rf"(?:[{BULLETS}]\s*|[–—*-]\s|\(?(?:\d{{1,3}}|[a-zA-Z])[.)]\s)")
_FIRST_MARK = re.compile(r"\(?[1aA][.)]\s")
_ENDED = re.compile(r"[.!?:;…。！？：；][\"'”’»)\]]*$")
_LEADER = re.compile(r"(?:[.…·_] ?){5}|…{2}")
"""What leads from an entry of a list of contents to its page."""
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class PageParagraph:
    """Lines that belong together, from top to bottom."""

    lines: tuple[PageRow, ...]
    is_full: bool
    """Whether its last line goes on up to the end of the column."""
    column: int = 0

    @property
    def size(self) -> float:
        return self.lines[0].size

    @property
    def is_ended(self) -> bool:
        return bool(_ENDED.search(self.lines[-1].text))

    @property
    def is_item(self) -> bool:
        """Whether it begins with the mark of a list."""
        return bool(MARK.match(self.lines[0].text))


@dataclass(frozen=True, slots=True)
class PageTable:
    """Rows of cells, the first one its head."""

    rows: tuple[tuple[tuple[str, ...], ...], ...]
    """The lines of each cell of each row."""
    columns: tuple[tuple[float, float], ...]
    """From where to where each reaches."""
    size: float
    column: int = 0


PageBlock = PageParagraph | PageTable


def lay_out(rows: Sequence[PageRow], column: int = 0) -> list[PageBlock]:
    """Return the paragraphs and tables of a column, from top to bottom."""
    blocks: list[PageBlock] = []
    lines: list[PageRow] = []
    index = 0
    while index < len(rows):
        found = _read_table(rows, index)
        if found is None:
            lines.append(rows[index])
            index += 1
            continue
        blocks += _paragraphs(lines, column)
        lines = []
        cells, columns, index = found
        blocks.append(PageTable(cells, columns, rows[index - 1].size, column))
    return blocks + _paragraphs(lines, column)


def _paragraphs(lines: Sequence[PageRow], column: int) -> list[PageBlock]:
    if not lines:
        return []
    spacing = _usual_spacing(lines)
    measures = _measures(lines, spacing)
    groups: list[list[int]] = [[0]]
    for index in range(1, len(lines)):
        if _begins_paragraph(lines, index, groups[-1], spacing, measures[index - 1]):
            groups.append([])
        groups[-1].append(index)
    return [
        PageParagraph(
            tuple(lines[index] for index in group), _is_full(lines[group[-1]], measures[group[-1]]), column
        )
        for group in groups
    ]


def _usual_spacing(lines: Sequence[PageRow]) -> float:
    """Return how far lines stand below each other, in sizes of their letters."""
    gaps = [
        (upper.base - lower.base) / upper.size
        for upper, lower in itertools.pairwise(lines)
        if _is_alike(upper, lower)
    ]
    # A few lines far apart are as many paragraphs; only where many stand so is a text set with wide spacing.
    return min(max(median(gaps), 1.0), 2.2 if len(gaps) > 4 else 1.6) if gaps else 1.2


def _is_alike(upper: PageRow, lower: PageRow) -> bool:
    return 0.92 < upper.size / lower.size < 1.09


def _is_apart(upper: PageRow, lower: PageRow, spacing: float) -> bool:
    return not _is_alike(upper, lower) or upper.base - lower.base > 1.25 * spacing * upper.size


def _measures(lines: Sequence[PageRow], spacing: float) -> list[float]:
    """Return for each line where lines like it end: at the edge of its group where most of it does, else of the column."""
    edge = max(line.right for line in lines)
    measures: list[float] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index < len(lines) and not _is_apart(lines[index - 1], lines[index], spacing):
            continue
        group = lines[start:index]
        right = max(line.right for line in group)
        slack = 0.12 * (right - min(line.left for line in group))
        full = sum(line.right > right - slack for line in group[:-1])
        measures += [right if len(group) > 2 and full >= (len(group) - 1) / 2 else edge] * len(group)
        start = index
    return measures


def _is_full(line: PageRow, measure: float) -> bool:
    return line.right > measure - 5 * line.size


def _begins_paragraph(
    lines: Sequence[PageRow], index: int, group: list[int], spacing: float, measure: float
) -> bool:
    before, line = lines[index - 1], lines[index]
    if _is_apart(before, line, spacing):
        return True
    first = lines[group[0]]
    ended = bool(_ENDED.search(before.text))
    begins_small = line.text[:1].islower() and not MARK.match(line.text)
    word = line.segments[0].words[0]
    wanted = min(word.right - word.left, word.size if _WIDE.match(word.text) else measure)
    is_short = before.right + 0.35 * line.size + wanted < measure - 1.5 * line.size
    if MARK.match(line.text):
        if line.text[0] in BULLETS:
            return True
        aligned = abs(line.left - first.left) < 0.5 * line.size
        is_within = line.left > before.left + 0.5 * line.size
        is_next = aligned and bool(MARK.match(first.text))
        return ended or is_short or is_next or is_within or bool(_FIRST_MARK.match(line.text))
    if is_short and (ended or not begins_small) and not before.text.endswith(HYPHENS):
        return True
    step = line.left - before.left
    if abs(line.left + line.right - before.left - before.right) < 4:  # centred
        return False
    if step > 0.9 * line.size:
        return ended and not (MARK.match(before.text) and len(group) == 1)
    return step < -0.9 * line.size and len(group) > 1


_Cells = tuple[tuple[tuple[str, ...], ...], ...]
_Columns = tuple[tuple[float, float], ...]


def _read_table(rows: Sequence[PageRow], start: int) -> tuple[_Cells, _Columns, int] | None:
    """Return the table that begins with a row, its columns, and the first row below it.

    At least three rows of two cells, or two rows of three, whose cells stand below each other: each within one column
    that no cell of another column reaches into, most of them aligned at the left, the right or the middle.
    """
    if len(rows[start].segments) < 2:
        return None
    columns = [(segment.left, segment.right) for segment in rows[start].segments]
    taken: list[list[PageRow]] = []
    index = start
    while index < len(rows):
        row = rows[index]
        widened = _widened(columns, row)
        if widened is None:
            break
        if taken:
            gap = taken[-1][-1].base - row.base
            if gap > 4 * row.size or not 0.75 < row.size / taken[0][0].size < 1.34:
                break
            if _continues_cells(taken, row, gap, columns):
                taken[-1].append(row)
                columns = widened
                index += 1
                continue
        if len(row.segments) < 2 or _LEADER.search(row.text):
            break
        taken.append([row])
        columns = widened
        index += 1
    columns.sort()
    if len(taken) < (2 if len(columns) > 2 else 3) or not _is_aligned(taken, columns):
        return None
    cells = tuple(_cells(group, columns) for group in taken)
    filled = sum(bool(cell) for row_cells in cells for cell in row_cells)
    if filled < 0.6 * len(cells) * len(columns):
        return None
    return cells, tuple(columns), index


def _widened(columns: list[tuple[float, float]], row: PageRow) -> list[tuple[float, float]] | None:
    """Return the columns once a row was put into them; ``None`` where one of its cells lies in two, or two in one."""
    found = list(columns)
    used: set[int] = set()
    for segment in row.segments:
        over = [
            at
            for at, (left, right) in enumerate(found)
            if segment.left < right + 1 and left < segment.right + 1
        ]
        if len(over) > 1 or used.intersection(over):
            return None
        if over:
            left, right = found[over[0]]
            found[over[0]] = (min(left, segment.left), max(right, segment.right))
        else:
            found.append((segment.left, segment.right))
        used.add(over[0] if over else len(found) - 1)
    return found


def _continues_cells(
    taken: list[list[PageRow]], row: PageRow, gap: float, columns: list[tuple[float, float]]
) -> bool:
    """Return whether a row goes on with the cells of the row above it: it stands close below, with fewer cells.

    That is without a first cell, or nearer than rows of the table stand.
    """
    if len(row.segments) > len(columns) - 1 or gap > 1.35 * row.size:
        return False
    pitches = [upper[-1].base - lower[0].base for upper, lower in itertools.pairwise(taken)]
    is_spaced = len(pitches) > 1 and min(pitches) > 1.2 * gap
    first = min(left for left, _ in columns)
    is_less = len(row.segments) < len(taken[-1][0].segments)
    return is_less and (is_spaced or row.left > first + 2 * row.size)


def _is_aligned(taken: list[list[PageRow]], columns: list[tuple[float, float]]) -> bool:
    aligned = total = 0
    for left, right in columns:
        cells = [
            segment
            for group in taken
            for segment in group[0].segments
            if segment.left >= left - 1 and segment.right <= right + 1
        ]
        slack = 0.4 * taken[0][0].size
        by_edge = [
            sum(abs(place(cell) - median(map(place, cells))) <= slack for cell in cells)
            for place in (attrgetter("left"), attrgetter("right"), _middle)
        ]
        aligned += max(by_edge)
        total += len(cells)
    letters = median(len(segment.text) for group in taken for segment in group[0].segments)
    return aligned >= 0.75 * total and letters < 60


def _middle(cell: PageSegment) -> float:
    return (cell.left + cell.right) / 2


def _cells(group: list[PageRow], columns: list[tuple[float, float]]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(
            segment.text
            for row in group
            for segment in row.segments
            if segment.left >= left - 1 and segment.right <= right + 1
        )
        for left, right in columns
    )
