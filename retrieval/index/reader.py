"""What can be read of one generation of an index."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..corpus.file_state import FileState
from ..corpus.roots import Origin
from ..errors import IndexStateError
from ..filters import Filter
from ..metadata import Path as FieldPath
from ..models.embedders import EmbedderIdentity, Vectors
from ..neighbours import DocumentPassages
from ..passages import Document, Part, Passage
from ..text.chunk_size import Chunking
from .connection import AMONG, Connection, among
from .lexical.bm25 import LexicalIndex
from .recipe import IndexRecipe
from .schema import REBUILD, SCHEMA, unknown_schema
from .tables.documents import OfDocuments
from .tables.metadata import MetadataTable
from .tables.names import NamedPassages, NamesTable
from .tables.origins import read_files, read_origin
from .vectors.faiss_part import Numbers, VectorPart
from .vectors.snapshot import Snapshot
from .vectors.vector_index import SearchedVectors

VECTORS_AT_ONCE = 50_000
"""Of how many passages vectors are read into memory at a time, where it makes no difference."""
DOCUMENTS_AT_ONCE = 500
DOCUMENT_COLUMNS = "id, title, text, metadata, headed, parts"
PASSAGE_COLUMNS = 'id, document_id, title, text, start, "end", metadata, parts'


class IndexReader(ABC):
    """One generation of an index, as seen inside one read transaction."""

    def __init__(
        self, connection: Connection, folder: Path, meta: Mapping[str, str], notes: tuple[str, ...] = ()
    ) -> None:
        """``meta``: what the database notes of the index, empty where nothing was made in it."""
        if meta.get("schema") != str(SCHEMA):
            raise unknown_schema(meta, folder)
        if "generation" not in meta:
            raise IndexStateError(
                f"{folder}: its first build was not finished; run the same `quincunx index build` again"
            )
        self.connection = connection
        self.folder = folder
        self.notes = notes
        """What whoever reads must be told of how it is read."""
        self._meta = meta

    @property
    @abstractmethod
    def lexical(self) -> LexicalIndex:
        """The words of the passages."""

    @property
    @abstractmethod
    def metadata(self) -> MetadataTable:
        """The values of the metadata."""

    @abstractmethod
    def load_vectors(self, known: Mapping[str, VectorPart]) -> tuple[SearchedVectors, dict[str, VectorPart]]:
        """Return the vectors to be searched, and those of their parts that the next generation may have, too, by name.

        ``known`` are the parts that were returned before. Raises `IndexStateError` where they cannot be loaded.
        """

    @abstractmethod
    def changed(self) -> datetime:
        """Return when the index was last written."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes the index takes where it lies."""

    @abstractmethod
    def damage(self) -> Iterator[str]:
        """Yield what is wrong with the database itself, and with what is searched in place of its vectors, one line each."""

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
        return IndexRecipe.read(self._meta).identity

    @property
    def chunking(self) -> Chunking:
        return IndexRecipe.read(self._meta).chunking

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot.read(self._meta["snapshot"])

    def hashes(self) -> Mapping[str, str]:
        """Return the hash of each document, by id."""
        return OfDocuments(self.connection, "hash")

    def origin(self) -> Origin:
        """Return the roots that the index was built from, and the file of each document."""
        return read_origin(self.connection, self._meta)

    def files(self) -> dict[str, FileState]:
        """Return the files that the index was built from, as they were, by their paths."""
        return read_files(self.connection)

    def counts(self) -> tuple[int, int]:
        """Return (documents, passages)."""
        row = self.connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        ).fetchone()
        return int(row[0]), int(row[1])

    def passage_counts(self) -> dict[str, int]:
        """Return how many passages each document was cut into, by id."""
        return dict(
            self.connection.execute(
                "SELECT document_id, count(*) FROM passages GROUP BY document_id"
            ).fetchall()
        )

    def vectors(self, most: int = VECTORS_AT_ONCE) -> Iterator[tuple[Numbers, Vectors]]:
        """Yield every passage's number and vector, ascending by number, in blocks of at most so many."""
        return read_vectors(self.connection, self.folder, self.identity.dims, 0, most)

    def keyed_vectors(self) -> Iterator[tuple[list[str], Vectors]]:
        """Yield the keys of the passages' vectors, ascending, and the vectors, shape (keys, dims), in blocks."""
        last = ""
        while True:
            rows = self.connection.execute(
                "SELECT key, value FROM vectors WHERE key > ? AND "
                "EXISTS (SELECT 1 FROM passages WHERE vector = vectors.key) ORDER BY key LIMIT ?",
                (last, VECTORS_AT_ONCE),
            ).fetchall()
            if not rows:
                return
            last = str(rows[-1][0])
            yield [str(key) for key, _ in rows], np.stack([floats(value) for _, value in rows])

    def keyed_documents(self) -> Iterator[tuple[Document, list[tuple[Passage, str]]]]:
        """Yield every document in the order of its passages' numbers, with its passages and the keys of their vectors."""
        ids = [
            str(id)
            for (id,) in self.connection.execute(
                "SELECT documents.id FROM documents LEFT JOIN passages ON document_id = documents.id "
                "GROUP BY documents.id ORDER BY min(number)"
            )
        ]
        for id in ids:
            rows = self.connection.execute(
                f"SELECT {PASSAGE_COLUMNS}, vector FROM passages WHERE document_id = ? ORDER BY number", (id,)
            )
            passages = [(_passage(row), str(key)) for *row, key in rows.fetchall()]
            row = self.connection.execute(f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", (id,))
            yield _document(row.fetchone()), passages

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Return the passages of these numbers."""
        rows = self.connection.execute(
            f"SELECT number, {PASSAGE_COLUMNS} FROM passages WHERE number {AMONG}", (among(numbers),)
        )
        return {row[0]: _passage(row[1:]) for row in rows}

    def passage(self, id: str) -> Passage | None:
        """Return the passage of this id; ``None`` where there is none."""
        row = self.connection.execute(
            f"SELECT {PASSAGE_COLUMNS} FROM passages WHERE id = ?", (id,)
        ).fetchone()
        return None if row is None else _passage(row)

    def first_passages(self, limit: int) -> list[Passage]:
        """Return the first passage of each document, of at most so many documents, by their ids."""
        rows = self.connection.execute(
            f"SELECT {PASSAGE_COLUMNS} FROM passages AS first WHERE NOT EXISTS (SELECT 1 FROM passages AS earlier WHERE "
            "earlier.document_id = first.document_id AND (earlier.start, earlier.number) < (first.start, first.number)) "
            "ORDER BY document_id LIMIT ?",
            (limit,),
        )
        return [_passage(row) for row in rows]

    def passages_of(self, document_ids: Sequence[str]) -> dict[str, list[Passage]]:
        """Return the passages of each of these documents, in reading order; none for a document that is not there."""
        found: dict[str, list[Passage]] = {id: [] for id in document_ids}
        rows = self.connection.execute(
            f'SELECT {PASSAGE_COLUMNS} FROM passages WHERE document_id {AMONG} ORDER BY document_id, start, "end"',
            (among(found),),
        )
        for row in rows:
            passage = _passage(row)
            found[passage.document_id].append(passage)
        return found

    def cut_documents(self, document_ids: Sequence[str]) -> dict[str, DocumentPassages]:
        """Return these documents as they were cut, by id."""
        spans = {
            id: tuple((passage.start, passage.end) for passage in passages)
            for id, passages in self.passages_of(document_ids).items()
        }
        rows = self.connection.execute(
            f"SELECT id, text, parts FROM documents WHERE id {AMONG}", (among(spans),)
        )
        return {id: DocumentPassages(text, read_parts(parts), spans[id]) for id, text, parts in rows}

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        last, condition = "", ">="
        while True:
            rows = self.connection.execute(
                f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id {condition} ? ORDER BY id LIMIT ?",
                (last, DOCUMENTS_AT_ONCE),
            ).fetchall()
            yield from map(_document, rows)
            if len(rows) < DOCUMENTS_AT_ONCE:
                return
            last, condition = str(rows[-1][0]), ">"

    def fields(self) -> list[FieldPath]:
        """Return the path of every field of the metadata."""
        return self.metadata.fields()

    def named_in(self, text: str) -> NamedPassages:
        """Return the numbers of the passages whose documents a text names."""
        return NamesTable(self.connection).named_in(text)

    def matching(self, where: Filter, every: Numbers) -> Numbers:
        """Return those of all passages' numbers, ascending, whose metadata a filter accepts."""
        return self.metadata.matching(where, every)

    def faults(self) -> list[str]:
        """Return what is wrong with the database and its snapshot, one line each; nothing when all is well."""
        faults = list[str]()
        texts = {document.id: document.text for document in self.documents()}
        for number, *row in self.connection.execute(f"SELECT number, {PASSAGE_COLUMNS} FROM passages"):
            passage = _passage(row)
            text = texts.get(passage.document_id, "")
            if passage.head + text[passage.start : passage.end] != passage.text or passage.head not in text:
                faults.append(f"passage {passage.id!r} (number {number}) is not its span of its document")
        words = self.lexical.count()
        if words != self.counts()[1]:
            faults.append(f"the lexical stage holds {words} passages of {self.counts()[1]}")
        try:
            norms = [np.linalg.norm(vectors, axis=1) for _, vectors in self.vectors()]
            if not np.allclose(np.concatenate(norms), 1.0, atol=1e-3):
                faults.append("a stored vector is not of norm 1")
        except IndexStateError as error:
            faults.append(str(error))
        return [*self.damage(), *faults]


def read_vectors(
    connection: Connection, folder: Path, dims: int, first: int, most: int
) -> Iterator[tuple[Numbers, Vectors]]:
    """Yield numbers, from ``first`` on, and vectors of passages: (passages,) and (passages, dims), ascending by number.

    ``most``: passages of a block. There is one block at least, if an empty one.
    """
    left = int(connection.execute("SELECT count(*) FROM passages WHERE number >= ?", (first,)).fetchone()[0])
    while True:
        count = min(left, most)
        rows = connection.execute(
            "SELECT number, value FROM passages LEFT JOIN vectors ON vectors.key = passages.vector WHERE number >= ? "
            "ORDER BY number LIMIT ?",
            (first, count),
        )
        numbers, vectors = np.empty(count, dtype=np.int64), np.empty((count, dims), dtype=np.float32)
        for row, (number, value) in enumerate(rows):
            vector = None if value is None else floats(value)
            if vector is None or len(vector) != dims:
                raise IndexStateError(f"{folder}: a passage lacks its vector. {REBUILD}")
            numbers[row], vectors[row] = number, vector
        yield numbers, vectors
        left -= count
        if not left:
            return
        first = int(numbers[-1]) + 1


def floats(value: Any) -> Vectors:
    """Return a vector, shape (dims,), from the column of a database: the bytes of its float32s, or an array."""
    return np.frombuffer(value, dtype="<f4") if isinstance(value, bytes) else np.asarray(value, np.float32)


def _document(row: Sequence[Any]) -> Document:
    id, title, text, metadata, headed, parts = row
    return Document(id, title, text, json.loads(metadata), bool(headed), read_parts(parts))


def _passage(row: Sequence[object]) -> Passage:
    id, document_id, title, text, start, end, metadata, parts = row
    return Passage(
        id=str(id),
        document_id=str(document_id),
        title=str(title),
        text=str(text),
        start=int(str(start)),
        end=int(str(end)),
        metadata=json.loads(str(metadata)),
        parts=read_parts(str(parts)),
    )


def written_parts(parts: Sequence[Part]) -> str:
    """Return parts as they are stored; nothing for none."""
    return json.dumps([[part.start, part.kind, part.number] for part in parts]) if parts else ""


def read_parts(written: str) -> tuple[Part, ...]:
    """Return what `written_parts` wrote."""
    return tuple(Part(*part) for part in json.loads(written)) if written else ()
