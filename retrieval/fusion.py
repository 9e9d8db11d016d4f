"""Joining several orders of the same passages into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .settings import RRF_CONSTANT

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
