"""What the one writer of an index in SQLite may do to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...models.embedders import Vectors
from ...processes import working
from ..reader import read_vectors
from ..tables.metadata import MetadataTable
from ..vectors.faiss_part import Numbers
from ..vectors.snapshot import Snapshot, collect_snapshots, write_change, write_snapshot
from ..writer import IndexWriter, VectorChange


class SQLiteWriter(IndexWriter):
    """See `IndexWriter`."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        super().__init__(connection, folder)
        self._sqlite = connection

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with working():
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sqlite.execute("COMMIT")
            except BaseException:
                if self._sqlite.in_transaction:
                    self._sqlite.execute("ROLLBACK")
                raise

    @property
    def _metadata(self) -> MetadataTable:
        return MetadataTable(self._connection)

    def _stored(self, vector: Vectors) -> Any:
        return vector.astype("<f4").tobytes()

    def _add_words(self, words: Sequence[tuple[int, str]]) -> None:
        self._sqlite.executemany("INSERT INTO lexical (rowid, words) VALUES (?, ?)", words)

    def _remove_words(self, numbers: Sequence[int]) -> None:
        self._sqlite.executemany("DELETE FROM lexical WHERE rowid = ?", [(number,) for number in numbers])

    def _publish(self, change: VectorChange) -> Snapshot:
        def read(first: int, most: int) -> Iterator[tuple[Numbers, Vectors]]:
            return read_vectors(self._connection, self._folder, change.dims, first, most)

        where = self._folder, change.generation
        if change.previous is None:
            return write_snapshot(*where, change.kind, change.dims, read)
        return write_change(*where, change.previous, change.removed, change.added, read)

    def _tidy(self, kept: Sequence[Snapshot]) -> None:
        collect_snapshots(self._folder, {file for snapshot in kept for file in snapshot.files})

    def compact(self) -> None:
        """See `IndexWriter`."""
        self._sqlite.execute("INSERT INTO lexical (lexical) VALUES ('optimize')")
        self._sqlite.execute("VACUUM")
        self._sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
