"""What the one writer of an index may do to it."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ..corpus.file_state import FileState
from ..corpus.roots import Origin
from ..errors import BoundError, DuplicateIdError
from ..models.embedders import EmbedderIdentity, Vectors
from ..passages import FILE_FACTS, Document, Passage
from ..text.chunk_size import Chunking
from ..text.words import indexed_words, spelt_words
from .connection import AMONG, Connection, among
from .reader import PASSAGE_COLUMNS, written_parts
from .recipe import IndexRecipe
from .schema import SCHEMA, unknown_schema
from .tables.documents import OfDocuments
from .tables.meta import read_meta, write_meta
from .tables.metadata import MetadataTable
from .tables.names import NamesTable
from .tables.origins import is_noted, read_files, stored_origin, write_files, write_origin
from .vectors.faiss_part import Kind, Numbers
from .vectors.snapshot import Snapshot


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


@dataclass(frozen=True)
class VectorChange:
    """What of an index's vectors differs from the generation before."""

    generation: int
    """The one that it makes."""
    kind: Kind
    dims: int
    first: int
    """The number from which on the passages are new."""
    added: int
    """How many they are."""
    removed: Numbers
    """The numbers of those that are gone, ascending."""
    previous: Snapshot | None
    """What was published before; ``None`` where all is to be written anew."""


class IndexWriter(ABC):
    """One writer's hold on an index."""

    kinds: tuple[Kind, ...] = get_args(Kind)
    """How the vectors of such an index can be searched."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        if self.meta.get("schema") != str(SCHEMA):
            raise unknown_schema(self.meta, folder)

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]:
        """All of the block becomes visible at once, or none of it."""

    @property
    @abstractmethod
    def _metadata(self) -> MetadataTable: ...

    @abstractmethod
    def _stored(self, vector: Vectors) -> Any:
        """Return a vector, shape (dims,), as its column takes it."""

    @abstractmethod
    def _add_words(self, words: Sequence[tuple[int, str]]) -> None:
        """Note the words of passages, given by their numbers: those by which they are found, in one text."""

    @abstractmethod
    def _remove_words(self, numbers: Sequence[int]) -> None:
        """Take back what `_add_words` noted."""

    @abstractmethod
    def _publish(self, change: VectorChange) -> Snapshot:
        """Write what is searched in place of the vectors; it counts only once the transaction is committed."""

    @abstractmethod
    def _tidy(self, kept: Sequence[Snapshot]) -> None:
        """Give up what no reader opens any more, once a generation is visible."""

    @abstractmethod
    def compact(self) -> None:
        """Give back the space of what was removed."""

    @property
    def meta(self) -> dict[str, str]:
        return read_meta(self._connection)

    @property
    def generation(self) -> int:
        """The current generation; 0 before the first."""
        return int(self.meta.get("generation", 0))

    @property
    def identity(self) -> EmbedderIdentity | None:
        """What embedded the current generation; ``None`` before the first."""
        return IndexRecipe.read(self.meta).identity if self.generation else None

    def require_kind(self, kind: Kind) -> None:
        """Raise `BoundError` for a kind of vector search that an index cannot have where this one lies."""
        if kind not in self.kinds:
            raise BoundError(
                f"kind of index {kind!r}: where {self._folder.name!r} lies, known are {', '.join(self.kinds)}"
            )

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
        present = self._connection.execute(f"SELECT key FROM vectors WHERE key {AMONG}", (among(wanted),))
        return wanted - {key for (key,) in present}

    def add_vectors(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep a batch of vectors; invisible to readers until a generation refers to them."""
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO vectors VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [(key, self._stored(vector)) for key, vector in zip(keys, vectors, strict=True)],
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
        self.require_kind(kind)
        is_same_way = previous is not None and self.identity == recipe.identity and previous.kind == kind
        generation = self.generation + 1
        with self._transaction():
            table = self._metadata
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
                "INSERT INTO words VALUES (?) ON CONFLICT DO NOTHING", ((word,) for word in sorted(spelt))
            )
            if origin is not None:
                write_origin(self._connection, origin)
            if files is not None:
                write_files(self._connection, files)

            unused = "NOT EXISTS (SELECT 1 FROM passages WHERE vector = vectors.key)"
            if previous is None or anew or not is_same_way:
                # Those that a change which was never finished has left behind, too.
                self._connection.execute(f"DELETE FROM vectors WHERE {unused}")
            else:
                self._connection.executemany(
                    f"DELETE FROM vectors WHERE key = ? AND {unused}", [(key,) for _, key in gone]
                )
            change = VectorChange(
                generation=generation,
                kind=kind,
                dims=recipe.identity.dims,
                first=first,
                added=number - first,
                removed=np.array(sorted(number for number, _ in gone), dtype=np.int64),
                previous=None if anew or not is_same_way else previous,
            )
            snapshot = self._publish(change)
            changed = {**recipe.written(), "generation": str(generation), "snapshot": snapshot.written()}
            write_meta(self._connection, changed)
        # A reader that opened the former generation just now may still want its snapshot.
        self._tidy([snapshot] if previous is None else [snapshot, previous])
        return generation

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
        self._remove_words(numbers)
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
        taken = execute(
            f"SELECT id FROM passages WHERE id {AMONG}", (among(passage.id for passage, _ in passages),)
        ).fetchone()
        if taken is not None:
            raise DuplicateIdError(f"passage id {taken[0]!r} belongs to another document already: rename one")
        self._connection.executemany(
            f"INSERT INTO passages (number, {PASSAGE_COLUMNS}, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    *(passage.id, document.id, passage.title, passage.text, passage.start, passage.end),
                    *(metadata, written_parts(passage.parts), key),
                )
                for number, (passage, key) in zip(numbers, passages, strict=True)
            ],
        )
        self._add_words(
            [
                (number, " ".join(indexed_words(passage.title, passage.text, document.metadata)))
                for number, (passage, _) in zip(numbers, passages, strict=True)
            ]
        )
        table.add(json.loads(metadata), numbers)
        NamesTable(self._connection).add(document, numbers)
