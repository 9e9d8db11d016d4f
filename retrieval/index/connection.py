"""What the tables of an index need of a database connection, whichever database it is.

Statements are those that SQLite and Postgres both understand, with a question mark for each value; `AMONG` stands for what they
write differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

AMONG = "IN (SELECT value FROM json_each(?))"
"""Compares a column with many values, which are handed over as `among` gives them."""


class Rows(Protocol):
    """The rows that a statement found."""

    def __iter__(self) -> Iterator[Any]: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """Runs statements; ``sqlite3.Connection`` is one."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> object: ...


def among(values: Iterable[str] | Iterable[int]) -> str:
    """Return texts or numbers as the value of an `AMONG`."""
    return json.dumps(list(values))
