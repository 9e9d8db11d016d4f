"""The database of one index: the truth about its documents, passages and vectors.

One SQLite file in WAL mode. Vectors are keyed by what was embedded and by whom, so that they can be
written batch by batch ahead of the one transaction that makes a new generation of the index visible:
killed anywhere, the file holds the old generation or the new one, and a rerun embeds only what is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import queue
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .chunking import Chunking
from .embedders import EmbedderIdentity, Vectors
from .errors import IndexStateError, WriterBusyError
from .home import DATABASE
from .lexical import TOKENIZER, match_expression
from .passages import Document, Passage

SCHEMA = 1
Numbers = npt.NDArray[np.int64]
"""Shape (passages,): the store's own numbers of passages, ascending."""

_SCHEMA_SQL = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, metadata TEXT NOT NULL, headed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL, title TEXT NOT NULL,
    text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, metadata TEXT NOT NULL, vector TEXT NOT NULL
);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE TABLE vectors (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexical USING fts5 (reading, tokenize = '{TOKENIZER}');
"""

_PASSAGE_COLUMNS = 'id, document_id, title, text, start, "end", metadata'


def vector_key(identity: EmbedderIdentity, reading: str) -> str:
    """Name the vector of a text by an embedder: equal keys mean equal vectors."""
    whole = json.dumps(identity.as_dict(), sort_keys=True) + "\0" + reading
    return hashlib.sha256(whole.encode()).hexdigest()


class Store:
    """Opens the database of an index folder; safe to share across threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Give a view of one whole generation, whatever writers do meanwhile."""
        with self._readable():
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._connect()
            try:
                connection.execute("BEGIN")
                try:
                    yield Reading(connection, self.path)
                finally:
                    connection.execute("ROLLBACK")
            finally:
                self._idle.put(connection)

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """Hold the one writer's lock; raises `WriterBusyError` when another process has it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexStateError(
                f"{self.folder}: {error.strerror}; set QUINCUNX_HOME to a folder you own"
            ) from error
        with (self.folder / "writer.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WriterBusyError(
                    f"{self.folder}: another process is writing this index; wait for it and try again"
                ) from error
            with self._readable(), closing(self._connect()) as connection:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                    connection.executescript(
                        f"BEGIN IMMEDIATE;{_SCHEMA_SQL}INSERT INTO meta VALUES ('schema', '{SCHEMA}');COMMIT;"
                    )
                yield Writing(connection, self.path)

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn what SQLite finds wrong with the file into one typed error."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise IndexStateError(f"{self.path}: {error}. Rebuild it with `quincunx index build`") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


class Reading:
    """One generation of an index, as seen inside one read transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._meta = self._read_meta()

    def _read_meta(self) -> dict[str, str]:
        try:
            meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        except sqlite3.OperationalError:
            meta = {}
        if meta.get("schema") != str(SCHEMA):
            raise IndexStateError(
                f"{self._path}: schema {meta.get('schema', 'unknown')}, this version reads {SCHEMA}. "
                "Rebuild it with `quincunx index build`"
            )
        if "generation" not in meta:
            raise IndexStateError(
                f"{self._path}: its first build was not finished; run the same `quincunx index build` again"
            )
        return meta

    @property
    def generation(self) -> int:
        """Counts the changes that became visible; 1 after the first build."""
        return int(self._meta["generation"])

    @property
    def identity(self) -> EmbedderIdentity:
        return EmbedderIdentity(**json.loads(self._meta["identity"]))

    @property
    def chunking(self) -> Chunking:
        return Chunking(**json.loads(self._meta["chunking"]))

    def counts(self) -> tuple[int, int]:
        """Return (documents, passages)."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        ).fetchone()
        return int(row[0]), int(row[1])

    def vectors(self) -> tuple[Numbers, Vectors]:
        """Return every passage's number and vector, ascending by number."""
        rows = self._connection.execute(
            "SELECT number, value FROM passages JOIN vectors ON vectors.key = passages.vector ORDER BY number"
        ).fetchall()
        numbers = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        dims = self.identity.dims
        if len(rows) != self.counts()[1] or any(len(row[1]) != 4 * dims for row in rows):
            raise IndexStateError(
                f"{self._path}: a passage lacks its vector. Rebuild it with `quincunx index build`"
            )
        vectors = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32).reshape(len(rows), dims)
        return numbers, vectors

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Return the passages of these numbers."""
        rows = self._connection.execute(
            f"SELECT number, {_PASSAGE_COLUMNS} FROM passages WHERE number IN ({_marks(numbers)})",
            list(numbers),
        )
        return {row[0]: _passage(row[1:]) for row in rows}

    def documents(self) -> Iterator[Document]:
        """Yield every document, by id."""
        for id, title, text, metadata, headed in self._connection.execute(
            "SELECT id, title, text, metadata, headed FROM documents ORDER BY id"
        ):
            yield Document(id, title, text, json.loads(metadata), bool(headed))

    def lexical(self, question: str, limit: int) -> list[tuple[int, float]]:
        """Return (number, score) of the passages that share a word with the question, best first."""
        expression = match_expression(question)
        if expression is None:
            return []
        rows = self._connection.execute(
            "SELECT lexical.rowid, -bm25(lexical) AS score FROM lexical JOIN passages ON number = lexical.rowid "
            "WHERE lexical MATCH ? ORDER BY score DESC, id LIMIT ?",
            (expression, limit),
        )
        return [(int(number), float(score)) for number, score in rows]

    def lexical_scores(self, question: str, numbers: Sequence[int]) -> dict[int, float]:
        """Return the lexical score of those of these passages that share a word with the question."""
        expression = match_expression(question)
        if expression is None:
            return {}
        rows = self._connection.execute(
            "SELECT rowid, -bm25(lexical) FROM lexical "
            f"WHERE lexical MATCH ? AND rowid IN ({_marks(numbers)})",
            (expression, *numbers),
        )
        return {int(number): float(score) for number, score in rows}


class Writing:
    """What the one writer may do."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block becomes visible at once, or none of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def made_by(self, identity: EmbedderIdentity, chunking: Chunking) -> bool:
        """Whether the current generation was cut and embedded this way."""
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        return all(meta.get(key) == value for key, value in _made_by(identity, chunking).items())

    def documents(self) -> dict[str, Document]:
        """Return the documents of the current generation by id; none before the first."""
        rows = self._connection.execute("SELECT id, title, text, metadata, headed FROM documents")
        return {row[0]: Document(row[0], row[1], row[2], json.loads(row[3]), bool(row[4])) for row in rows}

    def missing_vectors(self, keys: Iterable[str]) -> set[str]:
        """Return those keys that have no vector yet."""
        present = {key for (key,) in self._connection.execute("SELECT key FROM vectors")}
        return set(keys) - present

    def add_vectors(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keep a batch of vectors; invisible to readers until a generation refers to them."""
        with self.transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                [(key, vector.astype("<f4").tobytes()) for key, vector in zip(keys, vectors, strict=True)],
            )

    def replace(
        self,
        identity: EmbedderIdentity,
        chunking: Chunking,
        documents: Iterable[Document],
        passages: Mapping[str, Sequence[Passage]],
        removed: Iterable[str],
    ) -> int:
        """Make a new generation visible and return its number; without any change, the current one stays.

        ``documents`` are put in place of those of the same ids, each with its ``passages`` by document id;
        the ``removed`` ids go. Every passage's vector must have been added before.
        """
        execute = self._connection.execute
        documents, removed = list(documents), list(removed)
        row = execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        generation = int(row[0]) if row else 0
        if generation and not documents and not removed:
            return generation
        generation += 1
        with self.transaction():
            for id in [*removed, *(document.id for document in documents)]:
                execute(
                    "DELETE FROM lexical WHERE rowid IN (SELECT number FROM passages WHERE document_id = ?)",
                    (id,),
                )
                execute("DELETE FROM passages WHERE document_id = ?", (id,))
                execute("DELETE FROM documents WHERE id = ?", (id,))
            for document in documents:
                execute(
                    "INSERT INTO documents VALUES (?, ?, ?, ?, ?)",
                    (
                        document.id,
                        document.title,
                        document.text,
                        json.dumps(document.metadata),
                        int(document.headed),
                    ),
                )
                for passage in passages[document.id]:
                    number = execute(
                        f"INSERT INTO passages ({_PASSAGE_COLUMNS}, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (
                            passage.id,
                            passage.document_id,
                            passage.title,
                            passage.text,
                            passage.start,
                            passage.end,
                            json.dumps(passage.metadata),
                            vector_key(identity, passage.reading),
                        ),
                    ).lastrowid
                    execute("INSERT INTO lexical (rowid, reading) VALUES (?, ?)", (number, passage.reading))
            execute("DELETE FROM vectors WHERE key NOT IN (SELECT vector FROM passages)")
            meta = {**_made_by(identity, chunking), "generation": str(generation)}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
        return generation


def _made_by(identity: EmbedderIdentity, chunking: Chunking) -> dict[str, str]:
    return {
        "identity": json.dumps(identity.as_dict(), sort_keys=True),
        "chunking": json.dumps(asdict(chunking), sort_keys=True),
    }


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


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
