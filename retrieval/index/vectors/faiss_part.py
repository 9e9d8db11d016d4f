"""Vectors of some passages in one FAISS index, which is never changed once it is made."""

from __future__ import annotations

from collections.abc import Iterator
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
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

HELD_WITHIN: dict[Kind, float] = {"fp16": 1e-3, "int8": 8e-3}
"""How far a number of a vector may be from what it was, for the kinds that hold it in fewer bytes."""
LOOKING_AT_ALL: tuple[Kind, ...] = ("flat", "fp16", "int8")
HNSW_NEIGHBOURS = 32
HNSW_SEARCH = 128


def require_kind(kind: str) -> Kind:
    """Return ``kind`` if it names a kind of index."""
    if kind not in get_args(Kind):
        raise BoundError(f"kind of index {kind!r}: known are {', '.join(get_args(Kind))}")
    return kind  # type: ignore[return-value]


class VectorPart:
    """The vectors of some passages, searched as its kind does; safe to share across threads."""

    def __init__(self, index: Any, numbers: Numbers, kind: Kind, held: Any = None) -> None:
        """``held``: the memory that the index reads in place, kept for as long as the part."""
        if isinstance(index, faiss.IndexIVF):
            index.make_direct_map()  # by which vectors are found again
        self.kind = kind
        self.numbers = numbers
        self._index = index
        self._held = held

    @property
    def dims(self) -> int:
        return int(self._index.d)

    @classmethod
    def make(cls, numbers: Numbers, vectors: Vectors, kind: Kind) -> VectorPart:
        """Index vectors of shape (passages, dims); the same input always makes the same index."""
        index = _empty(kind, len(vectors), vectors.shape[1])
        with _one_thread():  # a graph or clustering built by several threads differs each time
            if len(vectors):
                index.train(vectors)
                index.add(vectors)
        return cls(index, numbers, kind)

    @classmethod
    def from_bytes(cls, data: Bytes, kind: Kind, dims: int) -> VectorPart:
        """Use what `to_parts` wrote where it lies, without a copy of the vectors.

        Raises:
            IndexStateError: it is anything else. Only for data whose digest was checked.
        """
        head = int.from_bytes(data[:8].tobytes(), "little")
        numbers = np.frombuffer(data, dtype="<i8", count=head, offset=8).astype(np.int64)
        written = data[8 + 8 * head :]
        library: Any = faiss
        try:
            index = library.read_index(library.ZeroCopyIOReader(library.swig_ptr(written), len(written)))
        except RuntimeError as error:
            raise IndexStateError(f"FAISS cannot read the snapshot ({error})") from error
        shape = (index.d, index.ntotal, index.metric_type)
        if not _is_of_kind(index, kind) or shape != (dims, len(numbers), faiss.METRIC_INNER_PRODUCT):
            raise IndexStateError(
                f"the snapshot is a {type(index).__name__} of (dims, vectors, metric) {shape}"
            )
        return cls(index, numbers, kind, data)

    def to_parts(self) -> list[memoryview]:
        """Return the index as bytes, in parts: count and numbers, then what FAISS makes of the vectors."""
        head = len(self.numbers).to_bytes(8, "little") + self.numbers.astype("<i8").tobytes()
        return [memoryview(head), faiss.serialize_index(self._index).data]

    def nearest(self, question: Vectors, limit: int, wanted: Mask | None) -> tuple[Vectors, Numbers]:
        """Return cosines and numbers of the nearest to (1, dims), best first; of those ``wanted`` alone, by their places."""
        selection: dict[str, Any] = {}
        if wanted is not None:
            bitmap = np.packbits(wanted, bitorder="little")  # FAISS keeps no copy
            selection = {"sel": cast(Any, faiss).IDSelectorBitmap(bitmap)}
        with _one_thread():
            scores, found = self._index.search(question, limit, params=self._parameters(selection))
        real = found[0] >= 0  # FAISS pads with −1 what it does not find
        return scores[0][real], self.numbers[found[0][real]]

    def vectors(self, places: Numbers) -> Vectors:
        """Return the vectors at these places among its own, as they are held, shape (places, dims)."""
        with _one_thread():
            vectors: Vectors = self._index.reconstruct_batch(places)
        return vectors

    def _parameters(self, selection: dict[str, Any]) -> Any:
        library: Any = faiss
        if not selection:
            return None
        if self.kind == "hnsw":
            return library.SearchParametersHNSW(efSearch=HNSW_SEARCH, **selection)
        if self.kind == "ivf":
            return library.SearchParametersIVF(nprobe=self._index.nprobe, **selection)
        return library.SearchParameters(**selection)


def _empty(kind: Kind, count: int, dims: int) -> Any:
    """Return an index that is to hold so many vectors."""
    index: Any
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dims, HNSW_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = HNSW_SEARCH
    elif kind == "ivf":
        lists = max(1, min(int(np.sqrt(count)), count // 39))  # FAISS wants 39 vectors a list
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dims), dims, lists, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = max(1, lists // 4)
        index.cp.min_points_per_centroid = 1  # a handful of passages is no reason to warn
    elif kind == "flat":
        index = faiss.IndexFlatIP(dims)
    else:
        index = faiss.IndexScalarQuantizer(dims, _quantizer(kind), faiss.METRIC_INNER_PRODUCT)
    return index


def _quantizer(kind: Kind) -> Any:
    quantizers: Any = faiss.ScalarQuantizer
    return {"fp16": quantizers.QT_fp16, "int8": quantizers.QT_8bit}[kind]


def _is_of_kind(index: Any, kind: Kind) -> bool:
    if kind in HELD_WITHIN:
        return isinstance(index, faiss.IndexScalarQuantizer) and index.sq.qtype == _quantizer(kind)
    expected = {"flat": faiss.IndexFlat, "hnsw": faiss.IndexHNSWFlat, "ivf": faiss.IndexIVFFlat}[kind]
    return isinstance(index, expected)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let FAISS compute in this thread alone: helpers of a thread that forks are gone in the child, and waited for."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
