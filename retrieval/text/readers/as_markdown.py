"""Writing Markdown that shows exactly a given text: escapes at the beginnings of lines, tables and fences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_BEGINS_BLOCK = re.compile(
    r"[ \t]*(?:#{1,6}(?=[ \t]|$)|>|`{3}|~{3}|(?:[-=:|\s]+|(?:[*_][ \t]*){3,})$|<[a-zA-Z/!?])"
)
"""What begins a block or, as the whole line, underlines the one above it: a heading, or the head of a table."""


def as_paragraph(text: str) -> str:
    """Return a line of a paragraph that no Markdown parser takes for a heading, a quote, a rule, a table or code.

    Marks of lists are left as they are: what looks like a list is one.
    """
    line = " ".join(text.split())
    return f"\\{line}" if _BEGINS_BLOCK.match(line) else line


def as_heading(text: str, level: int) -> str:
    """Return a heading of rank 1 to 6."""
    return f"{'#' * min(max(level, 1), 6)} {' '.join(text.split())}"


def as_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, each row on a line of its own."""
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row(row) for row in rows]
    return "\n".join(lines)


def as_code(text: str, language: str = "") -> str:
    """Return lines of code within a fence that none of them ends."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
