"""The table that filters are answered from: each passage's values by field and kind, ordered by value.

A comparison is one look into that order; `not`, `and` and `or` join the numbers that were found.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, get_args

import numpy as np

from ...filters import And, Condition, FieldComparison, Filter, Not, Or
from ...metadata import FieldName, Kind, Path, comparable_values
from ...passages import Metadata
from ..connection import Connection
from ..vectors.faiss_part import Numbers

METADATA_SQL = """
CREATE TABLE metadata_fields (field INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE INDEX fields_by_name ON metadata_fields (name);
CREATE TABLE metadata_values (
    field INTEGER NOT NULL, kind INTEGER NOT NULL, value NOT NULL, passage INTEGER NOT NULL,
    PRIMARY KEY (field, kind, value, passage)
) WITHOUT ROWID;
"""
_KINDS: dict[Kind, int] = {kind: number for number, kind in enumerate(get_args(Kind))}
_FIELD_OF_PATH = "(SELECT field FROM metadata_fields WHERE path = ?)"
VALUES_AT_ONCE = 500


class MetadataTable:
    """Writes and reads the table over one connection."""

    column: Mapping[Kind, str] = dict.fromkeys(get_args(Kind), "value")
    """Where values of a kind stand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._fields: dict[Path, int] = {}

    def add(self, metadata: Metadata, passages: Sequence[int]) -> None:
        """Note the metadata of passages, given by their numbers."""
        for kind, rows in self._rows(metadata, passages).items():
            self._connection.executemany(
                f"INSERT INTO metadata_values (field, kind, {self.column[kind]}, passage) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                rows,
            )

    def remove(self, metadata: Metadata, passages: Sequence[int]) -> None:
        """Take back what `add` noted."""
        for kind, rows in self._rows(metadata, passages).items():
            self._connection.executemany(
                f"DELETE FROM metadata_values WHERE field = ? AND kind = ? AND {self.column[kind]} = ? AND passage = ?",
                rows,
            )

    def fields(self) -> list[Path]:
        """Return the path of every field that some passage has."""
        rows = self._connection.execute(
            "SELECT path FROM metadata_fields "
            "WHERE EXISTS (SELECT 1 FROM metadata_values WHERE field = metadata_fields.field)"
        )
        return [tuple(json.loads(path)) for (path,) in rows]

    def counts(self, path: Path) -> dict[Kind, int]:
        """Return how many documents have values of each kind in a field."""
        rows = self._connection.execute(
            "SELECT kind, count(DISTINCT document_id) FROM metadata_values JOIN passages ON passages.number = passage "
            f"WHERE field = {_FIELD_OF_PATH} GROUP BY kind",
            (json.dumps(path),),
        )
        names = get_args(Kind)
        return {names[kind]: count for kind, count in rows}

    def commonest(self, path: Path, kind: Kind, most: int) -> list[Any]:
        """Return the values of a kind that most documents have in a field, the commonest first."""
        value = f"metadata_values.{self.column[kind]}"
        rows = self._connection.execute(
            f"SELECT {value} FROM metadata_values JOIN passages ON passages.number = passage "
            f"WHERE field = {_FIELD_OF_PATH} AND kind = ? "
            f"GROUP BY {value} ORDER BY count(DISTINCT document_id) DESC, {value} LIMIT ?",
            (json.dumps(path), _KINDS[kind], most),
        )
        return [value for (value,) in rows]

    def matching(self, where: Filter, every: Numbers) -> Numbers:
        """Return those of all numbers, ascending, whose passages a filter accepts."""
        match where:
            case FieldComparison():
                return self._compared(where)
            case Not():
                return np.setdiff1d(every, self.matching(where.part, every), assume_unique=True)
            case And():
                return reduce(_both, (self.matching(part, every) for part in where.parts))
            case Or():
                return reduce(np.union1d, (self.matching(part, every) for part in where.parts))
            case _:
                raise TypeError(f"{type(where).__name__} is no filter of this package")

    def _compared(self, where: FieldComparison) -> Numbers:
        fields = self._named(where.field)
        found = [
            np.fromiter((number for (number,) in rows), dtype=np.int64)
            for field in fields
            for condition in where.conditions
            for rows in self._meeting(field, condition)
        ]
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def _meeting(self, field: int, condition: Condition) -> Iterator[Iterable[tuple[int]]]:
        value = self.column[condition.kind]
        select = f"SELECT passage FROM metadata_values WHERE field = ? AND kind = ? AND {value}"
        of = (field, _KINDS[condition.kind])
        values = [self.stored(value) for value in condition.values]
        if condition.operator != "in":
            yield self._connection.execute(f"{select} {condition.operator} ?", (*of, *values))
            return
        for begin in range(0, len(values), VALUES_AT_ONCE):
            some = values[begin : begin + VALUES_AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield self._connection.execute(f"{select} IN ({marks})", (*of, *some))

    def _named(self, name: FieldName) -> list[int]:
        if name.plain:
            rows = self._connection.execute(
                "SELECT field FROM metadata_fields WHERE name = ?", (name.keys[0],)
            )
        else:
            rows = self._connection.execute(
                "SELECT field FROM metadata_fields WHERE path = ?", (json.dumps(name.keys),)
            )
        return [field for (field,) in rows]

    def stored(self, value: Any) -> Any:
        """Return a value as it stands in its column."""
        return value

    def _rows(
        self, metadata: Metadata, passages: Sequence[int]
    ) -> Mapping[Kind, list[tuple[int, int, Any, int]]]:
        found = defaultdict[Kind, list[tuple[int, int, Any, int]]](list)
        for path, kind, value in set(comparable_values(metadata)):
            field, stored = self._field(path), self.stored(value)
            found[kind] += [(field, _KINDS[kind], stored, number) for number in passages]
        return found

    def _field(self, path: Path) -> int:
        if path not in self._fields:
            key, name = json.dumps(path), ".".join(path).encode("utf-8", "replace").decode()
            execute = self._connection.execute
            execute(
                "INSERT INTO metadata_fields (path, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (key, name)
            )
            row = execute("SELECT field FROM metadata_fields WHERE path = ?", (key,)).fetchone()
            self._fields[path] = int(row[0])
        return self._fields[path]


def _both(one: Numbers, other: Numbers) -> Numbers:
    both: Numbers = np.intersect1d(one, other, assume_unique=True)
    return both
