"""Running heads, running feet and page numbers of a PDF document, which are left out of its text.

Only documents of three pages or more have such lines, and only the outermost rows of a page can be ones: at most three,
within the upper or the lower sixth of the page. A row is left out where

- the same row, but for its digits, stands at that edge on three pages or more, and on more than half of all pages or of
  those with odd or even numbers; and it is set off from the text by more than the spacing of its lines; or
- it is a bare number, such as "7", "Page 7 of 9" or "vii", which counts up with the pages on three of them or more.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from .rows import PageRow

FEWEST_PAGES = 3
_MOST_ROWS = 3
_EDGE = 1 / 6
_SET_OFF = 1.45
_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|side|blad|p\.|s\.|pág(?:ina|\.)|pagina|页|第)\s*)?(?P<number>\d{1,5}|[ivxlc]{1,8})"
    r"(?:\s*(?:/|of|von|de|sur|av|di|页)\s*\d*)?\W*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def without_running(pages: Sequence[tuple[Sequence[PageRow], float]]) -> list[list[PageRow]]:
    """Return the rows of each page, given with its height, without those that run through the document."""
    if len(pages) < FEWEST_PAGES:
        return [list(rows) for rows, _ in pages]
    edges = [_outermost(rows, height) for rows, height in pages]
    repeated = _repeated(edges)
    counted = _counted(edges)
    kept = []
    for page, (rows, _) in enumerate(pages):
        dropped: set[int] = set()
        for edge, outer in enumerate(edges[page]):
            inward = list(rows) if edge == 0 else list(reversed(rows))
            dropped.update(
                id(row) for row in inward[: _running(inward, len(outer), page, edge, repeated, counted)]
            )
        kept.append([row for row in rows if id(row) not in dropped])
    return kept


_Edges = tuple[list[PageRow], list[PageRow]]


def _outermost(rows: Sequence[PageRow], height: float) -> _Edges:
    upper = [row for row in rows[:_MOST_ROWS] if row.base > height * (1 - _EDGE)]
    lower = [row for row in rows[::-1][:_MOST_ROWS] if row.base < height * _EDGE]
    return upper, lower


def _repeated(edges: Sequence[_Edges]) -> set[tuple[int, str]]:
    """Return the texts that run at the upper edge (0) or the lower one (1)."""
    pages: dict[tuple[int, str], set[int]] = defaultdict(set)
    for page, both in enumerate(edges):
        for edge, rows in enumerate(both):
            for row in rows:
                pages[edge, _key(row)].add(page)
    count = len(edges)
    halves = [count, (count + 1) // 2, count // 2]
    return {
        key
        for key, on in pages.items()
        if key[1]
        and any(
            len(among) >= FEWEST_PAGES and len(among) > half / 2
            for among, half in zip(
                (on, {page for page in on if page % 2 == 0}, {page for page in on if page % 2}),
                halves,
                strict=True,
            )
        )
    }


def _counted(edges: Sequence[_Edges]) -> set[tuple[bool, int]]:
    """Return by how much bare numbers that count up with the pages differ from them; apart for Roman ones."""
    steps: Counter[tuple[bool, int]] = Counter()
    for page, both in enumerate(edges):
        steps.update({step for rows in both for row in rows if (step := _step(row, page)) is not None})
    return {step for step, count in steps.items() if count >= FEWEST_PAGES}


def _step(row: PageRow, page: int) -> tuple[bool, int] | None:
    found = _NUMBER.fullmatch(row.text)
    if found is None:
        return None
    number = found["number"].lower()
    return (False, int(number) - page) if number.isdecimal() else (True, _roman(number) - page)


def _roman(text: str) -> int:
    values = [_ROMAN[letter] for letter in text]
    return sum(
        -value if value < later else value for value, later in zip(values, [*values[1:], 0], strict=True)
    )


def _running(
    inward: Sequence[PageRow],
    most: int,
    page: int,
    edge: int,
    repeated: set[tuple[int, str]],
    counted: set[tuple[bool, int]],
) -> int:
    """Return how many of the rows of a page, from one of its edges on, run through the document."""
    found = 0
    for index, row in enumerate(inward[:most]):
        is_number = _step(row, page) in counted
        if not is_number and (edge, _key(row)) not in repeated:
            break
        if is_number or index + 1 == len(inward) or _is_set_off(row, inward[index + 1]):
            found = index + 1
    return found


def _key(row: PageRow) -> str:
    return " ".join(_DIGITS.sub("", row.text).casefold().split())


def _is_set_off(row: PageRow, inner: PageRow) -> bool:
    """Return whether a row is apart from the one inside it, and not the head of a table that begins there."""
    starts = [segment.left for segment in row.segments]
    inner_starts = [segment.left for segment in inner.segments]
    is_table = len(starts) > 1 and len(starts) == len(inner_starts)
    is_table = is_table and all(abs(a - b) < 3 for a, b in zip(starts, inner_starts, strict=True))
    return not is_table and abs(row.base - inner.base) > _SET_OFF * max(row.size, inner.size)
