"""A connection to Postgres that runs the statements of an index's tables as they are written for both databases.

Texts may hold any character but lone surrogates, as in SQLite: Postgres takes no NUL, so NUL and U+0001 are written as pairs that
begin with U+0001 and sort as they do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from pgvector.psycopg.vector import VectorBinaryLoader
from psycopg.sql import SQL, Identifier
from psycopg.types.string import StrBinaryDumper, StrDumper, TextBinaryLoader

from ..connection import AMONG, Rows
from .place import DatabasePlace

WAIT_S = 10
"""Longest wait for a server that does not answer."""
_VALUE = re.compile(rf"{re.escape(AMONG)}|\?")


class Session:
    """See `Connection`; not to be used by two threads at once."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    @classmethod
    def open(cls, place: DatabasePlace) -> Session:
        """Connect to the server; raises ``psycopg.Error`` where it cannot be reached, or lacks pgvector."""
        connection = psycopg.connect(
            place.address, autocommit=True, connect_timeout=WAIT_S, application_name="quincunx"
        )
        try:
            connection.execute("SET client_encoding TO 'UTF8'")
            connection.execute(SQL("SET search_path TO {}, public").format(Identifier(place.schema)))
            connection.adapters.register_dumper(str, _EscapedBinaryDumper)
            connection.adapters.register_dumper(str, _EscapedDumper)
            connection.adapters.register_loader("text", _EscapedLoader)
            return cls(connection)
        except BaseException:
            connection.close()
            raise

    def know_vectors(self) -> None:
        """Have vectors read and written as arrays; raises ``psycopg.ProgrammingError`` where pgvector is not there."""
        register_vector(self.connection)
        self.connection.adapters.register_loader("vector", _ArrayLoader)

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Run a statement with a question mark for each value."""
        written, lists = _translated(sql)
        values = [json.loads(v) if at in lists else v for at, v in enumerate(parameters)]
        rows: Rows = self.connection.execute(written, values or None, binary=True)
        return rows

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Run a statement for each row of values."""
        with self.connection.cursor() as cursor:
            cursor.executemany(_translated(sql)[0], list(parameters))

    def close(self) -> None:
        """Close it."""
        self.connection.close()


@lru_cache(256)
def _translated(sql: str) -> tuple[bytes, frozenset[int]]:
    """Return a statement as psycopg takes it, and which of its values are lists."""
    found = list(_VALUE.finditer(sql))
    lists = frozenset(at for at, match in enumerate(found) if match[0] == AMONG)
    return _VALUE.sub(lambda match: "= ANY(%s)" if match[0] == AMONG else "%s", sql).encode(), lists


class _ArrayLoader(VectorBinaryLoader):
    def load(self, data: Any) -> Any:
        vector = super().load(data)
        return None if vector is None else vector.to_numpy()


class _EscapedDumper(StrDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(escaped(obj))


class _EscapedBinaryDumper(StrBinaryDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(escaped(obj))


class _EscapedLoader(TextBinaryLoader):
    def load(self, data: Any) -> str | bytes:
        text = super().load(data)
        return unescaped(text) if isinstance(text, str) else text


def escaped(text: str) -> str:
    """Return a text without NUL; escaped texts sort as the texts do."""
    if "\0" not in text and "\1" not in text:
        return text
    return text.replace("\1", "\1\2").replace("\0", "\1\1")


def unescaped(text: str) -> str:
    """Return the text that `escaped` was given."""
    return text if "\1" not in text else text.replace("\1\1", "\0").replace("\1\2", "\1")
