"""What the one writer of an index may do to it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..corpus.file_state import FileState
from ..corpus.roots import Origin
from ..errors import DuplicateIdError
from ..models.embedders import EmbedderIdentity, Vectors
from ..passages import FILE_FACTS, Document, Passage
from ..processes import working
from ..text.chunk_size import Chunking
from ..text.words import indexed_words, spelt_words
from .metadata_table import MetadataTable
from .names import NamesTable
from .origins import is_noted, read_files, read_origin, write_files, write_origin
from .reader import PASSAGE_COLUMNS, StoredHashes, read_vectors, written_parts
from .recipe import IndexRecipe
from .schema import SCHEMA, unknown_schema
from .vectors.faiss_index import Kind, VectorIndex
from .vectors.snapshot import Snapshot, collect_snapshots, write_snapshot


def document_hash(document: Document) -> str:
    """Name what a document says: equal hashes mean nothing about it changed."""
    facts = document.metadata.get(FILE_FACTS)
    said = document.metadata
    if isinstance(facts, dict):
        # A row says the same when another row of its file changed, and a file that was written again the same.
        said = {**said, FILE_FACTS: facts.get("kind")}
    whole = [document.title, document.text, said, document.headed, written_parts(document.parts)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


KeyedPassage = tuple[Passage, str]
"""A passage, whose metadata are those of its document, and the key of its vector."""


class IndexWriter:
    """One writer's hold on an index."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        if self.meta.get("schema") != str(SCHEMA):
            raise unknown_schema(self.meta, folder)

    @property
    def meta(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT key, value FROM meta").fetchall())

    @property
    def generation(self) -> int:
        """The current generation; 0 before the first."""
        return int(self.meta.get("generation", 0))

    @property
    def identity(self) -> EmbedderIdentity | None:
        """What embedded the current generation; ``None`` before the first."""
        return IndexRecipe.read(self.meta).identity if self.generation else None

    def made_by(self, identity: EmbedderIdentity, chunking: Chunking, kind: Kind) -> bool:
        """Whether the current generation was cut, embedded and indexed this way; true before the first."""
        meta = self.meta
        if not self.generation:
            return True
        return (
            IndexRecipe.read(meta) == IndexRecipe(identity, chunking)
            and Snapshot.read(meta["snapshot"]).kind == kind
        )

    def passage_count(self) -> int:
        """Return how many passages there are now."""
        return int(self._connection.execute("SELECT count(*) FROM passages").fetchone()[0])

    def hashes(self) -> Mapping[str, str]:
        """Return the hash of each document of the current generation, by id."""
        return StoredHashes(self._connection)

    def origin(self) -> Origin:
        """Return the roots that the index was built from, and the file of each document."""
        return read_origin(self._connection, self.meta)

    def files(self) -> dict[str, FileState]:
        """Return the files that the index was built from, as they were, by their paths."""
        return read_files(self._connection)

    def remember(self, origin: Origin, files: Mapping[str, FileState]) -> None:
        """Note where documents came from that are otherwise unchanged; no new generation, and no write if it is noted."""
        if files == self.files() and is_noted(self._connection, self.meta, origin):
            return
        with self._transaction():
            write_origin(self._connection, origin)
            write_files(self._connection, files)

    def missing_vectors(self, keys: Iterable[str]) -> set[str]:
        """Return those keys that have no vector yet."""
        wanted = set(keys)
        present = self._connection.execute(
            "SELECT key FROM vectors WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(wanted)),),
        )
        return wanted - {key for (key,) in present}

    def add_vectors(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep a batch of vectors; invisible to readers until a generation refers to them."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(key, vector.astype("<f4").tobytes()) for key, vector in zip(keys, vectors, strict=True)],
            )

    def replace(
        self,
        documents: Iterable[tuple[Document, Sequence[KeyedPassage]]],
        removed: Iterable[str],
        *,
        recipe: IndexRecipe | None = None,
        kind: Kind | None = None,
        origin: Origin | None = None,
        files: Mapping[str, FileState] | None = None,
    ) -> int:
        """Make a new generation visible, all at once, and return its number.

        The ``removed`` ids go, those among them that stand again in ``documents``, too; these come, each with its
        passages. Every passage's vector must have been added before. Left out, ``recipe``, ``kind``, the ``origin`` of
        the other documents and the ``files`` stay what they are.
        """
        meta = self.meta
        previous = Snapshot.read(meta["snapshot"]) if "snapshot" in meta else None
        recipe = recipe or IndexRecipe.read(meta)
        kind = kind or (previous.kind if previous else "flat")
        dims = recipe.identity.dims
        generation = self.generation + 1
        with self._transaction():
            table = MetadataTable(self._connection)
            for id in removed:
                self._remove(id, table)
            spelt: set[str] = set()
            for document, passages in documents:
                self._insert(document, passages, table)
                for passage, _ in passages:
                    spelt |= spelt_words(passage.title, passage.text)
            self._connection.executemany(
                "INSERT OR IGNORE INTO words VALUES (?)", ((word,) for word in sorted(spelt))
            )
            if origin is not None:
                write_origin(self._connection, origin)
            if files is not None:
                write_files(self._connection, files)
            self._connection.execute(
                "DELETE FROM vectors WHERE NOT EXISTS (SELECT 1 FROM passages WHERE vector = vectors.key)"
            )
            numbers, vectors = read_vectors(self._connection, self._folder, dims)
            index = VectorIndex.make(numbers, vectors, kind)
            snapshot = write_snapshot(self._folder, generation, index, vectors)
            changed = {**recipe.written(), "generation": str(generation), "snapshot": snapshot.written()}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", changed.items())
        # A reader that opened the former generation just now may still want its snapshot.
        collect_snapshots(self._folder, {snapshot.file} | ({previous.file} if previous else set()))
        return generation

    def compact(self) -> None:
        """Give back the space of what was removed."""
        self._connection.execute("INSERT INTO lexical (lexical) VALUES ('optimize')")
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _remove(self, id: str, table: MetadataTable) -> None:
        execute = self._connection.execute
        found = execute("SELECT metadata FROM documents WHERE id = ?", (id,)).fetchone()
        if found is None:
            return
        numbers = execute("SELECT number FROM passages WHERE document_id = ?", (id,)).fetchall()
        table.remove(json.loads(found[0]), [number for (number,) in numbers])
        NamesTable(self._connection).remove([number for (number,) in numbers])
        execute(
            "DELETE FROM lexical WHERE rowid IN (SELECT number FROM passages WHERE document_id = ?)", (id,)
        )
        execute("DELETE FROM passages WHERE document_id = ?", (id,))
        execute("DELETE FROM documents WHERE id = ?", (id,))

    def _insert(
        self,
        document: Document,
        passages: Sequence[KeyedPassage],
        table: MetadataTable,
    ) -> None:
        execute = self._connection.execute
        metadata = json.dumps(document.metadata)
        execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, '')",
            (
                document.id,
                document.title,
                document.text,
                metadata,
                int(document.headed),
                written_parts(document.parts),
                document_hash(document),
            ),
        )
        numbers = []
        for passage, key in passages:
            where = (passage.id, document.id, passage.title, passage.text, passage.start, passage.end)
            if execute("SELECT 1 FROM passages WHERE id = ?", (passage.id,)).fetchone():
                raise DuplicateIdError(
                    f"passage id {passage.id!r} belongs to another document already: rename one"
                )
            number = execute(
                f"INSERT INTO passages ({PASSAGE_COLUMNS}, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*where, metadata, written_parts(passage.parts), key),
            ).lastrowid
            words = " ".join(indexed_words(passage.title, passage.text, document.metadata))
            execute("INSERT INTO lexical (rowid, words) VALUES (?, ?)", (number, words))
            numbers.append(int(number or 0))
        table.add(json.loads(metadata), numbers)
        NamesTable(self._connection).add(document, numbers)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block becomes visible at once, or none of it."""
        with working():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
