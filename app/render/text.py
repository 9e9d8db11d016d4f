"""Tables, and text that is safe to print."""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table


def facts_table(facts: dict[str, Any]) -> Table:
    """Names and values."""
    table = Table(show_header=False)
    for name, value in facts.items():
        table.add_row(name, escape(str(value)))
    return table


def printable(text: str) -> str:
    """Return a text without the control characters that would steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def wrapping(table: Table) -> Table:
    """Let the last column hold words, on several lines where they need it."""
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    return table
