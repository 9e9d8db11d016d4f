"""Tables, and text that is safe to print.

A cell is never cut: in a terminal that is too narrow it goes on below, and elsewhere a row is one line.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

PROSE = 100
"""Columns after which words go on below, however much room there is."""


def facts_table(facts: dict[str, Any]) -> Table:
    """Names and values."""
    table = Table(show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", max_width=PROSE)
    for name, value in facts.items():
        table.add_row(name, escape(str(value)))
    return table


def printable(text: str) -> str:
    """Return a text without the control characters that would steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def table_of(title: str, *columns: str) -> Table:
    """A table of names in the first column and figures in the others."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(columns[0], overflow="fold")
    for column in columns[1:]:
        table.add_column(column, justify="right", overflow="fold")
    return table


def with_words(table: Table, *columns: str) -> Table:
    """Let these columns hold words, or where none is named the last: from the left, on several lines if need be."""
    for column in table.columns if columns else table.columns[-1:]:
        if not columns or column.header in columns:
            column.justify, column.max_width = "left", PROSE
    return table
