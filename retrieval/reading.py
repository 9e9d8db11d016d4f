"""What can be read of one generation of an index."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .chunking import Chunking
from .embedders import EmbedderIdentity, Vectors
from .errors import IndexStateError
from .filters import Filter
from .lexical import K1, LEAST_IDF, content_words, match_expression, match_phrase
from .passages import Document, Passage
from .recipe import Recipe
from .snapshots import Snapshot, read_snapshot
from .store import REBUILD, require_schema
from .vector_index import TIES, Numbers

PASSAGE_COLUMNS = 'id, document_id, title, text, start, "end", metadata'


class Reading:
    """One generation of an index, as seen inside one read transaction."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self.folder = folder
        self._meta = self._read_meta()

    def _read_meta(self) -> dict[str, str]:
        made = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall()) if made else {}
        require_schema(meta, self.folder)
        if "generation" not in meta:
            raise IndexStateError(
                f"{self.folder}: its first build was not finished; run the same `quincunx index build` again"
            )
        return meta

    @property
    def generation(self) -> int:
        """Counts the changes that became visible; 1 after the first build."""
        return int(self._meta["generation"])

    @property
    def state(self) -> tuple[str, int]:
        """Names what is read: the store and its generation. A store built afresh counts from 1 again."""
        return self._meta.get("store", ""), self.generation

    @property
    def identity(self) -> EmbedderIdentity:
        return Recipe.read(self._meta).identity

    @property
    def chunking(self) -> Chunking:
        return Recipe.read(self._meta).chunking

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot.read(self._meta["snapshot"])

    def counts(self) -> tuple[int, int]:
        """Return (documents, passages)."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        ).fetchone()
        return int(row[0]), int(row[1])

    def vectors(self) -> tuple[Numbers, Vectors]:
        """Return every passage's number and vector, ascending by number."""
        return read_vectors(self._connection, self.folder, self.identity.dims)

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Return the passages of these numbers."""
        rows = self._connection.execute(
            f"SELECT number, {PASSAGE_COLUMNS} FROM passages WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {row[0]: _passage(row[1:]) for row in rows}

    def passages_of(self, document_ids: Sequence[str]) -> dict[str, list[Passage]]:
        """Return the passages of each of these documents, in reading order; none for a document that is not there."""
        found: dict[str, list[Passage]] = {id: [] for id in document_ids}
        rows = self._connection.execute(
            f"SELECT {PASSAGE_COLUMNS} FROM passages WHERE document_id IN (SELECT value FROM json_each(?)) "
            'ORDER BY document_id, start, "end"',
            (json.dumps(list(found)),),
        )
        for row in rows:
            passage = _passage(row)
            found[passage.document_id].append(passage)
        return found

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        for id, title, text, metadata, headed in self._connection.execute(
            "SELECT id, title, text, metadata, headed FROM documents ORDER BY id"
        ):
            yield Document(id, title, text, json.loads(metadata), bool(headed))

    def matching(self, where: Filter) -> Numbers:
        """Return the numbers, ascending, of the passages whose metadata a filter accepts."""
        accepted: dict[str, bool] = {}
        numbers = []
        for number, metadata in self._connection.execute(
            "SELECT number, metadata FROM passages ORDER BY number"
        ):
            if metadata not in accepted:
                accepted[metadata] = where.matches(json.loads(metadata))
            if accepted[metadata]:
                numbers.append(number)
        return np.array(numbers, dtype=np.int64)

    def lexical(self, question: str, limit: int, allowed: Numbers | None = None) -> list[tuple[int, float]]:
        """Return (number, score) of the passages that share a word with the question, best first.

        All that tie with the last one are in. Only ``allowed`` numbers are looked at, where given.
        """
        found = self._match(question, allowed, "ORDER BY rank LIMIT ?", limit + TIES)
        last = found[min(limit, len(found)) - 1][1] if found else 0.0
        if len(found) == limit + TIES and found[-1][1] == last:
            return self._match(question, allowed, "AND rank <= ? ORDER BY rank", -last)
        return [(number, score) for number, score in found if score >= last]

    def lexical_scores(self, question: str, numbers: Sequence[int]) -> dict[int, float]:
        """Return the lexical score of those of these passages that share a word with the question."""
        return dict(self._match(question, np.array(numbers, dtype=np.int64), "LIMIT ?", len(numbers)))

    def lexical_bound(self, question: str, passages: int) -> float:
        """Return what no passage's lexical score for the question can pass, of an index of so many passages.

        BM25 gives a word at most (k1 + 1) times its weight, ln((N − n + ½) / (n + ½)) of N passages of which n hold
        it, as FTS5 has them; a word that none holds gives nothing.
        """
        weights = []
        for word in content_words(question):
            holding = self._connection.execute(
                "SELECT count(*) FROM lexical WHERE lexical MATCH ?", (match_phrase(word),)
            ).fetchone()[0]
            if holding:
                weights.append(max(LEAST_IDF, math.log((passages - holding + 0.5) / (holding + 0.5))))
        return (K1 + 1) * sum(weights)

    def _match(
        self, question: str, allowed: Numbers | None, tail: str, value: float
    ) -> list[tuple[int, float]]:
        expression = match_expression(question)
        if expression is None:
            return []
        within, values = "", [expression]
        if allowed is not None:
            # The plus keeps SQLite from running the whole match again for each number.
            within = "AND +rowid IN (SELECT value FROM json_each(?)) "
            values.append(json.dumps(allowed.tolist()))
        rows = self._connection.execute(
            f"SELECT rowid, -rank FROM lexical WHERE lexical MATCH ? {within}{tail}", (*values, value)
        )
        return [(int(number), float(score)) for number, score in rows]

    def faults(self) -> list[str]:
        """Return what is wrong with the database and its snapshot, one line each; nothing when all is well."""
        faults = [str(row[0]) for row in self._connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        texts = {document.id: document.text for document in self.documents()}
        for number, *row in self._connection.execute(f"SELECT number, {PASSAGE_COLUMNS} FROM passages"):
            passage = _passage(row)
            if texts.get(passage.document_id, "")[passage.start : passage.end] != passage.text:
                faults.append(f"passage {passage.id!r} (number {number}) is not its span of its document")
        words = self._connection.execute("SELECT count(*) FROM lexical").fetchone()[0]
        if words != self.counts()[1]:
            faults.append(f"the lexical stage holds {words} passages of {self.counts()[1]}")
        try:
            numbers, vectors = self.vectors()
            if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3):
                faults.append("a stored vector is not of norm 1")
            snapshot = read_snapshot(self.folder, self.snapshot)
            if not (
                np.array_equal(snapshot.numbers, numbers)
                and np.array_equal(snapshot.vectors(numbers.tolist()), vectors)
            ):
                faults.append(f"snapshot {self.snapshot.file} does not hold the vectors of the database")
        except IndexStateError as error:
            faults.append(str(error))
        return faults


def read_vectors(connection: sqlite3.Connection, folder: Path, dims: int) -> tuple[Numbers, Vectors]:
    """Return every passage's number and vector, shapes (passages,) and (passages, dims), ascending by number."""
    rows = connection.execute(
        "SELECT number, value FROM passages LEFT JOIN vectors ON vectors.key = passages.vector ORDER BY number"
    ).fetchall()
    if any(row[1] is None or len(row[1]) != 4 * dims for row in rows):
        raise IndexStateError(f"{folder}: a passage lacks its vector. {REBUILD}")
    numbers = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    vectors = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").reshape(len(rows), dims)
    return numbers, vectors.astype(np.float32, copy=False)


def _passage(row: Sequence[object]) -> Passage:
    id, document_id, title, text, start, end, metadata = row
    return Passage(
        id=str(id),
        document_id=str(document_id),
        title=str(title),
        text=str(text),
        start=int(str(start)),
        end=int(str(end)),
        metadata=json.loads(str(metadata)),
    )
