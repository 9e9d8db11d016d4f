"""From what the stages found for each query to the k candidates that the reranker reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .embedders import Vectors
from .fusion import best_first, reciprocal_rank, relative
from .opening import View
from .passages import Candidate, Passage
from .settings import SearchSettings

Scores = npt.NDArray[np.float64]
"""One for each hit, shape (hits,)."""


@dataclass(frozen=True)
class Hit:
    """A passage where one stage found it."""

    view: View
    number: int
    passage: Passage
    score: float


def fuse(
    queries: Sequence[str],
    vectors: Vectors,
    dense: Sequence[Sequence[Hit]],
    lexical: Sequence[Sequence[Hit]],
    settings: SearchSettings,
) -> list[Candidate]:
    """Fuse what both stages found into the k candidates, best first.

    Args:
        queries: the question, and what else was searched for; a candidate's scores are those for the question.
        vectors: of the queries, shape (queries, dims).
        dense: by query, what the dense stage found, best first; empty where it was not run.
        lexical: likewise.
        settings: weights, kind of fusion, k.
    """
    hits = {hit.passage.id: hit for stage in [*lexical, *dense] for hit in stage}
    if not hits:
        return []
    cosines = [_cosines(hits, stage, vector) for stage, vector in zip(dense, vectors, strict=True)]
    words = [_word_scores(hits, query, settings) for query in queries]
    rankings = [[hit.passage.id for hit in stage] for stage in [*dense, *lexical]]
    if settings.fusion == "rrf":
        weights = [settings.dense_weight] * len(dense) + [settings.lexical_weight] * len(lexical)
        fused = reciprocal_rank(rankings, weights, settings.rrf_constant)
    else:
        total = np.zeros(len(hits))
        for near, (_, shares) in zip(cosines, words, strict=True):
            total += settings.dense_weight * relative(near) + settings.lexical_weight * shares
        fused = best_first(dict(zip(hits, total.tolist(), strict=True)))
    copies: dict[str, list[str]] = {}
    if settings.collapse is not None:
        fused, copies = _collapsed(fused, hits, settings.k, settings.collapse)
    places = {id: place for place, id in enumerate(hits)}
    dense_rank, lexical_rank = (_best_ranks(rankings[: len(dense)]), _best_ranks(rankings[len(dense) :]))
    return [
        Candidate(
            passage=hits[id].passage,
            dense_rank=dense_rank.get(id),
            dense_score=float(cosines[0][places[id]]),
            lexical_rank=lexical_rank.get(id),
            lexical_score=float(words[0][0][places[id]]),
            fused_rank=rank,
            fused_score=score,
            duplicates=tuple(copies.get(id, ())),
        )
        for rank, (id, score) in enumerate(fused[: settings.k], start=1)
    ]


def _cosines(hits: Mapping[str, Hit], stage: Sequence[Hit], vector: Vectors) -> Scores:
    """Return every hit's cosine with a query, those too that the dense stage had below its depth."""
    known = {hit.passage.id: hit.score for hit in stage}
    found = {**known, **{id: float(_vector(hit) @ vector) for id, hit in hits.items() if id not in known}}
    return np.array([found[id] for id in hits])


def _word_scores(hits: Mapping[str, Hit], query: str, settings: SearchSettings) -> tuple[Scores, Scores]:
    """Return every hit's lexical score for a query, and the share that it is of the greatest there could be."""
    scores, shares = np.zeros(len(hits)), np.zeros(len(hits))
    if not settings.lexical_weight:
        return scores, shares
    views = {id(hit.view): hit.view for hit in hits.values()}
    for view in views.values():
        places = {hit.number: place for place, hit in enumerate(hits.values()) if hit.view is view}
        bound = view.lexical_bound(query)
        for number, score in view.lexical_scores(query, list(places)).items():
            scores[places[number]] = score
            shares[places[number]] = score / bound
    return scores, shares


def _best_ranks(rankings: Sequence[Sequence[str]]) -> dict[str, int]:
    ranked: dict[str, int] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            ranked[id] = min(rank, ranked.get(id, rank))
    return ranked


def _collapsed(
    fused: Sequence[tuple[str, float]], hits: Mapping[str, Hit], k: int, nearness: float
) -> tuple[list[tuple[str, float]], dict[str, list[str]]]:
    """Keep the best-fused k of which no two are near-duplicates, and say which gave way to which."""
    kept: list[tuple[str, float]] = []
    vectors: list[Vectors] = []
    copies: dict[str, list[str]] = {}
    for id, score in fused:
        mine = _vector(hits[id])
        near = [float(other @ mine) for other in vectors]
        if near and max(near) >= nearness - 1e-6:
            copies.setdefault(kept[int(np.argmax(near))][0], []).append(id)
        elif len(kept) < k:
            kept.append((id, score))
            vectors.append(mine)
    return kept, copies


def _vector(hit: Hit) -> Vectors:
    vector: Vectors = hit.view.vectors([hit.number])[0]
    return vector
