"""A small stand-in for a loaded index and its models, which copies never copy.

Optimisers deep-copy programs dozens of times, and FAISS, NumPy and torch objects would go along. A handle
is shared by all copies of the program that holds it; pickled, it is nothing but names.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BoundError, UnknownIndexError
from .models.profiles import DEFAULT_PROFILE, profile, shared_embedder, shared_reranker
from .storage.home import DATABASE, home, index_names, require_index

if TYPE_CHECKING:
    from .search import Searcher, SearchResult
    from .settings import SearchSettings


class SearchHandle:
    """Names one index or several, and a profile; loads them at the first search.

    An index is named as the home folder knows it, or by the `Path` of its folder.
    """

    def __init__(self, index: str | Path | Sequence[str | Path], profile_name: str = DEFAULT_PROFILE) -> None:
        indexes = [index] if isinstance(index, str | Path) else list(index)
        for name in indexes:
            _folder(name)
        if not indexes or len(set(indexes)) < len(indexes):
            raise BoundError(f"name each index to search once (got {', '.join(map(str, indexes)) or 'none'})")
        profile(profile_name)
        self.__setstate__({"indexes": indexes, "profile": profile_name})

    def __getstate__(self) -> dict[str, Any]:
        return {"indexes": list(self._named), "profile": self.profile}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._named: tuple[str | Path, ...] = tuple(state["indexes"])
        self.profile: str = state["profile"]
        self._lock = threading.Lock()
        self._searcher: Searcher | None = None

    def __copy__(self) -> SearchHandle:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchHandle:
        return self

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes."""
        return tuple(named.name if isinstance(named, Path) else named for named in self._named)

    @property
    def folders(self) -> list[Path]:
        """The folders of the indexes; raises `UnknownIndexError` for one that is no longer there."""
        return [_folder(named) for named in self._named]

    @property
    def index(self) -> str:
        """The name of the index, or the names joined by ``+``."""
        return "+".join(self.indexes)

    @property
    def reranker(self) -> str | None:
        """Name of the reranker, once it is loaded; nothing is loaded for the name alone."""
        return None if self._searcher is None else self._searcher.reranker

    @property
    def searcher(self) -> Searcher:
        """The loaded index; the first use loads it."""
        with self._lock:
            if self._searcher is None:
                from .search import Searcher

                self._searcher = Searcher(
                    self.folders, shared_embedder(self.profile), shared_reranker(self.profile)
                )
            return self._searcher

    def search(self, question: str, settings: SearchSettings, queries: Sequence[str] = ()) -> SearchResult:
        """Search the index; see `Searcher.search`."""
        return self.searcher.search(question, settings, queries)


def _folder(index: str | Path) -> Path:
    if isinstance(index, str):
        return require_index(index)
    if not (index / DATABASE).is_file():
        raise UnknownIndexError(str(index), index_names(), home())
    return index
