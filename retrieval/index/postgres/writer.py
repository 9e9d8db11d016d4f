"""What the one writer of an index in Postgres may do to it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from ...models.embedders import Vectors
from ...processes import working
from ..connection import AMONG, among
from ..tables.meta import write_meta
from ..vectors.snapshot import Snapshot, SnapshotPart
from ..writer import IndexWriter, VectorChange
from .postings import add_postings, remove_postings
from .reader import PASSAGES, TOKENS, WRITTEN
from .session import Session
from .tables import PostgresMetadata
from .vectors import graphs, make_hnsw

logger = logging.getLogger(__name__)

NOTED_AT_ONCE = 500
"""Passages whose words are split and written together."""


class PostgresWriter(IndexWriter):
    """See `IndexWriter`."""

    kinds = ("flat", "hnsw")

    def __init__(self, session: Session, folder: Path) -> None:
        super().__init__(session, folder)
        self._session = session
        self._words: list[tuple[int, str]] = []
        """Those of passages that `_note_words` has not written yet."""

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._words = []
        with working(), self._session.connection.transaction():
            yield

    @property
    def _metadata(self) -> PostgresMetadata:
        return PostgresMetadata(self._connection)

    def _stored(self, vector: Vectors) -> Any:
        return np.asarray(vector, np.float32)

    def _add_words(self, words: Sequence[tuple[int, str]]) -> None:
        self._words += words
        if len(self._words) >= NOTED_AT_ONCE:
            self._note_words()

    def _note_words(self) -> None:
        if self._words:
            add_postings(self._session, self._words)
            self._words = []

    def _remove_words(self, numbers: Sequence[int]) -> None:
        remove_postings(self._session, numbers)

    def _publish(self, change: VectorChange) -> Snapshot:
        self._note_words()
        execute = self._session.execute
        if change.previous is None:
            execute("DELETE FROM searched")
        else:
            execute(f"DELETE FROM searched WHERE passage {AMONG}", (among(change.removed.tolist()),))
        first = 0 if change.previous is None else change.first
        execute(
            "INSERT INTO searched SELECT number, value FROM passages JOIN vectors ON vectors.key = passages.vector "
            "WHERE number >= ?",
            (first,),
        )
        passages, tokens = execute("SELECT count(*), sum(tokens) FROM lengths").fetchone()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_meta(self._session, {PASSAGES: str(passages), TOKENS: str(int(tokens or 0)), WRITTEN: now})
        recall = 1.0 if change.previous is None else change.previous.recall
        if change.previous is None:
            before = graphs(self._session)
            if change.kind == "hnsw":
                recall = make_hnsw(self._session, change.dims, f"nearest_{change.generation}")
            # At last, for it keeps searches waiting until the change is whole.
            for name in before:
                execute(f"DROP INDEX {name}")
        return Snapshot(change.kind, change.dims, recall, (self._part(change, first),))

    def _part(self, change: VectorChange, first: int) -> SnapshotPart:
        """Name the vectors that are searched now: by what came and went, and the name of those of before."""
        digest = sha256(change.previous.sha256.encode() if change.previous else b"")
        digest.update(change.removed.astype("<i8").tobytes())
        rows = self._session.execute(
            "SELECT number, vector FROM passages WHERE number >= ? ORDER BY number", (first,)
        )
        for number, key in rows:
            digest.update(f"{number} {key}\n".encode())
        name = digest.hexdigest()
        last = self._session.execute("SELECT max(number) FROM passages").fetchone()[0] or 0
        before = change.previous.parts[0].last if change.previous else 0
        return SnapshotPart(
            file=f"g{change.generation}-{name[:16]}",
            size=4 * change.dims * self.passage_count(),
            sha256=name,
            kind=change.kind,
            passages=self.passage_count(),
            last=max(last, before),
        )

    def _tidy(self, kept: Sequence[Snapshot]) -> None:
        # The server gives up former rows by itself; how it looks for the new ones, it chooses by what it knows of them.
        try:
            for table in ("passages", "postings", "terms", "searched", "metadata_values"):
                self._session.execute(f"ANALYZE {table}")
        except psycopg.Error as error:
            logger.warning("%s: published, but not analysed (%s)", self._folder, error)

    def compact(self) -> None:
        """See `IndexWriter`."""
        tables = self._session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = ?", (self._session.schema,)
        )
        for (table,) in tables.fetchall():
            self._session.execute(f"VACUUM ANALYZE {table}")
