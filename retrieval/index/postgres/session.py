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
from pgvector.psycopg.vector import VectorBinaryLoader, register_vector_info
from psycopg.sql import SQL, Identifier
from psycopg.types import TypeInfo
from psycopg.types.string import StrBinaryDumper, StrDumper, TextBinaryLoader

from ...errors import UsageError
from ..connection import AMONG, Rows
from .place import DatabasePlace

WAIT_S = 10
"""Longest wait for a server that does not answer."""
SETTINGS = {
    "client_encoding": "'UTF8'",
    "lock_timeout": "'5s'",
    "idle_in_transaction_session_timeout": "'300s'",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""Of each session, so that none waits without end for another, nor holds others up when its process or machine is gone."""
LOOKED_UP = 1_000
"""Allowed numbers that are looked up in an index one by one; of more, rows that were found otherwise are held against them."""
_SCHEMA_OF_VECTORS = "SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
_VALUE = re.compile(rf"{re.escape(AMONG)}|\?")


class Session:
    """See `Connection`; not to be used by two threads at once."""

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        self.connection = connection
        self.schema = schema
        self.nearness, self.graph, self._vector = "", "", ""
        """Once `know_vectors` was called: the operator that orders vectors by their inner product, the class of operators of a graph
        of them, and their type."""

    @classmethod
    def open(cls, place: DatabasePlace) -> Session:
        """Connect to the server; raises ``psycopg.Error`` where it cannot be reached, and `UsageError` for an address that is none."""
        try:
            connection = psycopg.connect(
                place.address, autocommit=True, connect_timeout=WAIT_S, application_name="quincunx"
            )
        except psycopg.ProgrammingError as error:
            raise UsageError(f"store {place.address}: {error}") from error
        try:
            for setting, value in SETTINGS.items():
                connection.execute(f"SET {setting} = {value}".encode())
            # No other schema, lest a table of somebody else's that is called alike be taken for one of the index.
            connection.execute(SQL("SET search_path TO {}").format(Identifier(place.schema)))
            connection.adapters.register_dumper(str, _EscapedBinaryDumper)
            connection.adapters.register_dumper(str, _EscapedDumper)
            connection.adapters.register_loader("text", _EscapedLoader)
            return cls(connection, place.schema)
        except BaseException:
            connection.close()
            raise

    def vector_schema(self) -> str | None:
        """Return the schema that pgvector was made in, quoted; ``None`` where it is not there."""
        row = self.connection.execute(_SCHEMA_OF_VECTORS).fetchone()
        return None if row is None else Identifier(row[0]).as_string(self.connection)

    def know_vectors(self) -> None:
        """Have vectors read and written as arrays; raises ``psycopg.ProgrammingError`` where pgvector is not there."""
        schema = self.vector_schema()
        kind = None if schema is None else TypeInfo.fetch(self.connection, f"{schema}.vector")
        register_vector_info(self.connection, kind)
        assert kind is not None, "else it is not there, which was raised"
        self.connection.adapters.register_loader(kind.oid, _ArrayLoader)
        self.nearness, self.graph = f"OPERATOR({schema}.<#>)", f"{schema}.vector_ip_ops"
        self._vector = f"{schema}.vector"

    def sized(self, column: str, dims: int) -> str:
        """Return a column of vectors as one of so many dimensions, which a graph is made of."""
        return f"({column}::{self._vector}({dims}))"

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


def is_allowed(column: str, allowed: int) -> str:
    """Return the condition that a column of numbers is among so many, which are its one value, as a list."""
    if allowed <= LOOKED_UP:
        return f"{column} = ANY(?::bigint[])"
    return f"({column} + 0) IN (SELECT unnest(?::bigint[]))"  # a sum is in no index


def escaped(text: str) -> str:
    """Return a text without NUL; escaped texts sort as the texts do."""
    if "\0" not in text and "\1" not in text:
        return text
    return text.replace("\1", "\1\2").replace("\0", "\1\1")


def unescaped(text: str) -> str:
    """Return the text that `escaped` was given."""
    return text if "\1" not in text else text.replace("\1\1", "\0").replace("\1\2", "\1")
