"""What can be read of one generation of an index in Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from ...errors import IndexStateError
from ..lexical.bm25 import LexicalIndex
from ..reader import IndexReader, floats
from ..tables.meta import read_meta
from ..vectors.faiss_part import VectorPart
from ..vectors.vector_index import SearchedVectors
from .postings import Postings
from .session import Session
from .tables import PostgresMetadata
from .vectors import ServerVectors

PASSAGES, TOKENS, WRITTEN = "passages", "tokens", "written"
"""Under which the meta table notes how many passages there are, how many tokens they have together, and when that was."""


class PostgresReader(IndexReader):
    """See `IndexReader`; vectors and words are searched where they lie."""

    def __init__(self, session: Session, folder: Path) -> None:
        super().__init__(session, folder, read_meta(session))
        self._session = session
        self._lexical = Postings(session, int(self._meta[PASSAGES]), int(self._meta[TOKENS]))

    @property
    def lexical(self) -> LexicalIndex:
        """See `IndexReader`."""
        return self._lexical

    @property
    def metadata(self) -> PostgresMetadata:
        """See `IndexReader`."""
        return PostgresMetadata(self.connection)

    def load_vectors(self, known: Mapping[str, VectorPart]) -> tuple[SearchedVectors, dict[str, VectorPart]]:
        """See `IndexReader`."""
        rows = self.connection.execute("SELECT passage FROM searched ORDER BY passage")
        numbers = np.fromiter((number for (number,) in rows), np.int64)
        return ServerVectors(numbers, self.identity.dims, self.snapshot.kind), {}

    def changed(self) -> datetime:
        """See `IndexReader`."""
        return datetime.fromisoformat(self._meta[WRITTEN])

    def size(self) -> int:
        """See `IndexReader`."""
        rows = self.connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = ?)",
            (self._session.schema,),
        )
        return int(rows.fetchone()[0])

    def damage(self) -> Iterator[str]:
        """See `IndexReader`."""
        searched = {
            number: floats(value)
            for number, value in self.connection.execute("SELECT passage, value FROM searched")
        }
        try:
            for numbers, vectors in self.vectors():
                for number, vector in zip(numbers.tolist(), vectors, strict=True):
                    held = searched.pop(number, None)
                    if held is None or not np.array_equal(held, vector):
                        yield f"what is searched for passage {number} is not its vector"
        except IndexStateError as error:
            yield str(error)
        if searched:
            yield f"{len(searched)} vectors are searched that belong to no passage"
        counted_by = {
            PASSAGES: "SELECT count(*) FROM passages",
            TOKENS: "SELECT sum(cardinality(places)) FROM postings",
        }
        for name, sql in counted_by.items():
            counted = int(self.connection.execute(sql).fetchone()[0] or 0)
            if counted != int(self._meta[name]):
                yield f"there are {counted} {name}, not the {self._meta[name]} noted"
