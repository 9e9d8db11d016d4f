"""The nearest vectors, as pgvector finds them in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ...errors import BoundError, IndexStateError
from ...models.embedders import Vectors
from ..connection import AMONG, Connection, among
from ..reader import floats
from ..vectors.faiss_part import Kind, Numbers
from ..vectors.vector_index import RECALL_DEPTH, RECALL_SAMPLE, TIES, SearchedVectors, VectorIndex
from .session import Session, is_allowed

HNSW_SEARCHED = 200
"""Neighbours that a search keeps in view, at least: pgvector's ``hnsw.ef_search``. It finds no more at a time than that, so that
more are asked for where more are wanted."""
MOST_SEARCHED = 1_000
"""The most that pgvector takes."""
MOST_DIMS = 2_000
"""The most dimensions of pgvector's ``hnsw``."""
_ROUNDING = 1e-5
"""What two ways of adding up float32 products may differ by."""


class ServerVectors:
    """The vectors of one generation, which stay in the database; see `SearchedVectors`.

    The server gives the nearest; they are put in order here, by the same arithmetic as everywhere. It looks at every vector, or,
    of an ``hnsw`` index, at some: with a filter, at all that the filter allows.
    """

    def __init__(self, numbers: Numbers, dims: int, kind: Kind, session: Session | None = None) -> None:
        """``session``: that of one search, which `by` gives."""
        self._numbers = numbers
        self._dims = dims
        self._kind = kind
        self._session = session

    @property
    def numbers(self) -> Numbers:
        """See `SearchedVectors`."""
        return self._numbers

    def by(self, connection: Connection) -> SearchedVectors:
        """See `SearchedVectors`."""
        return ServerVectors(self._numbers, self._dims, self._kind, cast(Session, connection))

    def best(self, question: Vectors, limit: int, allowed: Numbers | None = None) -> list[tuple[int, float]]:
        """See `VectorIndex.best`."""
        count = len(self._numbers) if allowed is None else len(allowed)
        wanted = min(limit + TIES, count)
        while wanted:
            numbers, vectors = self._nearest(question[0], wanted, allowed)
            if not len(numbers):
                break
            found = VectorIndex.make(numbers, vectors).best(question, limit)
            # What the server computes differs in the last digits: what it left out may tie with the last of these.
            least = float((vectors @ question[0]).min())
            if wanted == count or len(numbers) < wanted or least < found[-1][1] - _ROUNDING:
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
        within, values, column = "", list[Any](), "value"
        if allowed is not None:
            within, values = f"WHERE {is_allowed('passage', len(allowed))} ", [allowed.tolist()]
        elif self._kind == "hnsw":
            column = prepare_hnsw(self._open, self._dims, limit)
        rows = self._open.execute(
            f"SELECT passage, value FROM searched {within}ORDER BY {column} {self._open.nearness} ? LIMIT ?",
            (*values, np.asarray(question, np.float32), limit),
        )
        found = sorted(((number, floats(value)) for number, value in rows), key=lambda row: int(row[0]))
        numbers: Numbers = np.array([number for number, _ in found], np.int64)
        return numbers, np.array([vector for _, vector in found], np.float32).reshape(len(found), self._dims)

    @property
    def _open(self) -> Session:
        assert self._session is not None, "only those that `by` gave can be searched"
        return self._session


def prepare_hnsw(session: Session, dims: int, limit: int) -> str:
    """Set up the search for so many by the graph, within this transaction; returns what to order by.

    The scan goes on until it has enough: else pgvector leaves out rows without a word.
    """
    searched = min(max(HNSW_SEARCHED, limit), MOST_SEARCHED)
    session.execute(f"SET LOCAL hnsw.ef_search = {searched}")
    session.execute("SET LOCAL hnsw.iterative_scan = strict_order")
    return session.sized("value", dims)


def make_hnsw(session: Session, dims: int, name: str) -> float:
    """Make a graph of all vectors, inside a transaction, and return the recall of the exact top 20 over a sample.

    Raises:
        BoundError: more dimensions than pgvector's graph takes.
    """
    if dims > MOST_DIMS:
        raise BoundError(
            f"hnsw in Postgres takes at most {MOST_DIMS} dimensions (got {dims}): keep the index flat"
        )
    session.execute(
        f"CREATE INDEX {name} ON searched USING hnsw ({session.sized('value', dims)} {session.graph})"
    )
    count = int(session.execute("SELECT count(*) FROM searched").fetchone()[0])
    depth = min(RECALL_DEPTH, count)
    step = max(1, count // RECALL_SAMPLE)
    sample = session.execute(
        "SELECT value FROM (SELECT value, row_number() OVER (ORDER BY passage) AS place FROM searched) AS numbered "
        "WHERE mod(place - 1, ?) = 0 ORDER BY place LIMIT ?",
        (step, RECALL_SAMPLE),
    ).fetchall()
    hits = 0
    for (value,) in sample:
        question = floats(value)
        found = [
            {
                number
                for (number,) in session.execute(
                    f"SELECT passage FROM searched ORDER BY {column} {session.nearness} ? LIMIT ?",
                    (question, depth),
                )
            }
            for column in ("value", prepare_hnsw(session, dims, depth))
        ]
        hits += len(found[0] & found[1])
    return hits / (depth * len(sample)) if sample else 1.0


def graphs(session: Session) -> list[str]:
    """Return the names of the graphs that there are."""
    rows = session.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = ? AND indexname LIKE 'nearest%%'",
        (session.schema,),
    )
    return [str(name) for (name,) in rows.fetchall()]
