"""One question through every stage: dense and lexical → fused k → rerank → the n that are kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import faiss
import numpy as np

from .embedders import Embedder, Vectors
from .errors import BoundError, IdentityMismatchError, require_bounds, require_question
from .fusion import ranks, reciprocal_rank, standardised_sum
from .passages import Candidate, Passage
from .rerankers import Reranker
from .store import Numbers, Reading, Store

FinalOrder = Literal["combined", "reranked"]


@dataclass(frozen=True)
class SearchSettings:
    """The knobs of a search."""

    k: int = 20
    """Candidates that reach the reranker."""
    n: int = 5
    """Passages that are kept, 1 ≤ n ≤ k."""
    dense_weight: float = 1.0
    """Weight of the dense order in the fusion; 0 leaves it out."""
    lexical_weight: float = 1.0
    """Weight of the lexical order in the fusion; 0 leaves it out."""
    depth: int = 100
    """How far down the dense and the lexical order the fusion looks; at least k are looked at."""
    rerank: bool = True
    """Without it, the fused order is the final one."""
    final: FinalOrder = "combined"
    """``reranked``: the reranker's order alone. ``combined``: the sum of the dense, lexical and rerank scores,
    each z-normalised over the candidates, so that the first stage's evidence is not thrown away."""

    def __post_init__(self) -> None:
        require_bounds(self.k, self.n)
        weights = (self.dense_weight, self.lexical_weight)
        if min(weights) < 0 or max(weights) == 0 or not all(np.isfinite(weights)):
            raise BoundError(f"dense and lexical weights must be at least 0 and not both 0 (got {weights})")


@dataclass(frozen=True)
class SearchResult:
    """What one search found, and where each stage had it."""

    question: str
    generation: int
    """The generation of the index that answered, whole."""
    candidates: tuple[Candidate, ...]
    """At most k, in final order."""
    dense: tuple[Passage, ...]
    """The dense stage's own best k."""
    lexical: tuple[Passage, ...]
    """The lexical stage's own best k; fewer when fewer share a word with the question."""
    n: int

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The n that are kept, in final order."""
        return tuple(candidate.passage for candidate in self.candidates[: self.n])


class _Dense:
    """Exact inner product over the vectors of one generation; never changed once made."""

    def __init__(self, generation: int, numbers: Numbers, vectors: Vectors) -> None:
        self.generation = generation
        self._numbers = numbers
        self._position = {int(number): position for position, number in enumerate(numbers)}
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def best(self, question: Vectors, limit: int) -> list[tuple[int, float]]:
        """Return (number, cosine), best first; ``question`` has shape (1, dims)."""
        scores, positions = self._index.search(question, min(limit, len(self._numbers)))
        return [
            (int(self._numbers[position]), float(score))
            for position, score in zip(positions[0], scores[0], strict=True)
            if position >= 0
        ]

    def score(self, question: Vectors, number: int) -> float:
        return float(self._index.reconstruct(self._position[number]) @ question[0])


class Searcher:
    """Searches one index with one pair of models; safe to share across threads."""

    def __init__(self, folder: Path, embedder: Embedder, reranker: Reranker | None) -> None:
        self.name = folder.name
        self._store = Store(folder)
        self._embedder = embedder
        self._reranker = reranker
        self._lock = threading.Lock()
        with self._store.read() as reading:
            self._dense = self._load(reading)

    def search(self, question: str, settings: SearchSettings | None = None) -> SearchResult:
        """Search for a question.

        Raises:
            EmptyQuestionError: nothing to search for. BoundError: a question longer than the embedder reads.
            IdentityMismatchError: the index was rebuilt meanwhile with another embedder.
        """
        settings = settings or SearchSettings()
        question = require_question(question)
        vector = self._embedder.embed_questions([question])
        depth = max(settings.k, settings.depth)
        with self._store.read() as reading:
            dense_index = self._current(reading)
            dense = dense_index.best(vector, depth)
            lexical = reading.lexical(question, depth)
            dense_ids, lexical_ids = [number for number, _ in dense], [number for number, _ in lexical]
            passages = reading.passages([*dict.fromkeys([*dense_ids, *lexical_ids])])
            dense = sorted(dense, key=lambda item: (-item[1], passages[item[0]].id))
            fused = self._fuse([number for number, _ in dense], lexical_ids, passages, settings)
            lexical_scores = reading.lexical_scores(question, [number for number, _ in fused])
        dense_ids = [number for number, _ in dense]
        dense_rank = {number: rank for rank, number in enumerate(dense_ids, start=1)}
        lexical_rank = {number: rank for rank, number in enumerate(lexical_ids, start=1)}
        dense_score = dict(dense)
        candidates = [
            Candidate(
                passage=passages[number],
                dense_rank=dense_rank.get(number),
                dense_score=dense_score[number]
                if number in dense_score
                else dense_index.score(vector, number),
                lexical_rank=lexical_rank.get(number),
                lexical_score=lexical_scores.get(number, 0.0),
                fused_rank=rank,
                fused_score=score,
            )
            for rank, (number, score) in enumerate(fused, start=1)
        ]
        return SearchResult(
            question=question,
            generation=dense_index.generation,
            candidates=tuple(self._order(question, candidates, settings)),
            dense=tuple(passages[number] for number in dense_ids[: settings.k]),
            lexical=tuple(passages[number] for number in lexical_ids[: settings.k]),
            n=settings.n,
        )

    @staticmethod
    def _fuse(
        dense: list[int], lexical: list[int], passages: dict[int, Passage], settings: SearchSettings
    ) -> list[tuple[int, float]]:
        number_of = {passages[number].id: number for number in [*dense, *lexical]}
        rankings = [[passages[number].id for number in ranking] for ranking in (dense, lexical)]
        fused = reciprocal_rank(rankings, (settings.dense_weight, settings.lexical_weight))
        return [(number_of[id], score) for id, score in fused[: settings.k]]

    def _order(self, question: str, candidates: list[Candidate], settings: SearchSettings) -> list[Candidate]:
        """Put the candidates into final order, with the reranker's opinion where one is used."""
        if not candidates:
            return []
        if self._reranker is None or not settings.rerank:
            return [replace(candidate, final_rank=candidate.fused_rank) for candidate in candidates]
        ids = [candidate.passage.id for candidate in candidates]
        scores = self._reranker.score(question, [candidate.passage.reading for candidate in candidates])
        rerank_ranks = ranks(scores, ids)
        final_ranks = rerank_ranks
        if settings.final == "combined":
            columns = (
                [candidate.dense_score for candidate in candidates],
                [candidate.lexical_score for candidate in candidates],
                scores.tolist(),
            )
            final_ranks = ranks(standardised_sum(columns), ids)
        placed = [
            replace(candidate, rerank_rank=rerank_rank, rerank_score=float(score), final_rank=final_rank)
            for candidate, rerank_rank, score, final_rank in zip(
                candidates, rerank_ranks, scores, final_ranks, strict=True
            )
        ]
        return sorted(placed, key=lambda candidate: candidate.final_rank or 0)

    def _current(self, reading: Reading) -> _Dense:
        """Return the dense index of the generation being read, loading it if it is new."""
        with self._lock:
            if self._dense.generation != reading.generation:
                self._dense = self._load(reading)
            return self._dense

    def _load(self, reading: Reading) -> _Dense:
        differences = reading.identity.differences(self._embedder.identity)
        if differences:
            raise IdentityMismatchError(
                f"index {self.name!r} was made by another embedder ({'; '.join(differences)}): search it with the "
                f"profile that built it, or rebuild it with `quincunx index build {self.name} PATH…`"
            )
        return _Dense(reading.generation, *reading.vectors())
