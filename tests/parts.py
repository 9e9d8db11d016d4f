"""Models so simple that what they say can be computed beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from quincunx.retrieval.models.embedders import EmbedderIdentity, Progress, Vectors, no_progress
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.passages import FILE_FACTS, Metadata


class Hashing:
    """Vectors drawn from a text's hash: random, repeatable, and independent of any model."""

    def __init__(self, model: str = "hashing") -> None:
        self.identity = EmbedderIdentity(model, "1", 16, "", "", "none", True, 512, "tests")
        self.embedded = 0

    def unread(self, text: str) -> float:
        return 0.0

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [(i, i + 1) for i in range(len(text))]

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        self.embedded += len(texts)
        return self.embed_questions(texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
        vectors = np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], dtype=np.float32)
        unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit


class Shortest:
    """Prefers short passages."""

    name = "shortest"

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        return np.array([-len(passage) for passage in passages], dtype=np.float32)


def without_facts(metadata: Metadata) -> Metadata:
    """Return metadata without the facts of the file, which differ from run to run."""
    return {name: value for name, value in metadata.items() if name != FILE_FACTS}
