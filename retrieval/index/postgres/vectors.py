"""The nearest vectors, as pgvector finds them in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ...errors import IndexStateError
from ...models.embedders import Vectors
from ..connection import AMONG, Connection, among
from ..reader import floats
from ..vectors.faiss_part import Numbers
from ..vectors.vector_index import TIES, SearchedVectors, VectorIndex
from .session import Session, is_allowed


class ServerVectors:
    """The vectors of one generation, which stay in the database; see `SearchedVectors`.

    The server looks at every vector and gives the nearest; they are put in order here, by the same arithmetic as everywhere.
    """

    def __init__(self, numbers: Numbers, dims: int, session: Session | None = None) -> None:
        """``session``: that of one search, which `by` gives."""
        self._numbers = numbers
        self._dims = dims
        self._session = session

    @property
    def numbers(self) -> Numbers:
        """See `SearchedVectors`."""
        return self._numbers

    def by(self, connection: Connection) -> SearchedVectors:
        """See `SearchedVectors`."""
        return ServerVectors(self._numbers, self._dims, cast(Session, connection))

    def best(self, question: Vectors, limit: int, allowed: Numbers | None = None) -> list[tuple[int, float]]:
        """See `VectorIndex.best`."""
        count = len(self._numbers) if allowed is None else len(allowed)
        wanted = min(limit + TIES, count)
        while wanted:
            numbers, vectors = self._nearest(question[0], wanted, allowed)
            found = VectorIndex.make(numbers, vectors).best(question, limit)
            # What the server computes differs in the last digits: what it left out may tie with the last of these.
            least = float((vectors @ question[0]).min())
            if wanted == count or least < found[-1][1] - _ROUNDING:
                return found
            wanted = min(2 * wanted, count)
        return []

    def vectors(self, numbers: Sequence[int] | Numbers) -> Vectors:
        """See `VectorIndex.vectors`."""
        asked = [int(number) for number in numbers]
        rows = self._open.execute(
            f"SELECT passage, value FROM searched WHERE passage {AMONG}", (among(asked),)
        )
        held = {number: floats(value) for number, value in rows}
        missing = len(set(asked) - held.keys())
        if missing:
            raise IndexStateError(f"{missing} of {len(asked)} passages have no vector in the database")
        return np.array([held[number] for number in asked], np.float32).reshape(len(asked), self._dims)

    def _nearest(
        self, question: np.ndarray[Any, Any], limit: int, allowed: Numbers | None
    ) -> tuple[Numbers, Vectors]:
        """Return numbers, ascending, and vectors of the nearest as the server sees them."""
        within, values = "", list[Any]()
        if allowed is not None:
            within, values = f"WHERE {is_allowed('passage', len(allowed))} ", [allowed.tolist()]
        rows = self._open.execute(
            f"SELECT passage, value FROM searched {within}ORDER BY value {self._open.nearness} ? LIMIT ?",
            (*values, np.asarray(question, np.float32), limit),
        )
        found = sorted(((number, floats(value)) for number, value in rows), key=lambda row: int(row[0]))
        numbers: Numbers = np.array([number for number, _ in found], np.int64)
        return numbers, np.array([vector for _, vector in found], np.float32).reshape(len(found), self._dims)

    @property
    def _open(self) -> Session:
        assert self._session is not None, "only those that `by` gave can be searched"
        return self._session


_ROUNDING = 1e-5
"""What two ways of adding up float32 products may differ by."""
