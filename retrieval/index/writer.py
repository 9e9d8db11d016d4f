"""What the one writer of an index may do to it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..corpus.file_state import FileState
from ..corpus.roots import Origin
from ..errors import DuplicateIdError
from ..models.embedders import EmbedderIdentity, Vectors
from ..passages import FILE_FACTS, Document, Passage
from ..processes import working
from ..text.chunk_size import Chunking
from ..text.words import indexed_words, spelt_words
from .reader import PASSAGE_COLUMNS, read_vectors, written_parts
from .recipe import IndexRecipe
from .schema import SCHEMA, unknown_schema
from .tables.documents import OfDocuments
from .tables.metadata import MetadataTable
from .tables.names import NamesTable
from .tables.origins import is_noted, read_files, stored_origin, write_files, write_origin
from .vectors.faiss_part import Kind, Numbers
from .vectors.snapshot import Snapshot, collect_snapshots, write_change, write_snapshot


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
        return OfDocuments(self._connection, "hash")

    def origin(self) -> Origin:
        """Return the roots that the index was built from, and the file of each document, as long as it is written."""
        return stored_origin(self._connection, self.meta)

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
        anew: bool = False,
    ) -> int:
        """Make a new generation visible, all at once, and return its number.

        The ``removed`` ids go, those among them that stand again in ``documents``, too; these come, each with its
        passages. Every passage's vector must have been added before. Left out, ``recipe``, ``kind``, the ``origin`` of
        the other documents and the ``files`` stay what they are. The snapshot gets a part of what came, unless it is to
        be written ``anew``.
        """
        meta = self.meta
        previous = Snapshot.read(meta["snapshot"]) if "snapshot" in meta else None
        recipe = recipe or IndexRecipe.read(meta)
        kind = kind or (previous.kind if previous else "flat")
        is_same_way = previous is not None and self.identity == recipe.identity and previous.kind == kind
        generation = self.generation + 1
        with self._transaction():
            table = MetadataTable(self._connection)
            first = self._first_free(previous)
            gone = [passage for id in removed for passage in self._remove(id, table)]
            spelt: set[str] = set()
            number = first
            for document, passages in documents:
                self._insert(document, passages, table, number)
                number += len(passages)
                for passage, _ in passages:
                    spelt |= spelt_words(passage.title, passage.text)
            self._connection.executemany(
                "INSERT OR IGNORE INTO words VALUES (?)", ((word,) for word in sorted(spelt))
            )
            if origin is not None:
                write_origin(self._connection, origin)
            if files is not None:
                write_files(self._connection, files)

            dims = recipe.identity.dims

            def read(first: int, most: int) -> Iterator[tuple[Numbers, Vectors]]:
                return read_vectors(self._connection, self._folder, dims, first, most)

            unused = "NOT EXISTS (SELECT 1 FROM passages WHERE vector = vectors.key)"
            if previous is None or anew or not is_same_way:
                # Those that a change which was never finished has left behind, too.
                self._connection.execute(f"DELETE FROM vectors WHERE {unused}")
                snapshot = write_snapshot(self._folder, generation, kind, dims, read)
            else:
                self._connection.executemany(
                    f"DELETE FROM vectors WHERE key = ? AND {unused}", [(key,) for _, key in gone]
                )
                removed_numbers = np.array(sorted(number for number, _ in gone), dtype=np.int64)
                snapshot = write_change(
                    self._folder, generation, previous, removed_numbers, number - first, read
                )
            changed = {**recipe.written(), "generation": str(generation), "snapshot": snapshot.written()}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", changed.items())
        # A reader that opened the former generation just now may still want its snapshot.
        collect_snapshots(self._folder, snapshot.files | (previous.files if previous else set()))
        return generation

    def compact(self) -> None:
        """Give back the space of what was removed."""
        self._connection.execute("INSERT INTO lexical (lexical) VALUES ('optimize')")
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _first_free(self, previous: Snapshot | None) -> int:
        """Return the number from which on no passage has one, nor one that is gone and still in a part of the snapshot."""
        highest = self._connection.execute("SELECT max(number) FROM passages").fetchone()[0] or 0
        return 1 + max([highest, *(part.last for part in (previous.parts if previous else ()))])

    def _remove(self, id: str, table: MetadataTable) -> list[tuple[int, str]]:
        """Remove a document, if it is there, and return number and key of each of its passages."""
        execute = self._connection.execute
        found = execute("SELECT metadata FROM documents WHERE id = ?", (id,)).fetchone()
        if found is None:
            return []
        passages = execute("SELECT number, vector FROM passages WHERE document_id = ?", (id,)).fetchall()
        numbers = [number for number, _ in passages]
        table.remove(json.loads(found[0]), numbers)
        NamesTable(self._connection).remove(numbers)
        execute(
            "DELETE FROM lexical WHERE rowid IN (SELECT number FROM passages WHERE document_id = ?)", (id,)
        )
        execute("DELETE FROM passages WHERE document_id = ?", (id,))
        execute("DELETE FROM documents WHERE id = ?", (id,))
        return passages

    def _insert(
        self,
        document: Document,
        passages: Sequence[KeyedPassage],
        table: MetadataTable,
        first: int,
    ) -> None:
        """Add a document whose passages get the numbers from ``first`` on."""
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
        numbers = list(range(first, first + len(passages)))
        for number, (passage, key) in zip(numbers, passages, strict=True):
            where = (passage.id, document.id, passage.title, passage.text, passage.start, passage.end)
            if execute("SELECT 1 FROM passages WHERE id = ?", (passage.id,)).fetchone():
                raise DuplicateIdError(
                    f"passage id {passage.id!r} belongs to another document already: rename one"
                )
            execute(
                f"INSERT INTO passages (number, {PASSAGE_COLUMNS}, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, *where, metadata, written_parts(passage.parts), key),
            )
            words = " ".join(indexed_words(passage.title, passage.text, document.metadata))
            execute("INSERT INTO lexical (rowid, words) VALUES (?, ?)", (number, words))
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
