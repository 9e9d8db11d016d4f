"""How a search goes: how many candidates and passages, which passages, and the weight of each stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, overload

from .arguments import require_type
from .errors import BoundError
from .filter_text import parse_filter
from .filters import Filter

Fusion = Literal["scores", "rrf"]
FinalOrder = Literal["combined", "reranked"]

RRF_CONSTANT = 10
"""Added to each rank before it is inverted. The paper's 60 was set for many long rankings; of two rankings it puts
what both found far down above what one found first. 10 was the best of 10, 30 and 60 for recall@20 on five sets."""

MOST_CANDIDATES = 10_000
"""Each candidate is read by the reranker."""

MOST_NEIGHBOURS = 10

_AT_LEAST_0 = ("name_weight", "proximity_weight")
_OVER_0 = ("rrf_constant", "rerank_weight")


class FilterSetting:
    """A setting that takes a filter or the text of one, and is a filter."""

    @overload
    def __get__(self, settings: None, owner: type) -> None: ...

    @overload
    def __get__(self, settings: object, owner: type) -> Filter | None: ...

    def __get__(self, settings: object | None, owner: type) -> Filter | None:
        return None if settings is None else vars(settings)["where"]

    def __set__(self, settings: object, where: Filter | str | None) -> None:
        if isinstance(where, str):
            where = parse_filter(where)
        if where is not None and not isinstance(where, Filter):
            raise BoundError(
                f"where must be a filter or the text of one, such as 'site=a' (got {where!r:.80})"
            )
        vars(settings)["where"] = where


@dataclass(frozen=True)
class SearchSettings:
    """What a search may be told beside its question. A setting that is left out keeps its default.

    Raises:
        BoundError: a setting is out of its range; the message names the value and the range.
        FilterError: the text of a filter cannot be read.

    Example:
        >>> import quincunx
        >>> from quincunx import field
        >>> settings = quincunx.SearchSettings(k=30, n=3, where=field("kind") == "catalyst")
        >>> found = quincunx.Retriever("paiddaily", settings=settings)(question="token unlock after a rally")
        >>> {passage.metadata["kind"] for passage in found.passages}
        {'catalyst'}
        >>> quincunx.SearchSettings(k=3, n=5)
        Traceback (most recent call last):
        ...
        quincunx.retrieval.errors.BoundError: k must be at least n (got k=3 < n=5): n passages are kept of k candidates
    """

    k: int = 20
    """Candidates that reach the reranker."""
    n: int = 5
    """Passages that are kept, 1 ≤ n ≤ k."""
    where: FilterSetting = FilterSetting()
    """Only passages whose metadata this filter accepts are searched: a `Filter`, or its text as `parse_filter` reads it."""
    dense_weight: float = 1.0
    """Weight of the dense stage in the fusion; at 0 that stage is not run."""
    lexical_weight: float = 1.5
    """Weight of the lexical stage in the fusion; at 0 that stage is not run."""
    proximity_weight: float = 3.0
    """Weight in the fusion of how near to each other the question's neighbouring words stand in a passage, at least 0. It is
    part of the lexical stage, and of no account without it or with ``rrf``."""
    fusion: Fusion = "scores"
    """``scores``: the weighted sum of each stage's score, brought to 0 to 1 as `fusion` says. ``rrf``: reciprocal
    ranks, which look at places only."""
    rrf_constant: float = RRF_CONSTANT
    """Added to each rank by ``rrf``, over 0: the smaller, the more the first places of either order count."""
    depth: int = 50
    """How far down the dense and the lexical order the fusion looks; at least k are looked at."""
    collapse: float | None = None
    """Cosine from which on two passages count as near-duplicates: the one fused lower gives way. 0 < collapse ≤ 1."""
    rerank: bool = True
    """Without it, the fused order is the final one."""
    final: FinalOrder = "combined"
    """``reranked``: the reranker's order alone. ``combined``: the sum of the fused and the rerank score, each
    z-normalised over the candidates, so that the first stage's evidence is not thrown away."""
    rerank_weight: float = 2.0
    """Weight of the rerank score in the combined order, over 0; that of the fused score is 1."""

    name_weight: float = 0.5
    """How much more a document counts in the fusion that the question names (see `NAME_FIELDS`), and how much less one that
    is not to be confused with it: in standard deviations of the scores, at least 0."""
    neighbours: int = 0
    """How many passages before and after each that is kept a program reads with it, of the same document, 0 to 10."""

    def __post_init__(self) -> None:
        require_bounds(self.k, self.n)
        require_type("rerank", self.rerank, bool, "True or False")
        for name in (*_AT_LEAST_0, *_OVER_0, "dense_weight", "lexical_weight"):
            require_type(name, getattr(self, name), (int, float), "a number")
        require_type("collapse", self.collapse, (int, float, NoneType), "a number, or None")
        if not (isinstance(self.depth, int) and 1 <= self.depth <= MOST_CANDIDATES):
            raise BoundError(f"depth must be a whole number from 1 to {MOST_CANDIDATES} (got {self.depth!r})")
        for name in _AT_LEAST_0:
            if not 0 <= getattr(self, name) < math.inf:
                raise BoundError(f"{name} must be a number of at least 0 (got {getattr(self, name)})")
        if not (type(self.neighbours) is int and 0 <= self.neighbours <= MOST_NEIGHBOURS):
            raise BoundError(
                f"neighbours must be a whole number from 0 to {MOST_NEIGHBOURS} (got {self.neighbours!r})"
            )
        for name, among in (("final", FinalOrder), ("fusion", Fusion)):
            if getattr(self, name) not in get_args(among):
                wanted = ", ".join(get_args(among))
                raise BoundError(f"{name} must be one of {wanted} (got {getattr(self, name)!r})")
        weights = (self.dense_weight, self.lexical_weight)
        if min(weights) < 0 or max(weights) == 0 or not all(map(math.isfinite, weights)):
            raise BoundError(f"dense and lexical weights must be at least 0 and not both 0 (got {weights})")
        for name in _OVER_0:
            if not 0 < getattr(self, name) < math.inf:
                raise BoundError(f"{name} must be a number over 0 (got {getattr(self, name)})")
        if self.collapse is not None and not 0 < self.collapse <= 1:
            raise BoundError(f"collapse is a cosine over 0 and at most 1 (got {self.collapse})")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values, the filter as the text that `parse_filter` reads."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "where": None if self.where is None else str(self.where)}


def require_settings(settings: SearchSettings | None) -> SearchSettings:
    """Return the settings, or the defaults for ``None``; raises `UsageError` for anything else."""
    if settings is None:
        return SearchSettings()
    require_type("settings", settings, SearchSettings, "a SearchSettings, such as SearchSettings(k=30, n=5)")
    return settings


def require_bounds(k: int, n: int) -> None:
    """Check the two numbers of the funnel: 1 ≤ n ≤ k (n passages are kept of k candidates)."""
    if not (isinstance(k, int) and isinstance(n, int)):
        raise BoundError(f"k and n must be whole numbers (got k={k!r}, n={n!r})")
    if n < 1:
        raise BoundError(f"n must be at least 1 (got {n}): n is how many passages are kept")
    if k > MOST_CANDIDATES:
        raise BoundError(
            f"k must be at most {MOST_CANDIDATES} (got {k}): each candidate is read by the reranker"
        )
    if k < n:
        raise BoundError(f"k must be at least n (got k={k} < n={n}): n passages are kept of k candidates")
