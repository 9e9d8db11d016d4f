"""Models that remember what they were asked: evaluation and optimisation ask the same again and again.

A pair's score is known by the reranker's identity (revision, limits and precision), the question and the passage's own
text, so that a changed passage, another model or another precision is another pair; a vector by the embedder's identity
and the text. Memory is bounded; a file keeps both beyond the process, for all processes that share it.
"""

from __future__ import annotations

import hashlib
import json
import queue
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import StorageError
from ..processes import Lock, before_fork, working
from .embedders import Embedder, EmbedderIdentity, Progress, Vectors, no_progress
from .rerankers import Reranker, Scores

_WAYS = 16
"""Places that a key may have; the fewer, the sooner a key gives way while others have room."""

Rows = npt.NDArray[np.float32]


class BoundedCache:
    """Rows of float32 by key, the ones used longest ago forgotten first; safe to share across threads.

    All is kept in arrays that never grow: a process that is asked new things for days holds what it held at first. A key
    has `_WAYS` places; where others have taken them all, the one used longest ago gives way.

    Args:
        most: how many rows are kept, at most.
        width: how many numbers a row has.
    """

    def __init__(self, most: int, width: int) -> None:
        self._shape = (most // min(most, _WAYS), min(most, _WAYS))
        self._width = width
        self._lock = Lock(interrupted=self._forget)
        self.hits = 0
        self.misses = 0
        self._forget()

    def _forget(self) -> None:
        self._keys = np.zeros((*self._shape, 2), dtype=np.uint64)
        self._rows = np.zeros((*self._shape, self._width), dtype=np.float32)
        self._used = np.zeros(self._shape, dtype=np.int64)  # the number of its last use; 0 for none
        self._uses = 0

    def get(self, keys: Sequence[bytes], make: Callable[[list[int]], Rows]) -> tuple[Rows, int]:
        """Return the row of each key (of 16 bytes), (keys, width), and how many were known.

        ``make`` is called with the places in ``keys`` of those that were not, each once, and not at all when all were.
        """
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            first.setdefault(key, place)
        halves = np.frombuffer(b"".join(first), dtype=np.uint64).reshape(len(first), 2)
        rows = np.empty((len(first), self._width), dtype=np.float32)
        with self._lock:
            known, at = self._find(halves)
            rows[known] = self._rows[at]
        if not known.all():
            rows[~known] = make(
                [place for place, kept in zip(first.values(), known, strict=True) if not kept]
            )
        misses = int(np.count_nonzero(~known))
        with self._lock:
            self.misses += misses
            self.hits += len(keys) - misses
            self._keep(halves, rows)
        order = {key: row for row, key in enumerate(first)}
        return rows[np.array([order[key] for key in keys], dtype=np.intp)], len(keys) - misses

    def _find(self, halves: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.bool_], tuple[Any, Any]]:
        """Return which keys are kept, and where those are."""
        sets = (halves[:, 0] % self._shape[0]).astype(np.int64)
        same = (self._keys[sets] == halves[:, None]).all(axis=2)  # (keys, ways)
        known = same.any(axis=1)
        return known, (sets[known], same[known].argmax(axis=1))

    def _keep(self, halves: npt.NDArray[np.uint64], rows: Rows) -> None:
        known, at = self._find(halves)
        uses = self._uses + 1 + np.arange(len(halves))
        self._uses += len(halves)
        self._used[at] = uses[known]
        for row in np.flatnonzero(~known):
            one = int(halves[row, 0] % self._shape[0])
            way = self._used[one].argmin()
            self._keys[one, way], self._rows[one, way] = halves[row], rows[row]
            self._used[one, way] = uses[row]


class RowFile:
    """Rows of float32 by key in an SQLite file, shared by threads and processes: scores, and vectors.

    Raises:
        StorageError: the file cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        before_fork(self.close)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._run("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, numbers BLOB NOT NULL)")

    def get(self, keys: Sequence[bytes], make: Callable[[list[int]], Rows]) -> tuple[Rows, int]:
        """Return the row of each key, as `BoundedCache.get` does."""
        known = self._read(keys)
        missing = [place for place, key in enumerate(keys) if key not in known]
        if missing:
            fresh = make(missing)
            known |= {keys[place]: row for place, row in zip(missing, fresh, strict=True)}
            # Those that another process has added meanwhile stay as they are.
            added = [(keys[place], known[keys[place]].tobytes()) for place in missing]
            self._run("INSERT OR IGNORE INTO kept VALUES (?, ?)", added, many=True)
        return np.stack([known[key] for key in keys]), len(keys) - len(missing)

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Rows]:
        found: dict[bytes, Rows] = {}
        for begin in range(0, len(keys), 500):
            some = list(keys[begin : begin + 500])
            marks = ", ".join("?" * len(some))
            rows = self._run(f"SELECT key, numbers FROM kept WHERE key IN ({marks})", some)
            found |= {key: np.frombuffer(numbers, dtype=np.float32) for key, numbers in rows}
        return found

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

    def __init__(self, reranker: Reranker, most: int = 200_000, file: RowFile | None = None) -> None:
        self.inner = reranker
        self.memory = BoundedCache(most, width=1)
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

        def make(places: list[int]) -> Rows:
            return self.inner.score(question, [passages[place] for place in places])[:, None]

        scores, hits = _remembered(self.memory, self._file, keys, make)
        return scores[:, 0], hits

    def remembered(self, kind: str, texts: Sequence[str], make: Callable[[], float]) -> float:
        """Return a score that is made of texts with this model in another way, which ``kind`` names; it is made once."""
        key = _key(self._identity, kind, *texts)
        rows, _ = _remembered(
            self.memory, self._file, [key], lambda _: np.array([[make()]], dtype=np.float32)
        )
        return float(rows[0, 0])


class CachedEmbedder:
    """An embedder that embeds each question once, and each sentence; passages are embedded as they come."""

    def __init__(self, embedder: Embedder, most: int = 10_000, file: RowFile | None = None) -> None:
        self.memory = BoundedCache(most, embedder.identity.dims)
        self.sentences = BoundedCache(most, embedder.identity.dims)
        self.inner = embedder
        self._identity = json.dumps(embedder.identity.as_dict(), sort_keys=True)
        self._file = file

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
        return self._vectors("question", self.memory, texts, self.inner.embed_questions)

    def embed_sentences(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that are parts of passages (texts, dims); question after question meets the same."""
        return self._vectors("sentence", self.sentences, texts, self.inner.embed_passages)

    def _vectors(
        self, kind: str, memory: BoundedCache, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        keys = [_key(self._identity, kind, text) for text in texts]
        return _remembered(memory, self._file, keys, lambda places: embed([texts[at] for at in places]))[0]


def _remembered(
    memory: BoundedCache, file: RowFile | None, keys: Sequence[bytes], make: Callable[[list[int]], Rows]
) -> tuple[Rows, int]:
    """Return the row of each key, from memory, from the file or made now, and how many were known."""
    in_file = 0

    def read_or_make(places: list[int]) -> Rows:
        nonlocal in_file
        if file is None:
            return make(places)
        rows, in_file = file.get([keys[at] for at in places], lambda some: make([places[at] for at in some]))
        return rows

    rows, in_memory = memory.get(keys, read_or_make)
    return rows, in_memory + in_file


def identity_of(reranker: Any) -> str:
    """Return what pins a reranker's scores: its identity where it has one, else its name."""
    return str(getattr(unwrapped(reranker), "identity", reranker.name))


def unwrapped(reranker: Any) -> Any:
    """Return the model itself, without what shares it and remembers for it."""
    while hasattr(reranker, "inner"):
        reranker = reranker.inner
    return reranker


def _key(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(f"{len(text)}:{text}" for text in texts).encode()).digest()[:16]
