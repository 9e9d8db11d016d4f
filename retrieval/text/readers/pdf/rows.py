"""Rows of words that stand on one line of a page, and the columns in which the rows are read.

A row is taken apart wherever two of its words stand at least about a letter's height apart: at the gutter between columns
of text, and between the cells of a table.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .page import PageWord

BULLETS = "•‣⁃∙▪▫●○◦■□➢➤►✓✔\uf0b7\uf0a7\uf0d8\uf0fc\uf076"
_LONE_MARK = re.compile(rf"[{BULLETS}–—*-]|\(?(?:\d{{1,3}}|[a-zA-Z])[.)]")
_APART = 0.95
"""Least gap between two segments, as a share of the letters' size."""
_RAISED = 0.85
"""Words that are smaller than this share of their neighbours' size may be raised or lowered: footnote marks."""
_FEWEST_LINES = 4
_FEWEST_LETTERS = 18
_FILLED = 0.6
"""What makes a column of text: so many lines, in the median of so many letters and so much of the width of the widest."""


@dataclass(frozen=True, slots=True)
class PageSegment:
    """Words of a row without a wide gap between them."""

    words: tuple[PageWord, ...]
    left: float
    right: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class PageRow:
    """What stands on one line of a page, or of a column of it."""

    segments: tuple[PageSegment, ...]
    base: float
    size: float
    """Of most of its letters."""

    @property
    def left(self) -> float:
        return min(segment.left for segment in self.segments)

    @property
    def right(self) -> float:
        return max(segment.right for segment in self.segments)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def read_rows(words: Iterable[PageWord]) -> list[PageRow]:
    """Return the rows of a page from top to bottom."""
    rows: list[list[PageWord]] = []
    for word in sorted(words, key=lambda word: -word.base):
        if rows and rows[-1][0].base - word.base <= 0.35 * min(rows[-1][0].size, word.size):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [_row(row) for row in _with_raised(rows)]


def _with_raised(rows: list[list[PageWord]]) -> list[list[PageWord]]:
    """Put rows of small marks, such as those of footnotes, into the row beside which they are raised."""
    kept: list[list[PageWord]] = []
    for row in rows:
        size = max(word.size for word in row)
        if kept:
            above = kept[-1]
            above_size = max(word.size for word in above)
            near = above[0].base - row[0].base < 0.55 * max(size, above_size)
            if near and min(size, above_size) < _RAISED * max(size, above_size) and _is_beside(row, above):
                kept[-1] = [*row, *above] if size > above_size else [*above, *row]
                continue
        kept.append(row)
    return kept


def _is_beside(row: list[PageWord], other: list[PageWord]) -> bool:
    """Return whether no word of one row stands over one of the other."""
    return not any(
        word.left < there.right - 1 and there.left < word.right - 1 for word in row for there in other
    )


def _row(words: list[PageWord]) -> PageRow:
    leftward = sum(_is_leftward(word) for word in words) > len(words) / 2
    words = sorted(words, key=lambda word: -word.right if leftward else word.left)
    size = _usual_size(words)
    groups = [[words[0]]]
    for before, word in itertools.pairwise(words):
        gap = before.left - word.right if leftward else word.left - before.right
        if gap > _APART * min(size, max(before.size, word.size)):
            groups.append([word])
        else:
            groups[-1].append(word)
    base = next((word.base for word in words if word.size == size), words[0].base)
    return PageRow(tuple(_segment(group) for group in _with_marks(groups)), base, size)


def _with_marks(groups: list[list[PageWord]]) -> list[list[PageWord]]:
    """Put the mark of a list, which often stands far before its item, at the item's beginning."""
    if len(groups) < 2 or len(groups[0]) > 1 or not _LONE_MARK.fullmatch(groups[0][0].text):
        return groups
    is_mark = len(groups) == 2 or groups[0][0].text in BULLETS
    return [[*groups[0], *groups[1]], *groups[2:]] if is_mark else groups


def _segment(words: list[PageWord]) -> PageSegment:
    return PageSegment(tuple(words), min(word.left for word in words), max(word.right for word in words))


def _usual_size(words: Iterable[PageWord]) -> float:
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[word.size] += len(word.text)
    return sizes.most_common(1)[0][0]


def _is_leftward(word: PageWord) -> bool:
    """Return whether it is written from right to left."""
    if word.text.isascii():
        return False
    return any(unicodedata.bidirectional(char) in ("R", "AL") for char in word.text)


def read_columns(rows: Sequence[PageRow]) -> list[list[PageRow]]:
    """Return the rows by the columns in which they are read, in reading order.

    Columns stand side by side where at least four lines of text lie on both sides of a gutter that none of the rows
    between crosses; lines are of text, and no cells of a table, where most are long and about as wide as the widest.
    """
    for gutter in _gutters(rows):
        found = _split(rows, gutter)
        if found is not None:
            return found
    return [list(rows)] if rows else []


def _gutters(rows: Sequence[PageRow]) -> list[float]:
    """Return where a column may begin: the places where segments begin that are not the first of their rows."""
    places: Counter[int] = Counter()
    lefts: dict[int, float] = {}
    edge = min((row.left for row in rows), default=0.0)
    for row in rows:
        for segment in row.segments:
            if segment.left > edge + 5 * row.size:
                place = round(segment.left / 4)
                places[place] += 1
                lefts[place] = min(lefts.get(place, segment.left), segment.left)
    return [lefts[place] - 2 for place, count in places.most_common(6) if count >= _FEWEST_LINES]


def _split(rows: Sequence[PageRow], gutter: float) -> list[list[PageRow]] | None:
    runs: list[tuple[bool, list[PageRow]]] = []
    for row in rows:
        crosses = any(segment.left < gutter - 1 and segment.right > gutter + 1 for segment in row.segments)
        if not runs or runs[-1][0] != crosses:
            runs.append((crosses, []))
        runs[-1][1].append(row)
    columns: list[list[PageRow]] = []
    whole: list[PageRow] = []
    found = False
    for crosses, run in runs:
        before, beside, after = ([], [], run) if crosses else _trimmed(run, gutter)
        left, right = _side(beside, gutter, right=False), _side(beside, gutter, right=True)
        if not (_is_text(left) and _is_text(right)):
            whole += run
            continue
        found = True
        if whole or before:
            columns += read_columns([*whole, *before])
        columns += [*read_columns(left), *read_columns(right)]
        whole = list(after)
    if not found:
        return None
    return [*columns, *read_columns(whole)]


def _trimmed(run: list[PageRow], gutter: float) -> tuple[list[PageRow], list[PageRow], list[PageRow]]:
    """Take from a run of rows those at its beginning and its end that stand on one side alone, and set off."""
    first, last = 0, len(run)

    def sides(row: PageRow) -> set[bool]:
        return {segment.left > gutter - 1 for segment in row.segments}

    while first + 1 < last and sides(run[first]) == {True} and _is_set_off(run[first], run[first + 1]):
        first += 1
    one_sided = last
    while one_sided > first and sides(run[one_sided - 1]) == {False}:
        one_sided -= 1
    for index in range(max(one_sided, first + 1), last):
        if _is_set_off(run[index - 1], run[index]):
            last = index
            break
    return run[:first], run[first:last], run[last:]


def _is_set_off(upper: PageRow, lower: PageRow) -> bool:
    return upper.base - lower.base > 1.7 * max(upper.size, lower.size)


def _side(rows: list[PageRow], gutter: float, *, right: bool) -> list[PageRow]:
    halves = []
    for row in rows:
        segments = tuple(segment for segment in row.segments if (segment.left > gutter - 1) is right)
        if segments:
            words = [word for segment in segments for word in segment.words]
            halves.append(PageRow(segments, words[0].base, _usual_size(words)))
    return halves


def _is_text(rows: list[PageRow]) -> bool:
    segments = [segment for row in rows for segment in row.segments]
    if len(rows) < _FEWEST_LINES:
        return False
    widths = [segment.right - segment.left for segment in segments]
    letters = median(len(segment.text) for segment in segments)
    return median(widths) >= _FILLED * max(widths) and letters >= _FEWEST_LETTERS
