"""Nearest vectors by inner product, over the parts that an index was written in.

Exact (``flat``) search is the default and fast to tens of thousands of passages. ``fp16`` and ``int8`` look at every
vector, too, and hold each number in 2 bytes or in 1 instead of 4. ``hnsw`` and ``ivf`` do not look at all of them. How much
of the exact top 20 a kind finds is measured when it is made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import IndexStateError
from ...models.embedders import Vectors
from .faiss_part import HELD_WITHIN, LOOKING_AT_ALL, Kind, Mask, Numbers, VectorPart

TIES = 32
"""How many more than wanted a stage asks for at first, so that ties with the last one seldom take a second search."""
EXACT_SHARE = 10
"""One part in so many allowed, and their vectors are compared one by one: FAISS would look at all."""
RECALL_SAMPLE = 200
RECALL_DEPTH = 20
NONE: Numbers = np.empty(0, dtype=np.int64)


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
        self.numbers: Numbers = np.concatenate([NONE, *live])

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
        vectors = np.empty((len(asked), self.parts[0].dims), dtype=np.float32)
        missing = len(asked)
        for part, places, held in self._places(asked):
            vectors[places] = part.vectors(held)
            missing -= len(places)
        if missing:
            raise IndexStateError(f"{missing} of {len(asked)} passages have no vector in the snapshot")
        return vectors

    def holds(self, numbers: Numbers, vectors: Vectors) -> bool:
        """Whether it is of these passages, and of these vectors as its kind holds them."""
        if not np.array_equal(self.numbers, numbers):
            return False
        return bool(
            np.abs(self.vectors(numbers) - vectors).max(initial=0.0) <= HELD_WITHIN.get(self.kind, 0.0)
        )

    def recall(self, every: Vectors) -> float:
        """Return the share of the exact top 20 that this index finds, over a sample of the vectors that it was made of."""
        if self.kind == "flat" or not len(self.numbers):
            return 1.0
        sample = every[:: max(1, len(every) // RECALL_SAMPLE)][:RECALL_SAMPLE]
        depth = min(RECALL_DEPTH, len(every))
        found = 0
        for vector in sample:
            exact = self.numbers[np.argsort(-(every @ vector), kind="stable")[:depth]]
            _, numbers = self._nearest(vector[None], depth, None)
            found += len(set(exact.tolist()) & set(numbers.tolist()))
        return found / (depth * len(sample))

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

    def _places(self, asked: Numbers) -> list[tuple[VectorPart, Numbers, Numbers]]:
        """Return, by part, where among those asked for its passages stand, and their places in the part."""
        found = []
        for part in self.parts:
            held = np.searchsorted(part.numbers, asked)
            inside = held < len(part.numbers)
            inside[inside] = part.numbers[held[inside]] == asked[inside]
            if inside.any():
                found.append((part, np.flatnonzero(inside), held[inside]))
        return found

    def _exact(self, question: Vectors, limit: int, allowed: Numbers) -> list[tuple[int, float]]:
        scores = self.vectors(allowed) @ question[0]
        order = np.argsort(-scores, kind="stable")
        last = scores[order[min(limit, len(order)) - 1]]
        return [(int(allowed[i]), float(scores[i])) for i in order if scores[i] >= last]


def _mask_of(part: VectorPart, allowed: Numbers) -> Mask:
    """Return which of a part's passages are allowed; none that is gone is."""
    return np.isin(part.numbers, allowed)
