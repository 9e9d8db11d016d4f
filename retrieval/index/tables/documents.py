"""What an index notes of each of its documents, looked up when it is asked for: a change reads that of what it changes alone."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import Literal

from ..connection import Connection


class OfDocuments(Mapping[str, str]):
    """The hash of each document by its id, or the file that it came from."""

    def __init__(self, connection: Connection, what: Literal["hash", "source"]) -> None:
        self._connection = connection
        self._what = what

    def __getitem__(self, id: str) -> str:
        row = self._connection.execute(f"SELECT {self._what} FROM documents WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise KeyError(id)
        return str(row[0])

    def __iter__(self) -> Iterator[str]:
        return (id for (id,) in self._connection.execute("SELECT id FROM documents"))

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def __bool__(self) -> bool:
        return self._connection.execute("SELECT 1 FROM documents LIMIT 1").fetchone() is not None

    def items(self) -> ItemsView[str, str]:
        """Return all of them, read at once."""
        known: dict[str, str] = {}  # each is one text, however many documents have it
        rows = self._connection.execute(f"SELECT id, {self._what} FROM documents")
        return {id: known.setdefault(value, value) for id, value in rows}.items()
