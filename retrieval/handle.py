"""A lazy shared reference to indexes and models: they are loaded at the first search; deepcopy returns self.

Optimisers deep-copy programs dozens of times, and FAISS, NumPy and torch objects would be copied with them. All copies
of a program share its handle; pickled, a handle is nothing but names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import require_type
from .errors import BoundError, UnknownIndexError, UnknownProfileError
from .models.profiles import DEFAULT_PROFILE, Profile, find_profile, shared_embedder, shared_reranker
from .processes import Lock
from .storage.home import home, index_names, is_index, require_index

if TYPE_CHECKING:
    from .models.embedders import Embedder
    from .models.rerankers import Reranker
    from .search import Searcher, SearchResult
    from .settings import SearchSettings


class SearchHandle:
    """Names one index or several, and a profile; loads them at the first search.

    An index is named as the home folder knows it, or by the `Path` of its folder.
    """

    def __init__(
        self, index: str | Path | Sequence[str | Path], profile: str | Profile = DEFAULT_PROFILE
    ) -> None:
        wanted = "the name of an index, the Path of its folder, or a list of these"
        require_type("index", index, (str, Path, Sequence), wanted)
        indexes = [index] if isinstance(index, str | Path) else list(index)
        for name in indexes:
            require_type("index", name, (str, Path), wanted)
            _folder(name)
        if not indexes or len(set(indexes)) < len(indexes):
            raise BoundError(f"name each index to search once (got {', '.join(map(str, indexes)) or 'none'})")
        self._set(indexes, find_profile(profile))

    def _set(self, indexes: Iterable[str | Path], models: Profile) -> None:
        self.named: tuple[str | Path, ...] = tuple(indexes)
        """The indexes as they were named: a name, or the path of a folder."""
        self.models = models
        """The profile whose models search."""
        self._lock = Lock()
        self._searcher: Searcher | None = None

    def __getstate__(self) -> dict[str, Any]:
        try:
            known = find_profile(self.profile)
        except UnknownProfileError:
            known = None
        if known != self.models:
            raise BoundError(
                f"a handle pickles the name of its profile alone, and {self.profile!r} is not the name of this one: "
                "make it known with add_profile under a name of its own, in the process that reads the pickle too"
            )
        return {"indexes": list(self.named), "profile": self.profile}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(state["indexes"], find_profile(state["profile"]))

    def __copy__(self) -> SearchHandle:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchHandle:
        return self

    @property
    def profile(self) -> str:
        """The name of the profile."""
        return self.models.name

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes."""
        return tuple(named.name if isinstance(named, Path) else named for named in self.named)

    @property
    def folders(self) -> list[Path]:
        """The folders of the indexes; raises `UnknownIndexError` for one that is no longer there."""
        return [_folder(named) for named in self.named]

    @property
    def index(self) -> str:
        """The name of the index, or the names joined by ``+``."""
        return "+".join(self.indexes)

    @property
    def reranker(self) -> str | None:
        """Name of the reranker, once it is loaded; nothing is loaded for the name alone."""
        return None if self._searcher is None else self._searcher.reranker

    @property
    def embedder(self) -> Embedder:
        """The model of the index's vectors, for other uses; the first use loads it."""
        return shared_embedder(self.models)

    @property
    def second_stage(self) -> Reranker | None:
        """The model that reranks, for other uses; the first use loads it."""
        return shared_reranker(self.models)

    @property
    def searcher(self) -> Searcher:
        """The loaded index; the first use loads it."""
        with self._lock:
            if self._searcher is None:
                from .search import Searcher

                self._searcher = Searcher(
                    self.folders, shared_embedder(self.models), shared_reranker(self.models)
                )
            return self._searcher

    def search(
        self, question: str, settings: SearchSettings | None = None, queries: Sequence[str] = ()
    ) -> SearchResult:
        """Search the index, with the default settings where none are given; see `Searcher.search`."""
        return self.searcher.search(question, settings, queries)


def open_index(
    name: str | Path | Sequence[str | Path], *, profile: str | Profile = DEFAULT_PROFILE
) -> SearchHandle:
    """Return a handle on an index, or on several searched as one; the models are loaded at the first search.

    Args:
        name: as the home folder knows the index, or the `Path` of its folder; several for a search over all of them.
        profile: the name of the profile that built it, or the profile itself.

    Raises:
        UnknownIndexError, UnknownProfileError, BadNameError: a name that is not known, or can be none.

    Example:
        >>> from quincunx import open_index
        >>> index = open_index("builddaily")
        >>> found = index.search("What is Sage Daily?")
        >>> len(found.passages), len(found.candidates)
        (5, 20)
        >>> found.passages[0].id
        'bd-sage-daily'
    """
    return SearchHandle(name, profile)


def _folder(index: str | Path) -> Path:
    if isinstance(index, str):
        return require_index(index)
    if not is_index(index):
        raise UnknownIndexError(str(index), index_names(), home())
    return index
