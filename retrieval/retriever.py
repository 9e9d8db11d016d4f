"""Retrieval as a DSPy module."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dspy

from .handle import SearchHandle
from .models.profiles import DEFAULT_PROFILE, Profile
from .search import SearchResult
from .settings import SearchSettings, require_settings


class Retriever(dspy.Module):
    """Finds the passages of one index, or of several, that bear on a question.

    ``retriever(question="…")`` returns a `dspy.Prediction` with ``passages`` (list of `Passage`, at most n, best
    first), ``candidates`` (list of `Candidate`, at most k, in the same order) and ``search`` (the whole
    `SearchResult`). Copies of a retriever share one loaded index and one set of models.

    Args:
        index: the name of an index in the home folder, several names to search them as one, or a `SearchHandle`.
        profile: the name of the profile that built the index, or the profile itself; a handle keeps its own.
        settings: how many candidates and passages, which passages, which weights; see `SearchSettings`.

    Raises:
        UsageError: an argument of a wrong type.
        UnknownIndexError, UnknownProfileError, BadNameError: a name that is not known, or can be none.
        EmptyQuestionError, BoundError, IdentityMismatchError: when called, as `Searcher.search` says.

    Example:
        >>> import quincunx
        >>> retriever = quincunx.Retriever("builddaily", settings=quincunx.SearchSettings(n=2))
        >>> found = retriever(question="What is Sage Daily?")
        >>> [passage.id for passage in found.passages]
        ['bd-sage-daily', 'bd-sage-daily-newsletter']
        >>> len(found.candidates)
        20
    """

    def __init__(
        self,
        index: str | Sequence[str] | SearchHandle,
        *,
        profile: str | Profile = DEFAULT_PROFILE,
        settings: SearchSettings | None = None,
    ) -> None:
        super().__init__()
        self.handle = index if isinstance(index, SearchHandle) else SearchHandle(index, profile)
        self.settings = settings

    @property
    def settings(self) -> SearchSettings:
        """How it searches; ``None`` sets the defaults."""
        return self._settings

    @settings.setter
    def settings(self, settings: SearchSettings | None) -> None:
        self._settings = require_settings(settings)

    def forward(self, question: str, queries: Sequence[str] = ()) -> dspy.Prediction:
        """Retrieve, for further ``queries`` too; raises what `Searcher.search` raises."""
        return self._prediction(self.handle.search(question, self.settings, queries))

    async def aforward(self, question: str, queries: Sequence[str] = ()) -> dspy.Prediction:
        """Retrieve without holding up the event loop."""
        return self._prediction(await asyncio.to_thread(self.handle.search, question, self.settings, queries))

    @staticmethod
    def _prediction(search: SearchResult) -> dspy.Prediction:
        return dspy.Prediction(
            passages=list(search.passages), candidates=list(search.candidates), search=search
        )
