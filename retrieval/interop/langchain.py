"""Quincunx as a LangChain retriever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import InstanceOf

from ..errors import MissingExtraError
from ..handle import SearchHandle
from ..models.profiles import DEFAULT_PROFILE, Profile
from ..settings import SearchSettings
from .candidates import handle, metadata

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise MissingExtraError("langchain-core", "langchain") from error


class QuincunxRetriever(BaseRetriever):
    """Finds the n passages of one index, or of several, that bear on a question, best first.

    A document's id is the passage's. LangChain has no place for scores: they lie in the metadata, beside
    title, document_id, start, end (characters) and the passage's own metadata, under ``quincunx``: each
    stage's rank and score (see `Candidate`), and ``score``, 1 / final rank (1, ½, ⅓, …), which falls strictly
    and is not comparable between questions. Invoking raises what `Searcher.search` raises.
    """

    index: InstanceOf[SearchHandle]
    """A handle, whatever it was made of: a retriever that LangChain configures anew loads nothing."""
    settings: InstanceOf[SearchSettings]

    def __init__(
        self,
        index: str | Sequence[str] | SearchHandle,
        *,
        profile: str | Profile = DEFAULT_PROFILE,
        settings: SearchSettings | None = None,
        **base: Any,
    ) -> None:
        """Take LangChain's own ``name``, ``tags`` and ``metadata`` of a retriever too."""
        base |= {"index": handle(index, profile), "settings": settings or SearchSettings()}
        super().__init__(**base)

    # The asynchronous twin is LangChain's: this one, in a thread.
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        found = self.index.search(query, self.settings)
        return [
            Document(
                id=candidate.passage.id, page_content=candidate.passage.text, metadata=metadata(candidate)
            )
            for candidate in found.candidates[: found.n]
        ]
