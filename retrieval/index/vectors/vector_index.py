"""Nearest vectors by inner product, over the parts that an index was written in.

Exact (``flat``) search is the default and fast to tens of thousands of passages. ``fp16`` and ``int8`` look at every
vector, too, and hold each number in 2 bytes or in 1 instead of 4. ``hnsw`` and ``ivf`` do not look at all of them. How much
of the exact top 20 a kind finds is measured when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from ...errors import IndexStateError
from ...models.embedders import Vectors
from ..connection import Connection
from .faiss_part import HELD_WITHIN, LOOKING_AT_ALL, Kind, Mask, Numbers, VectorPart

TIES = 32
"""How many more than wanted a stage asks for at first, so that ties with the last one seldom take a second search."""
EXACT_SHARE = 10
"""One part in so many allowed, and their vectors are compared one by one: FAISS would look at all."""
RECALL_SAMPLE = 200
RECALL_DEPTH = 20
NONE: Numbers = np.empty(0, dtype=np.int64)


class SearchedVectors(Protocol):
    """The vectors of one generation of an index, as a search asks for the nearest."""

    @property
    def numbers(self) -> Numbers:
        """Of all passages."""
        ...

    def by(self, connection: Connection) -> SearchedVectors:
        """Return the same as it is read over the connection of one search."""
        ...

    def best(self, question: Vectors, limit: int, allowed: Numbers | None = None) -> list[tuple[int, float]]:
        """See `VectorIndex.best`."""
        ...

    def vectors(self, numbers: Sequence[int] | Numbers) -> Vectors:
        """See `VectorIndex.vectors`."""
        ...


class VectorIndex:
    """Finds the passages whose vectors are nearest; never changed once made, so safe to share.

    A number stands in one part at most. ``gone`` are those that passages of the parts had which are no longer there.
    """

    def __init__(self, parts: Sequence[VectorPart], kind: Kind, gone: Numbers = NONE) -> None:
        self.kind = kind
        self.parts = tuple(parts)
        self._masks = [None if not len(gone) else ~np.isin(part.numbers, gone) for part in self.parts]
        """By part, which of its passages are there; ``None`` for all."""
        live = [
            part.numbers if mask is None else part.numbers[mask]
            for part, mask in zip(self.parts, self._masks, strict=True)
        ]
        self._numbers: Numbers = np.concatenate([NONE, *live])

    @property
    def numbers(self) -> Numbers:
        """Of all passages that are there, ascending by part."""
        return self._numbers

    def by(self, connection: Connection) -> VectorIndex:
        """See `SearchedVectors`; it holds all that it needs."""
        return self

    @classmethod
    def make(cls, numbers: Numbers, vectors: Vectors, kind: Kind = "flat") -> VectorIndex:
        """Index vectors of shape (passages, dims) in one part."""
        return cls([VectorPart.make(numbers, vectors, kind)], kind)

    def best(self, question: Vectors, limit: int, allowed: Numbers | None = None) -> list[tuple[int, float]]:
        """Return (number, cosine) of the nearest, best first; all that tie with the last one are in.

        Args:
            question: shape (1, dims).
            limit: how many are wanted.
            allowed: the only numbers that may be returned; ``None`` for all. Every one of them is looked at then.
        """
        count = len(self.numbers) if allowed is None else len(allowed)
        if not count:
            return []
        if allowed is not None and (
            self.kind not in LOOKING_AT_ALL or EXACT_SHARE * count < len(self.numbers)
        ):
            return self._exact(question, limit, allowed)
        wanted = min(limit + TIES, count)
        while True:
            scores, numbers = self._nearest(question, wanted, allowed)
            if not len(scores):
                return []
            last = scores[min(limit, len(scores)) - 1]
            if wanted == count or len(scores) < wanted or scores[-1] < last:
                found = zip(numbers, scores, strict=True)
                return [(int(number), float(score)) for number, score in found if score >= last]
            wanted = min(2 * wanted, count)

    def vectors(self, numbers: Sequence[int] | Numbers) -> Vectors:
        """Return the vectors of these passages as they are held, shape (numbers, dims)."""
        asked = np.asarray(numbers, dtype=np.int64)
        order = np.argsort(asked, kind="stable")
        ascending = asked[order]
        vectors = np.empty((len(asked), self.parts[0].dims), dtype=np.float32)
        missing = len(asked)
        for part in self.parts:
            places, held = _held_in(part, ascending)
            if len(held):
                vectors[order[places]] = part.vectors(held)
            missing -= len(places)
        if missing:
            raise IndexStateError(f"{missing} of {len(asked)} passages have no vector in the snapshot")
        return vectors

    def holds(self, blocks: Iterable[tuple[Numbers, Vectors]]) -> bool:
        """Whether it is of these passages, ascending, and of these vectors as its kind holds them."""
        begin, within = 0, HELD_WITHIN.get(self.kind, 0.0)
        for numbers, vectors in blocks:
            if not np.array_equal(self.numbers[begin : begin + len(numbers)], numbers):
                return False
            if np.abs(self.vectors(numbers) - vectors).max(initial=0.0) > within:
                return False
            begin += len(numbers)
        return begin == len(self.numbers)

    def recall(self, blocks: Callable[[], Iterable[tuple[Numbers, Vectors]]]) -> float:
        """Return the share of the exact top 20 that this index finds, over a sample of the vectors that it was made of.

        Args:
            blocks: gives the numbers and vectors that it was made of, ascending by number; called more than once.
        """
        if not len(self.numbers):
            return 1.0
        chosen = self.numbers[:: max(1, len(self.numbers) // RECALL_SAMPLE)][:RECALL_SAMPLE]
        sample = np.concatenate([vectors[np.isin(numbers, chosen)] for numbers, vectors in blocks()])
        depth = min(RECALL_DEPTH, len(self.numbers))
        scores: Vectors = np.empty((len(sample), 0), dtype=np.float32)
        exact: Numbers = np.empty((len(sample), 0), dtype=np.int64)
        for numbers, vectors in blocks():
            scores = np.concatenate([scores, sample @ vectors.T], axis=1)
            exact = np.concatenate([exact, np.broadcast_to(numbers, (len(sample), len(numbers)))], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            scores, exact = np.take_along_axis(scores, best, 1), np.take_along_axis(exact, best, 1)
        found = (self._nearest(vector[None], depth, None)[1] for vector in sample)
        hits = sum(len(np.intersect1d(one, other)) for one, other in zip(exact, found, strict=True))
        return hits / (depth * len(sample))

    def _nearest(self, question: Vectors, limit: int, allowed: Numbers | None) -> tuple[Vectors, Numbers]:
        """Return cosines and numbers of the nearest over all parts, best first."""
        found = []
        for part, mask in zip(self.parts, self._masks, strict=True):
            wanted = mask if allowed is None else _mask_of(part, allowed)
            count = len(part.numbers) if wanted is None else int(wanted.sum())
            if count:
                found.append(part.nearest(question, min(limit, count), wanted))
        scores = np.concatenate([scores for scores, _ in found] or [np.empty(0, dtype=np.float32)])
        numbers = np.concatenate([NONE, *(numbers for _, numbers in found)])
        if len(found) > 1:
            order = np.argsort(-scores, kind="stable")[:limit]
            scores, numbers = scores[order], numbers[order]
        return scores, numbers

    def _exact(self, question: Vectors, limit: int, allowed: Numbers) -> list[tuple[int, float]]:
        scores = self.vectors(allowed) @ question[0]
        order = np.argsort(-scores, kind="stable")
        last = scores[order[min(limit, len(order)) - 1]]
        return [(int(allowed[i]), float(scores[i])) for i in order if scores[i] >= last]


def _mask_of(part: VectorPart, allowed: Numbers) -> Mask:
    """Return which of a part's passages are allowed, ascending; none that is gone is."""
    mask = np.zeros(len(part.numbers), dtype=np.bool_)
    mask[_held_in(part, allowed)[1]] = True
    return mask


def _held_in(part: VectorPart, asked: Numbers) -> tuple[Numbers, Numbers]:
    """Return where among the numbers asked, ascending, those of a part stand, and their places in the part."""
    if not len(part.numbers):
        return NONE, NONE
    first, last = np.searchsorted(asked, [part.numbers[0], part.numbers[-1] + 1])
    held = np.searchsorted(part.numbers, asked[first:last])
    there = part.numbers[held] == asked[first:last]
    return first + np.flatnonzero(there), held[there]
