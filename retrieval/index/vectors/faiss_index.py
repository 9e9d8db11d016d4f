"""Nearest vectors by inner product: FAISS, exact unless asked otherwise.

Exact (``flat``) search is the default and fast to tens of thousands of passages. ``fp16`` and ``int8`` look at every
vector, too, and hold each number in 2 bytes or in 1 instead of 4. ``hnsw`` and ``ivf`` do not look at all of them. How much
of the exact top 20 a kind finds is measured when it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast, get_args

import faiss
import numpy as np
import numpy.typing as npt

from ...errors import BoundError, IndexStateError
from ...models.embedders import Vectors

Kind = Literal["flat", "fp16", "int8", "hnsw", "ivf"]
Numbers = npt.NDArray[np.int64]
"""Shape (passages,): the store's own numbers of passages, ascending."""

HELD_IN_LESS: tuple[Kind, ...] = ("fp16", "int8")
LOOKING_AT_ALL: tuple[Kind, ...] = ("flat", *HELD_IN_LESS)
HNSW_NEIGHBOURS = 32
HNSW_SEARCH = 128
TIES = 32
"""How many more than wanted a stage asks for at first, so that ties with the last one seldom take a second search."""
EXACT_SHARE = 10
"""One part in so many allowed, and their vectors are compared one by one: FAISS would look at all."""
RECALL_SAMPLE = 200
RECALL_DEPTH = 20


def require_kind(kind: str) -> Kind:
    """Return ``kind`` if it names a kind of index."""
    if kind not in get_args(Kind):
        raise BoundError(f"kind of index {kind!r}: known are {', '.join(get_args(Kind))}")
    return kind  # type: ignore[return-value]


class VectorIndex:
    """Finds the passages whose vectors are nearest; never changed once made, so safe to share."""

    def __init__(self, index: Any, numbers: Numbers, kind: Kind) -> None:
        self.kind = kind
        self.numbers = numbers
        self._index = index

    @classmethod
    def make(cls, numbers: Numbers, vectors: Vectors, kind: Kind = "flat") -> VectorIndex:
        """Index vectors of shape (passages, dims); the same input always makes the same index."""
        dims = vectors.shape[1]
        index: Any
        if kind == "hnsw":
            index = faiss.IndexHNSWFlat(dims, HNSW_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efSearch = HNSW_SEARCH
        elif kind == "ivf":
            lists = max(
                1, min(int(np.sqrt(len(vectors))), len(vectors) // 39)
            )  # FAISS wants 39 vectors a list
            index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dims), dims, lists, faiss.METRIC_INNER_PRODUCT)
            index.nprobe = max(1, lists // 4)
            index.cp.min_points_per_centroid = 1  # a handful of passages is no reason to warn
        elif kind == "flat":
            index = faiss.IndexFlatIP(dims)
        else:
            index = faiss.IndexScalarQuantizer(dims, _quantizer(kind), faiss.METRIC_INNER_PRODUCT)
        with _one_thread():  # a graph or clustering built by several threads differs each time
            if len(vectors):
                index.train(vectors)
                index.add(vectors)
        return cls(_reconstructable(index), numbers, kind)

    @classmethod
    def from_bytes(cls, data: bytes, kind: Kind, dims: int) -> VectorIndex:
        """Read back `to_parts`; raises `IndexStateError` for anything else. Only for data whose digest was checked."""
        head = int.from_bytes(data[:8], "little")
        numbers = np.frombuffer(data, dtype="<i8", count=head, offset=8).astype(np.int64)
        try:
            index: Any = faiss.deserialize_index(np.frombuffer(data, np.uint8, offset=8 + 8 * head))
        except RuntimeError as error:
            raise IndexStateError(f"FAISS cannot read the snapshot ({error})") from error
        shape = (index.d, index.ntotal, index.metric_type)
        if not _is_of_kind(index, kind) or shape != (dims, len(numbers), faiss.METRIC_INNER_PRODUCT):
            raise IndexStateError(
                f"the snapshot is a {type(index).__name__} of (dims, vectors, metric) {shape}"
            )
        return cls(_reconstructable(index), numbers, kind)

    def to_parts(self) -> list[memoryview]:
        """Return the index as bytes, in parts: count and numbers, then what FAISS makes of the vectors."""
        head = len(self.numbers).to_bytes(8, "little") + self.numbers.astype("<i8").tobytes()
        return [memoryview(head), faiss.serialize_index(self._index).data]

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
            scores, positions = self._search(question, wanted, allowed)
            if not len(scores):
                return []
            last = scores[min(limit, len(scores)) - 1]
            if wanted == count or len(scores) < wanted or scores[-1] < last:
                found = zip(self.numbers[positions], scores, strict=True)
                return [(int(number), float(score)) for number, score in found if score >= last]
            wanted = min(2 * wanted, count)

    def vectors(self, numbers: Sequence[int] | Numbers) -> Vectors:
        """Return the vectors of these passages as they are held, shape (numbers, dims)."""
        positions = self._positions(np.array(numbers, dtype=np.int64))
        with _one_thread():
            vectors: Vectors = self._index.reconstruct_batch(positions)
        return vectors

    def holds(self, numbers: Numbers, vectors: Vectors) -> bool:
        """Whether it is of these passages, and of these vectors as its kind holds them."""
        if not np.array_equal(self.numbers, numbers):
            return False
        if self.kind in HELD_IN_LESS:
            vectors = VectorIndex.make(numbers, vectors, self.kind).vectors(numbers)
        return np.array_equal(self.vectors(numbers), vectors)

    def recall(self, every: Vectors) -> float:
        """Return the share of the exact top 20 that this index finds, over a sample of the vectors that it was made of."""
        if self.kind == "flat" or not len(self.numbers):
            return 1.0
        sample = every[:: max(1, len(every) // RECALL_SAMPLE)][:RECALL_SAMPLE]
        depth = min(RECALL_DEPTH, len(every))
        found = 0
        for vector in sample:
            exact = np.argsort(-(every @ vector), kind="stable")[:depth]
            _, positions = self._search(vector[None], depth, None)
            found += len(set(exact.tolist()) & set(positions.tolist()))
        return found / (depth * len(sample))

    def _search(self, question: Vectors, limit: int, allowed: Numbers | None) -> tuple[Vectors, Numbers]:
        parameters = None
        if allowed is not None:
            bits = np.zeros(len(self.numbers), dtype=bool)
            bits[self._positions(allowed)] = True
            bitmap = np.packbits(bits, bitorder="little")  # FAISS keeps no copy
            parameters = cast(Any, faiss).SearchParameters(sel=cast(Any, faiss).IDSelectorBitmap(bitmap))
        with _one_thread():
            scores, found = self._index.search(question, limit, params=parameters)
        real = found[0] >= 0  # FAISS pads with −1 what it does not find
        return scores[0][real], found[0][real]

    def _positions(self, numbers: Numbers) -> Numbers:
        return np.searchsorted(self.numbers, numbers)

    def _exact(self, question: Vectors, limit: int, allowed: Numbers) -> list[tuple[int, float]]:
        scores = self.vectors(allowed) @ question[0]
        order = np.argsort(-scores, kind="stable")
        last = scores[order[min(limit, len(order)) - 1]]
        return [(int(allowed[i]), float(scores[i])) for i in order if scores[i] >= last]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let FAISS compute in this thread alone: helpers of a thread that forks are gone in the child, and waited for."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _quantizer(kind: Kind) -> Any:
    quantizers: Any = faiss.ScalarQuantizer
    return {"fp16": quantizers.QT_fp16, "int8": quantizers.QT_8bit}[kind]


def _is_of_kind(index: Any, kind: Kind) -> bool:
    if kind in HELD_IN_LESS:
        return isinstance(index, faiss.IndexScalarQuantizer) and index.sq.qtype == _quantizer(kind)
    expected = {"flat": faiss.IndexFlat, "hnsw": faiss.IndexHNSWFlat, "ivf": faiss.IndexIVFFlat}[kind]
    return isinstance(index, expected)


def _reconstructable(index: Any) -> Any:
    if isinstance(index, faiss.IndexIVF):
        index.make_direct_map()
    return index
