"""Models that remember what they were asked: evaluation and optimisation ask the same again and again.

A pair's score is known by the reranker's identity (revision, limits and precision), the question and the passage's own
text, so that a changed passage, another model or another precision is another pair. Memory is bounded; a file keeps
scores beyond the process, for all processes that share it.
"""

from __future__ import annotations

import hashlib
import queue
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from ..errors import StorageError
from ..processes import Lock, before_fork, working
from .embedders import Embedder, EmbedderIdentity, Progress, Vectors, no_progress
from .rerankers import Reranker, Scores


class BoundedCache:
    """Values by key, the ones used longest ago forgotten first; safe to share across threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock(interrupted=self._forget)
        self.hits = 0
        self.misses = 0
        self._forget()

    def _forget(self) -> None:
        self._values: LRUCache[bytes, Any] = LRUCache(self._most)

    def get(self, keys: Sequence[bytes], make: Callable[[list[int]], Sequence[Any]]) -> tuple[list[Any], int]:
        """Return the value of each key, and how many were known.

        ``make`` is called with the places of those that were not, each once, and not at all when all were.
        """
        with self._lock:
            known = {key: self._values[key] for key in keys if key in self._values}
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in known:
                first.setdefault(key, place)
        if first:
            known |= zip(first, make(list(first.values())), strict=True)
        hits = len(keys) - len(first)
        with self._lock:
            self.misses += len(first)
            self.hits += hits
            for key in keys:
                self._values[key] = known[key]
        return [known[key] for key in keys], hits


class ScoreFile:
    """Scores in an SQLite file, shared by threads and processes.

    Raises:
        StorageError: the file cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        before_fork(self.close)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._run(
            "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score REAL NOT NULL) WITHOUT ROWID"
        )

    def read(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return the scores that are there."""
        found: dict[bytes, float] = {}
        for begin in range(0, len(keys), 500):
            some = list(keys[begin : begin + 500])
            marks = ", ".join("?" * len(some))
            found |= dict(self._run(f"SELECT key, score FROM scores WHERE key IN ({marks})", some))
        return found

    def write(self, scores: Sequence[tuple[bytes, float]]) -> None:
        """Add scores; those that another process has added meanwhile stay as they are."""
        self._run("INSERT OR IGNORE INTO scores VALUES (?, ?)", scores, many=True)

    def _run(self, statement: str, values: Sequence[Any] = (), *, many: bool = False) -> list[Any]:
        try:
            with working(for_other=True):
                connection = self._connection()
                try:
                    with connection:
                        run = connection.executemany if many else connection.execute
                        return run(statement, values).fetchall()
                finally:
                    self._idle.put(connection)
        except sqlite3.Error as error:
            raise StorageError(
                f"{self.path}: {error}; remove the file, or name another one or none (score_file, QUINCUNX_SCORE_FILE)"
            ) from error

    def _connection(self) -> sqlite3.Connection:
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        connection = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power loss takes is computed again
        return connection

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class CachedReranker:
    """A reranker that scores each pair of question and passage once."""

    def __init__(self, reranker: Reranker, most: int = 200_000, file: ScoreFile | None = None) -> None:
        self.inner = reranker
        self.memory = BoundedCache(most)
        self._identity = identity_of(reranker)
        self._file = file

    @property
    def name(self) -> str:
        return self.inner.name

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        return self.score_and_hits(question, passages)[0]

    def score_and_hits(self, question: str, passages: Sequence[str]) -> tuple[Scores, int]:
        """Return the scores, and how many of them were known."""
        keys = [_key(self._identity, question, passage) for passage in passages]
        from_file = 0

        def make(places: list[int]) -> list[float]:
            nonlocal from_file
            known = {} if self._file is None else self._file.read([keys[place] for place in places])
            missing = [place for place in places if keys[place] not in known]
            from_file = len(places) - len(missing)
            if missing:
                scores = self.inner.score(question, [passages[place] for place in missing])
                fresh = [(keys[place], float(score)) for place, score in zip(missing, scores, strict=True)]
                if self._file is not None:
                    self._file.write(fresh)
                known |= dict(fresh)
            return [known[keys[place]] for place in places]

        scores, hits = self.memory.get(keys, make)
        return np.array(scores, dtype=np.float32), hits + from_file


class CachedEmbedder:
    """An embedder that embeds each question once, and each sentence; passages are embedded as they come."""

    def __init__(self, embedder: Embedder, most: int = 10_000) -> None:
        self.memory = BoundedCache(most)
        self.sentences = BoundedCache(most)
        self.inner = embedder

    @property
    def identity(self) -> EmbedderIdentity:
        return self.inner.identity

    @property
    def shorter(self) -> Sequence[int]:
        """Dims that its vectors may be cut to; none where the embedder does not tell."""
        return getattr(self.inner, "shorter", ())

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return self.inner.offsets(text)

    def unread(self, text: str) -> float:
        return self.inner.unread(text)

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self.inner.embed_passages(texts, progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return _remembered(self.memory, texts, self.inner.embed_questions)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that are parts of passages (texts, dims); question after question meets the same."""
        return _remembered(self.sentences, texts, self.inner.embed_passages)


def _remembered(
    memory: BoundedCache, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
) -> Vectors:
    def make(places: list[int]) -> list[Any]:
        # Each a copy: a row would keep all of its neighbours in memory.
        return [vector.copy() for vector in embed([texts[place] for place in places])]

    return np.stack(memory.get([_key(text) for text in texts], make)[0])


def identity_of(reranker: Any) -> str:
    """Return what pins a reranker's scores: its identity where it has one, else its name."""
    return str(getattr(unwrapped(reranker), "identity", reranker.name))


def unwrapped(reranker: Any) -> Any:
    """Return the model itself, without what shares it and remembers for it."""
    while hasattr(reranker, "inner"):
        reranker = reranker.inner
    return reranker


def _key(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(f"{len(text)}:{text}" for text in texts).encode()).digest()
