"""A cache of searches, for the hundreds of times that an optimizer asks the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from ...retrieval.handle import SearchHandle
from ...retrieval.processes import Lock, after_fork_in_child
from ...retrieval.search import SearchResult
from ...retrieval.settings import SearchSettings


class CachingHandle(SearchHandle):
    """Searches as another handle does, each query once in each generation of the index; shared by all copies."""

    def __init__(self, handle: SearchHandle) -> None:
        super().__init__(handle.named, handle.models)
        self.inner = handle
        self._found: dict[str, Future[SearchResult]] = {}
        self._guard = Lock()
        after_fork_in_child(self._drop_unfinished)
        self.requested = 0
        """Searches that were asked for."""

    def _drop_unfinished(self) -> None:
        self._found = {key: future for key, future in self._found.items() if future.done()}

    @property
    def made(self) -> int:
        """Searches that were made; the others were answered from the cache."""
        return len(self._found)

    def search(
        self, question: str, settings: SearchSettings | None = None, queries: Sequence[str] = ()
    ) -> SearchResult:
        """Search, or return what the same search found; two that come at once share one."""
        settings = settings or SearchSettings()
        generations = self.inner.searcher.generations()
        key = repr((question, tuple(queries), settings.as_dict(), generations))
        with self._guard:
            self.requested += 1
            future = self._found.get(key)
            mine = future is None
            if future is None:
                future = self._found[key] = Future()
        if mine:
            try:
                future.set_result(self.inner.search(question, settings, queries))
            except BaseException as error:
                with self._guard:
                    del self._found[key]
                future.set_exception(error)
                raise
        return future.result()
