"""What can be read of one generation of an index in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ...errors import IndexStateError
from ...storage.home import DATABASE
from ..lexical.bm25 import LexicalIndex
from ..lexical.fts5 import FullTextIndex
from ..reader import IndexReader
from ..tables.meta import read_meta
from ..tables.metadata import MetadataTable
from ..vectors.faiss_part import VectorPart
from ..vectors.snapshot import read_snapshot
from ..vectors.vector_index import SearchedVectors


class SQLiteReader(IndexReader):
    """See `IndexReader`; the vectors that are searched are the files of a snapshot."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, notes: tuple[str, ...]) -> None:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        super().__init__(connection, folder, read_meta(connection) if made else {}, notes)
        self._sqlite = connection

    @property
    def lexical(self) -> LexicalIndex:
        """See `IndexReader`."""
        return FullTextIndex(self._sqlite)

    @property
    def metadata(self) -> MetadataTable:
        """See `IndexReader`."""
        return MetadataTable(self.connection)

    def load_vectors(self, known: Mapping[str, VectorPart]) -> tuple[SearchedVectors, dict[str, VectorPart]]:
        """See `IndexReader`."""
        index = read_snapshot(self.folder, self.snapshot, known)
        return index, dict(zip((part.file for part in self.snapshot.parts), index.parts, strict=True))

    def changed(self) -> datetime:
        """See `IndexReader`."""
        return datetime.fromtimestamp((self.folder / DATABASE).stat().st_mtime, UTC)

    def size(self) -> int:
        """See `IndexReader`."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def damage(self) -> Iterator[str]:
        """See `IndexReader`."""
        yield from (
            str(line) for (line,) in self.connection.execute("PRAGMA integrity_check") if line != "ok"
        )
        try:
            if not read_snapshot(self.folder, self.snapshot).holds(self.vectors()):
                yield "the snapshot does not hold the vectors of the database"
        except IndexStateError as error:
            yield str(error)
