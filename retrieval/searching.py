"""One question through every stage: dense and lexical → fused k → rerank → the n that are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from .embedders import Embedder, Vectors
from .errors import MOST_CANDIDATES, BoundError, require_bounds, require_question
from .filters import Filter
from .fusion import RRF_CONSTANT, ranks, reciprocal_rank, standardised_sum
from .opening import OpenIndex, View
from .passages import Candidate, Passage
from .remembering import RememberingReranker
from .rerankers import Reranker

FinalOrder = Literal["combined", "reranked"]


@dataclass(frozen=True)
class SearchSettings:
    """The knobs of a search."""

    k: int = 20
    """Candidates that reach the reranker."""
    n: int = 5
    """Passages that are kept, 1 ≤ n ≤ k."""
    where: Filter | None = None
    """Only passages whose metadata this filter accepts are searched."""
    dense_weight: float = 1.0
    """Weight of the dense order in the fusion; at 0 that stage is not run."""
    lexical_weight: float = 1.0
    """Weight of the lexical order in the fusion; at 0 that stage is not run."""
    rrf_constant: float = RRF_CONSTANT
    """Added to each rank in the fusion, over 0: the smaller, the more the first places of either order count."""
    depth: int = 50
    """How far down the dense and the lexical order the fusion looks; at least k are looked at."""
    collapse: float | None = None
    """Cosine from which on two passages count as near-duplicates: the one fused lower gives way. 0 < collapse ≤ 1."""
    rerank: bool = True
    """Without it, the fused order is the final one."""
    final: FinalOrder = "combined"
    """``reranked``: the reranker's order alone. ``combined``: the sum of the dense, lexical and rerank scores,
    each z-normalised over the candidates and the first two times their weights, so that the first stage's evidence
    is not thrown away."""

    def __post_init__(self) -> None:
        require_bounds(self.k, self.n)
        if not (isinstance(self.depth, int) and 1 <= self.depth <= MOST_CANDIDATES):
            raise BoundError(f"depth must be a whole number from 1 to {MOST_CANDIDATES} (got {self.depth!r})")
        if self.final not in get_args(FinalOrder):
            raise BoundError(f"final must be one of {', '.join(get_args(FinalOrder))} (got {self.final!r})")
        if self.where is not None and not isinstance(self.where, Filter):
            raise BoundError(
                f"where must be a filter, as filters.parse makes one of a text (got {self.where!r})"
            )
        weights = (self.dense_weight, self.lexical_weight)
        if min(weights) < 0 or max(weights) == 0 or not all(np.isfinite(weights)):
            raise BoundError(f"dense and lexical weights must be at least 0 and not both 0 (got {weights})")
        if not self.rrf_constant > 0:
            raise BoundError(f"rrf_constant must be over 0 (got {self.rrf_constant})")
        if self.collapse is not None and not 0 < self.collapse <= 1:
            raise BoundError(f"collapse is a cosine over 0 and at most 1 (got {self.collapse})")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values, the filter as the text that `filters.parse` reads."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "where": None if self.where is None else str(self.where)}


@dataclass(frozen=True)
class SearchResult:
    """What one search found, and where each stage had it."""

    question: str
    generations: Mapping[str, int]
    """The generation of each index that answered, whole, by name."""
    candidates: tuple[Candidate, ...]
    """At most k, in final order."""
    dense: tuple[Passage, ...]
    """The dense stage's own order of the question, as deep as the fusion looked."""
    lexical: tuple[Passage, ...]
    """The lexical stage's own order, likewise; shorter when fewer share a word with the question."""
    n: int
    notes: tuple[str, ...] = ()
    """What did not go as usual, such as a damaged snapshot that was made good."""
    queries: tuple[str, ...] = ()
    """What was searched for beside the question."""
    remembered: int = field(default=0, compare=False)
    """Of the candidates, how many had a score that the reranker remembered."""
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    """How long each stage took: ``embed``, ``dense``, ``lexical``, ``fuse``, ``rerank``."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The n that are kept, in final order."""
        return tuple(candidate.passage for candidate in self.candidates[: self.n])


@dataclass(frozen=True)
class _Hit:
    """A passage where one stage found it."""

    view: View
    number: int
    passage: Passage
    score: float


class Searcher:
    """Searches one or several indexes with one pair of models; safe to share across threads.

    Of several indexes the dense and the lexical hits are merged by score, and ids become ``index/id``.
    """

    def __init__(self, folders: Path | Sequence[Path], embedder: Embedder, reranker: Reranker | None) -> None:
        folders = [folders] if isinstance(folders, Path) else list(folders)
        if not folders:
            raise BoundError("no index to search: name at least one")
        self._indexes = [OpenIndex(folder, embedder.identity) for folder in folders]
        self._embedder = embedder
        self._reranker = reranker

    @property
    def reranker(self) -> str | None:
        """Name of the second-stage model; ``None`` where there is none."""
        return None if self._reranker is None else self._reranker.name

    def search(
        self, question: str, settings: SearchSettings | None = None, queries: Sequence[str] = ()
    ) -> SearchResult:
        """Search for a question, and for further ``queries`` that ask for parts of it.

        Every query has a dense and a lexical order of its own, and all of them are fused; what the stages score
        and the reranker reads is the question. A candidate's dense and lexical rank is its best over the queries.

        Raises:
            EmptyQuestionError: nothing to search for. BoundError: a question longer than the embedder reads.
            IdentityMismatchError: the index was rebuilt meanwhile with another embedder.
        """
        settings = settings or SearchSettings()
        asked = list(dict.fromkeys(require_question(query) for query in [question, *queries]))
        clock = _Clock()
        with clock.stage("embed"):
            vectors = self._embedder.embed_questions(asked)
        depth = max(settings.k, settings.depth)
        dense: list[list[_Hit]] = [[] for _ in asked]
        lexical: list[list[_Hit]] = [[] for _ in asked]
        with ExitStack() as stack:
            views = [stack.enter_context(index.view()) for index in self._indexes]
            if settings.dense_weight:
                with clock.stage("dense"):
                    dense = [_nearest(views, vectors[i : i + 1], depth, settings) for i in range(len(asked))]
            if settings.lexical_weight:
                with clock.stage("lexical"):
                    lexical = [_wordy(views, query, depth, settings) for query in asked]
            with clock.stage("fuse"):
                candidates = _candidates(asked[0], vectors[0], dense, lexical, settings)
        with clock.stage("rerank"):
            candidates, remembered = self._order(asked[0], candidates, settings)
        return SearchResult(
            question=asked[0],
            generations={view.name: view.generation for view in views},
            candidates=tuple(candidates),
            dense=tuple(hit.passage for hit in dense[0]),
            lexical=tuple(hit.passage for hit in lexical[0]),
            n=settings.n,
            notes=tuple(note for view in views for note in view.notes),
            queries=tuple(asked[1:]),
            remembered=remembered,
            seconds=clock.seconds,
        )

    def _order(
        self, question: str, candidates: list[Candidate], settings: SearchSettings
    ) -> tuple[list[Candidate], int]:
        """Put the candidates into final order, with the reranker's opinion where one is used.

        And say how many of its scores were remembered.
        """
        if not candidates:
            return [], 0
        if self._reranker is None or not settings.rerank:
            return [replace(candidate, final_rank=candidate.fused_rank) for candidate in candidates], 0
        ids = [candidate.passage.id for candidate in candidates]
        readings = [candidate.passage.reading for candidate in candidates]
        if isinstance(self._reranker, RememberingReranker):
            scores, remembered = self._reranker.score_and_hits(question, readings)
        else:
            scores, remembered = self._reranker.score(question, readings), 0
        rerank_ranks = ranks(scores, ids)
        final_ranks = rerank_ranks
        if settings.final == "combined":
            dense = standardised_sum([[candidate.dense_score for candidate in candidates]])
            lexical = standardised_sum([[candidate.lexical_score for candidate in candidates]])
            total = settings.dense_weight * dense + settings.lexical_weight * lexical
            final_ranks = ranks(total + standardised_sum([scores.tolist()]), ids)
        placed = [
            replace(candidate, rerank_rank=rerank_rank, rerank_score=float(score), final_rank=final_rank)
            for candidate, rerank_rank, score, final_rank in zip(
                candidates, rerank_ranks, scores, final_ranks, strict=True
            )
        ]
        return sorted(placed, key=lambda candidate: candidate.final_rank or 0), remembered


class _Clock:
    """Times stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin


def _nearest(views: Sequence[View], vector: Vectors, depth: int, settings: SearchSettings) -> list[_Hit]:
    return _stage(views, lambda view: view.dense(vector, depth, settings.where))[:depth]


def _wordy(views: Sequence[View], query: str, depth: int, settings: SearchSettings) -> list[_Hit]:
    return _stage(views, lambda view: view.lexical(query, depth, settings.where))[:depth]


def _stage(views: Sequence[View], find: Callable[[View], Sequence[tuple[int, float]]]) -> list[_Hit]:
    """Run one stage over all indexes; best first, ties by id."""
    hits = []
    for view in views:
        found = find(view)
        passages = view.passages([number for number, _ in found])
        for number, score in found:
            passage = passages[number]
            if len(views) > 1:
                passage = replace(passage, id=f"{view.name}/{passage.id}")
            hits.append(_Hit(view, number, passage, score))
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))


def _candidates(
    question: str,
    vector: Vectors,
    dense: Sequence[Sequence[_Hit]],
    lexical: Sequence[Sequence[_Hit]],
    settings: SearchSettings,
) -> list[Candidate]:
    """Fuse the orders of all queries into the k candidates, each with its score for the question at both stages."""
    hits = {hit.passage.id: hit for stage in [*lexical, *dense] for hit in stage}
    rankings = [[hit.passage.id for hit in stage] for stage in [*dense, *lexical]]
    weights = [settings.dense_weight] * len(dense) + [settings.lexical_weight] * len(lexical)
    fused = reciprocal_rank(rankings, weights, settings.rrf_constant)
    copies: dict[str, list[str]] = {}
    if settings.collapse is not None:
        fused, copies = _collapsed(fused, hits, settings)
    fused = fused[: settings.k]
    dense_rank, lexical_rank = (_best_ranks(rankings[: len(dense)]), _best_ranks(rankings[len(dense) :]))
    dense_score = {hit.passage.id: hit.score for hit in dense[0]}
    candidates = []
    for rank, (id, score) in enumerate(fused, start=1):
        hit = hits[id]
        candidates.append(
            Candidate(
                passage=hit.passage,
                dense_rank=dense_rank.get(id),
                dense_score=dense_score[id] if id in dense_score else float(_vector(hit) @ vector),
                lexical_rank=lexical_rank.get(id),
                lexical_score=0.0,
                fused_rank=rank,
                fused_score=score,
                duplicates=tuple(copies.get(id, ())),
            )
        )
    return _with_lexical_scores(question, candidates, hits) if settings.lexical_weight else candidates


def _best_ranks(rankings: Sequence[Sequence[str]]) -> dict[str, int]:
    ranked: dict[str, int] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            ranked[id] = min(rank, ranked.get(id, rank))
    return ranked


def _with_lexical_scores(
    question: str, candidates: list[Candidate], hits: Mapping[str, _Hit]
) -> list[Candidate]:
    """Score the candidates by words, those too that the lexical stage had below its depth."""
    scores: dict[str, float] = {}
    for view in {id(hit.view): hit.view for hit in hits.values()}.values():
        mine = {
            hits[c.passage.id].number: c.passage.id for c in candidates if hits[c.passage.id].view is view
        }
        scores |= {mine[number]: score for number, score in view.lexical_scores(question, [*mine]).items()}
    return [replace(c, lexical_score=scores.get(c.passage.id, 0.0)) for c in candidates]


def _collapsed(
    fused: Sequence[tuple[str, float]], hits: Mapping[str, _Hit], settings: SearchSettings
) -> tuple[list[tuple[str, float]], dict[str, list[str]]]:
    """Keep the best-fused k of which no two are near-duplicates, and say which gave way to which."""
    kept: list[tuple[str, float]] = []
    vectors: list[Vectors] = []
    copies: dict[str, list[str]] = {}
    for id, score in fused:
        mine = _vector(hits[id])
        near = [float(other @ mine) for other in vectors]
        if near and max(near) >= (settings.collapse or 1.0) - 1e-6:
            copies.setdefault(kept[int(np.argmax(near))][0], []).append(id)
        elif len(kept) < settings.k:
            kept.append((id, score))
            vectors.append(mine)
    return kept, copies


def _vector(hit: _Hit) -> Vectors:
    vector: Vectors = hit.view.vectors([hit.number])[0]
    return vector
