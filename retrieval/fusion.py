"""From what the stages found for each query, several orders of the same passages, to the k candidates that are reranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .index.view import View
from .models.embedders import Vectors
from .passages import Candidate, Passage
from .settings import RRF_CONSTANT, SearchSettings

Id = TypeVar("Id", bound=str | int)
Column = Sequence[float] | npt.NDArray[np.floating[Any]]
Scores = npt.NDArray[np.float64]


def reciprocal_rank(
    rankings: Sequence[Sequence[Id]], weights: Sequence[float], constant: float = RRF_CONSTANT
) -> list[tuple[Id, float]]:
    """Sum ``weight / (constant + rank)`` over the rankings; best first, ties by id.

    Each ranking lists ids best first; an id missing from one simply gains nothing there.
    Source: Cormack, Clarke and Büttcher 2009, Reciprocal Rank Fusion outperforms Condorcet.
    """
    scores: dict[Id, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        if weight == 0:
            continue
        for rank, id in enumerate(ranking, start=1):
            scores[id] = scores.get(id, 0.0) + weight / (constant + rank)
    return best_first(scores)


def min_max_scaled(values: Column) -> Scores:
    """Bring scores to 0 (the lowest) to 1 (the highest); all 0 where they do not differ."""
    scores = np.asarray(values, dtype=np.float64)
    spread = np.ptp(scores)
    return np.asarray((scores - scores.min()) / spread) if spread > 0 else np.zeros(len(scores))


def z_scores(values: Column) -> Scores:
    """Z-normalise scores; all 0 where they do not differ."""
    scores = np.asarray(values, dtype=np.float64)
    spread = scores.std()
    return np.asarray((scores - scores.mean()) / spread) if spread > 1e-12 else np.zeros(len(scores))


def best_first(scores: Mapping[Id, float]) -> list[tuple[Id, float]]:
    """Return what has a score with it; best first, ties by id."""
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def ranks(scores: Column, ids: Sequence[str]) -> list[int]:
    """Return the rank, from 1, of each item: higher scores first, ties by id."""
    order = sorted(range(len(ids)), key=lambda i: (-float(scores[i]), ids[i]))
    placed = [0] * len(ids)
    for rank, i in enumerate(order, start=1):
        placed[i] = rank
    return placed


@dataclass(frozen=True)
class Hit:
    """A passage where one stage found it."""

    view: View
    number: int
    passage: Passage
    score: float


def fuse(
    queries: Sequence[str],
    own: int,
    vectors: Vectors,
    dense: Sequence[Sequence[Hit]],
    lexical: Sequence[Sequence[Hit]],
    settings: SearchSettings,
    by_name: Sequence[Hit] = (),
    named: Mapping[str, int] | None = None,
) -> list[Candidate]:
    """Fuse what both stages found into the k candidates, best first.

    Scores are added as Bruch, Gai and Ingber 2022, An Analysis of Fusion Functions for Hybrid Retrieval, found better
    than reciprocal ranks: the cosine is brought to the range of what was found, the lexical score to a share not of
    the best one found but of the best there could be, so that a question whose words say little has little say. How near to each
    other the question's words stand in a passage is added as a share likewise.

    Args:
        queries: the question in its parts, and what else was searched for.
        own: how many of these are parts of the question; a candidate's scores are the best of theirs.
        vectors: of the queries, shape (queries, dims).
        dense: by query, what the dense stage found, best first; empty where it was not run.
        lexical: likewise.
        settings: weights, kind of fusion, k.
        by_name: what neither stage found, and the question names.
        named: by id of a passage among all these, 1 where the question names its document, -1 where that is not to be confused
            with what the question names.
    """
    hits = {hit.passage.id: hit for stage in [*lexical, *dense, by_name] for hit in stage}
    if not hits:
        return []
    held = _vectors(hits)
    scored = len(queries) if settings.fusion == "scores" else own
    cosines = [_cosines(hits, held, dense[i], vectors[i]) for i in range(scored)]
    words = [_lexical_scores(hits, lexical[i], queries[i], settings) for i in range(scored)]
    close = [_proximities(hits, queries[i], settings) for i in range(scored)]
    rankings = [[hit.passage.id for hit in stage] for stage in [*dense, *lexical]]
    if settings.fusion == "rrf":
        weights = [settings.dense_weight] * len(dense) + [settings.lexical_weight] * len(lexical)
        fused = reciprocal_rank(rankings, weights, settings.rrf_constant)
    else:
        total = np.zeros(len(hits))
        for near, (_, shares), proximities in zip(cosines, words, close, strict=True):
            total += settings.dense_weight * min_max_scaled(near) + settings.lexical_weight * shares
            total += settings.proximity_weight * proximities
        fused = best_first(dict(zip(hits, total.tolist(), strict=True)))
    named = named or {}
    if named:
        scores = {**dict.fromkeys(hits, 0.0), **dict(fused)}  # ranks know nothing of what was found by name
        step = settings.name_weight * float(np.std(list(scores.values())))
        fused = best_first({id: score + step * named.get(id, 0) for id, score in scores.items()})
    copies: dict[str, list[str]] = {}
    if settings.collapse is not None:
        near_to = dict(zip(hits, held, strict=True))
        fused, copies = _without_near_duplicates(fused, near_to, settings.k, settings.collapse)
    places = {id: place for place, id in enumerate(hits)}
    dense_rank, lexical_rank = (_best_ranks(rankings[: len(dense)]), _best_ranks(rankings[len(dense) :]))
    return [
        Candidate(
            passage=hits[id].passage,
            dense_rank=dense_rank.get(id),
            dense_score=max(float(cosine[places[id]]) for cosine in cosines[:own]),
            lexical_rank=lexical_rank.get(id),
            lexical_score=max(float(scores[places[id]]) for scores, _ in words[:own]),
            fused_rank=rank,
            fused_score=score,
            named=named.get(id, 0),
            duplicates=tuple(copies.get(id, ())),
        )
        for rank, (id, score) in enumerate(fused[: settings.k], start=1)
    ]


def _by_view(hits: Mapping[str, Hit]) -> Iterator[tuple[View, dict[int, int]]]:
    """Yield each view, with the places among the hits by number of those that it found."""
    for view in {id(hit.view): hit.view for hit in hits.values()}.values():
        yield view, {hit.number: place for place, hit in enumerate(hits.values()) if hit.view is view}


def _vectors(hits: Mapping[str, Hit]) -> Sequence[Vectors]:
    """Return every hit's vector, each of shape (dims,)."""
    found: dict[int, Vectors] = {}
    for view, places in _by_view(hits):
        found |= zip(places.values(), view.vectors(list(places)), strict=True)
    return [found[place] for place in range(len(hits))]


def _cosines(
    hits: Mapping[str, Hit], held: Sequence[Vectors], stage: Sequence[Hit], vector: Vectors
) -> Scores:
    """Return every hit's cosine with a query, those too that the dense stage had below its depth."""
    known = {hit.passage.id: hit.score for hit in stage}
    return np.array(
        [known[id] if id in known else float(mine @ vector) for id, mine in zip(hits, held, strict=True)]
    )


def _lexical_scores(
    hits: Mapping[str, Hit], stage: Sequence[Hit], query: str, settings: SearchSettings
) -> tuple[Scores, Scores]:
    """Return every hit's lexical score for a query, and the share that it is of the greatest there could be."""
    scores, shares = np.zeros(len(hits)), np.zeros(len(hits))
    if not settings.lexical_weight:
        return scores, shares
    known = {(hit.view, hit.number): hit.score for hit in stage}
    for view, places in _by_view(hits):
        found = {number: known[view, number] for number in places if (view, number) in known}
        found |= view.lexical_scores(query, [number for number in places if number not in found])
        bound = view.lexical_bound(query) if found else 0.0
        for number, score in found.items():
            scores[places[number]] = score
            shares[places[number]] = score / bound
    return scores, shares


def _proximities(hits: Mapping[str, Hit], query: str, settings: SearchSettings) -> Scores:
    """Return how near to each other a query's words stand in every hit, 0 to 1; 0 where that does not count."""
    close = np.zeros(len(hits))
    if settings.fusion == "scores" and settings.lexical_weight and settings.proximity_weight:
        for view, places in _by_view(hits):
            for number, proximity in view.proximities(query, list(places)).items():
                close[places[number]] = proximity
    return close


def _best_ranks(rankings: Sequence[Sequence[str]]) -> dict[str, int]:
    ranked: dict[str, int] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            ranked[id] = min(rank, ranked.get(id, rank))
    return ranked


def _without_near_duplicates(
    fused: Sequence[tuple[str, float]], vectors: Mapping[str, Vectors], k: int, nearness: float
) -> tuple[list[tuple[str, float]], dict[str, list[str]]]:
    """Keep the best-fused k of which no two are near-duplicates, and say which gave way to which."""
    kept: list[tuple[str, float]] = []
    copies: dict[str, list[str]] = {}
    for id, score in fused:
        near = [float(vectors[other] @ vectors[id]) for other, _ in kept]
        if near and max(near) >= nearness - 1e-6:
            copies.setdefault(kept[int(np.argmax(near))][0], []).append(id)
        elif len(kept) < k:
            kept.append((id, score))
    return kept, copies
