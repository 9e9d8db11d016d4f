"""Quincunx as a LlamaIndex retriever, and its rerankers as a LlamaIndex postprocessor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import Field, SkipValidation

from ..errors import BoundError, MissingExtraError
from ..fusion import ranks
from ..handle import SearchHandle
from ..models.profiles import DEFAULT_PROFILE, Profile, find_profile, shared_reranker
from ..models.rerankers import Reranker, require_scores
from ..passages import FOR_SEARCHES, Candidate, Passage
from ..search import SearchResult
from ..settings import SearchSettings
from ..text.questions import require_question
from .candidates import KEY, POSITION, handle, metadata, score

try:
    from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import (
        BaseNode,
        MetadataMode,
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise MissingExtraError("llama-index-core", "llama-index") from error


class PassageNode(TextNode):
    """A found passage. Stored and read back, it is a plain `TextNode`."""

    @property
    def hash(self) -> str:
        """Of the passage alone: LlamaIndex takes nodes of one hash for one, whatever found them."""
        lasting = {name: value for name, value in self.metadata.items() if name != KEY}
        return TextNode(text=self.text, metadata=lasting).hash


class QuincunxRetriever(BaseRetriever):
    """Finds the n passages of one index, or of several, that bear on a question, best first.

    A node's id is the passage's. Its score is 1 / final rank (1, ½, ⅓, …): it falls strictly, and is not
    comparable between questions. Its metadata holds title, document_id, start, end (characters), the passage's
    own metadata, and each stage's rank and score (see `Candidate`) under ``quincunx``, which neither an
    embedder nor a language model gets to read. Retrieving raises what `Searcher.search` raises.
    """

    def __init__(
        self,
        index: str | Sequence[str] | SearchHandle,
        *,
        profile: str | Profile = DEFAULT_PROFILE,
        settings: SearchSettings | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager)
        self.handle = handle(index, profile)
        self.settings = settings or SearchSettings()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(self.handle.search(query_bundle.query_str, self.settings))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await asyncio.to_thread(self.handle.search, query_bundle.query_str, self.settings))


class QuincunxReranker(BaseNodePostprocessor):
    """Puts nodes of any retriever into a reranker's order and keeps the best ``top_n``, ties by id.

    Scores become the reranker's own raw ones: logits, or sums of cosines, comparable within one question only.
    The score and rank (from 1) that a node came with are appended to ``quincunx.reranked`` in its metadata, on
    a copy: retrievers hand out nodes that they keep. Passages of quincunx are read as its own search reads
    them, and all other nodes by their embed text, as LlamaIndex's own rerankers read them.

    Raises:
        BoundError: ``top_n`` is no whole number over 0, or the profile has no reranker and none was passed.
        UnknownProfileError: no such profile.
        EmptyQuestionError: nodes without a query to rank them by.
        ModelOutputError: the reranker did not return one finite score for each node.
    """

    top_n: int
    profile: str
    """Whose reranker is used, loaded at the first use, where none is passed."""
    reranker: SkipValidation[Reranker | None] = Field(default=None, exclude=True)

    def __init__(
        self,
        reranker: Reranker | None = None,
        *,
        profile: str = DEFAULT_PROFILE,
        top_n: int = SearchSettings.n,
        **base: Any,
    ) -> None:
        if not (isinstance(top_n, int) and top_n >= 1):
            raise BoundError(f"top_n must be a whole number of at least 1 (got {top_n!r})")
        find_profile(profile)
        base |= {"reranker": reranker, "profile": profile, "top_n": top_n}
        super().__init__(**base)

    @classmethod
    def class_name(cls) -> str:
        return "QuincunxReranker"

    # The asynchronous twin is LlamaIndex's: this one, in a thread.
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = require_question(None if query_bundle is None else query_bundle.query_str)
        if not nodes:
            return []
        reranker = self.reranker or shared_reranker(self.profile)
        if reranker is None:
            raise BoundError(f"profile {self.profile!r} has no reranker: pass one to QuincunxReranker")
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: reranker.name,
            EventPayload.QUERY_STR: question,
            EventPayload.TOP_K: self.top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            scores = reranker.score(question, [_reading(item.node) for item in nodes])  # (nodes,)
            places = ranks(
                require_scores(scores, len(nodes), reranker.name), [item.node.node_id for item in nodes]
            )
            order = sorted(range(len(nodes)), key=places.__getitem__)
            kept = [_reranked(nodes[i], i + 1, float(scores[i]), reranker.name) for i in order[: self.top_n]]
            event.on_end(payload={EventPayload.NODES: kept})
        return kept


def _nodes(found: SearchResult) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=_node(candidate), score=score(candidate))
        for candidate in found.candidates[: found.n]
    ]


def _node(candidate: Candidate) -> PassageNode:
    passage, described = candidate.passage, metadata(candidate)
    unread = [KEY, *POSITION, *FOR_SEARCHES, *(() if passage.title else ("title",))]
    return PassageNode(
        id_=passage.id,
        text=passage.text,
        extra_info=described,  # the name that the field `metadata` takes its value by
        excluded_llm_metadata_keys=unread,
        # Quincunx embedded the title and the text.
        excluded_embed_metadata_keys=[name for name in described if name != "title" or not passage.title],
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.document_id)},
    )


def _own(node: BaseNode) -> dict[str, Any]:
    """Return what quincunx wrote of a node; nothing where somebody else has used that name."""
    own = node.metadata.get(KEY)
    return own if isinstance(own, dict) else {}


def _reading(node: BaseNode) -> str:
    """Return what a reranker reads of a node."""
    if "final_rank" not in _own(node):
        return node.get_content(metadata_mode=MetadataMode.EMBED)
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    return Passage(node.node_id, "", str(node.metadata.get("title", "")), text, 0, len(text)).reading


def _reranked(item: NodeWithScore, rank: int, score: float, name: str) -> NodeWithScore:
    """Return a copy of the node that was at ``rank``, with its new score and a note of the old one."""
    mine = _own(item.node)
    step = {"by": name, "rank_before": rank, "score_before": item.score}
    node = item.node.model_copy(
        update={
            "metadata": {
                **item.node.metadata,
                KEY: {**mine, "reranked": [*mine.get("reranked", []), step]},
            },
            "excluded_llm_metadata_keys": [*dict.fromkeys([*item.node.excluded_llm_metadata_keys, KEY])],
            "excluded_embed_metadata_keys": [*dict.fromkeys([*item.node.excluded_embed_metadata_keys, KEY])],
        }
    )
    return NodeWithScore(node=node, score=score)
