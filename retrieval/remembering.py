"""Models that remember what they were asked, for work that asks the same again and again: sweeps and optimisation."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from .embedders import Embedder, EmbedderIdentity, Progress, Vectors, no_progress
from .rerankers import Reranker, Scores


class Remembering:
    """Values by key, the ones used longest ago forgotten first; safe to share across threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[bytes, object] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def get(self, keys: Sequence[bytes], make: Callable[[list[int]], Sequence[object]]) -> list[object]:
        """Return the value of each key; ``make`` is called once, with the places of those that are not known."""
        with self._lock:
            known = {key: self._values[key] for key in keys if key in self._values}
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in known:
                first.setdefault(key, place)
        if first:
            known |= zip(first, make(list(first.values())), strict=True)
        with self._lock:
            self.misses += len(first)
            self.hits += len(keys) - len(first)
            for key in keys:
                self._values[key] = known[key]
                self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return [known[key] for key in keys]


class RememberingReranker:
    """A reranker that scores each pair of question and passage once."""

    def __init__(self, reranker: Reranker, most: int = 1_000_000) -> None:
        self.name = reranker.name
        self.memory = Remembering(most)
        self._reranker = reranker

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        keys = [_key(question, passage) for passage in passages]

        def make(places: list[int]) -> list[object]:
            return [*self._reranker.score(question, [passages[place] for place in places])]

        return np.array(self.memory.get(keys, make), dtype=np.float32)


class RememberingEmbedder:
    """An embedder that embeds each question once; passages are embedded as they come."""

    def __init__(self, embedder: Embedder, most: int = 100_000) -> None:
        self.memory = Remembering(most)
        self._embedder = embedder

    @property
    def identity(self) -> EmbedderIdentity:
        return self._embedder.identity

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return self._embedder.offsets(text)

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self._embedder.embed_passages(texts, progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        def make(places: list[int]) -> list[object]:
            return [*self._embedder.embed_questions([texts[place] for place in places])]

        return np.stack(self.memory.get([_key(text) for text in texts], make))  # type: ignore[arg-type]


def _key(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(f"{len(text)}:{text}" for text in texts).encode()).digest()
