"""A search as spans: a RETRIEVER, and in it the stages; made once it is over, from the times that it noted.

Nothing that a stage does makes spans of its own that would have to lie inside: an embedder or reranker asked over the
network is the one that could, and its client's spans lie beside. For that, stages need not know of spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.trace import set_span_in_context

from ...retrieval.handle import SearchHandle
from ...retrieval.passages import Candidate, Passage
from ...retrieval.search import SearchResult
from .writer import TEXT_TYPE, Attributes, Kind, SpanClock, begin_span, json_text, set_attributes, write_span

MOST_DOCUMENTS = 20
"""Documents of a list that are told apart: a span of an SDK holds 128 attributes unless it is told otherwise."""
MOST_RANKED = 200
"""Candidates whose ranks are told."""
_KINDS: dict[str, Kind] = {"embed": "EMBEDDING", "rerank": "RERANKER"}
"""Of a search's stages; the others are parts of its chain."""


def write_search(handle: SearchHandle, found: SearchResult, *, texts: bool = False) -> None:
    """Write the spans of a search that has just ended, below the current span."""
    clock = SpanClock()
    begun = min(found.begun.values())
    ended = max(begun + found.seconds[stage] for stage, begun in found.begun.items())
    write_retrieval(handle, found, get_current(), clock, (begun, ended), texts=texts)


def write_retrieval(
    handle: SearchHandle,
    found: SearchResult,
    parent: Context,
    clock: SpanClock,
    times: tuple[float, float],
    *,
    texts: bool,
) -> None:
    """Write the spans of a search; ``times`` are its begin and end on the clock of `time.perf_counter`."""
    begun_ns, ended_ns = clock.span(times)
    span = begin_span(f"search {handle.index}", "RETRIEVER", begun_ns, parent)
    if not span.is_recording():
        return
    set_attributes(span, _of_search(handle, found, texts=texts))
    inside = set_span_in_context(span, parent)
    reranked = any(candidate.rerank_rank is not None for candidate in found.candidates)
    for stage, begun in found.begun.items():
        if stage == "rerank" and not reranked:
            continue
        about = _of_stage(stage, handle, found, texts=texts)
        stage_times = clock.span((begun, begun + found.seconds[stage]))
        write_span(stage, _KINDS.get(stage, "CHAIN"), inside, stage_times, about)
    span.end(ended_ns)


def _of_search(handle: SearchHandle, found: SearchResult, *, texts: bool) -> Attributes:
    kept = found.candidates[: found.n]
    return {
        "quincunx.index": handle.index,
        "quincunx.generations": dict(found.generations),
        "quincunx.kept": found.n,
        "quincunx.candidates": [candidate.ranks() for candidate in found.candidates[:MOST_RANKED]],
        "quincunx.scores_remembered": found.remembered,
        **_documents("retrieval.documents", kept, texts=texts, passages=found.passages),
        **(_input(found) if texts else {}),
    }


def _of_stage(stage: str, handle: SearchHandle, found: SearchResult, *, texts: bool) -> Attributes:
    if stage == "embed":
        asked = [found.question, *found.queries]
        written = {f"embedding.embeddings.{i}.embedding.text": text for i, text in enumerate(asked)}
        return {
            "embedding.model_name": handle.embedder.identity.model,
            **(written | _input(found) if texts else {}),
        }
    if stage == "rerank":
        read = sorted(found.candidates, key=lambda candidate: candidate.fused_rank)
        return {
            "reranker.model_name": handle.reranker,
            "reranker.top_k": found.n,
            "reranker.query": found.question if texts else None,
            **_documents("reranker.input_documents", read, texts=texts, fused=True),
            **_documents("reranker.output_documents", found.candidates, texts=False),
        }
    return {}


def _documents(
    name: str,
    candidates: Sequence[Candidate],
    *,
    texts: bool,
    fused: bool = False,
    passages: Sequence[Passage] = (),
) -> dict[str, Any]:
    """Return the attributes of a list of documents, with what they say only where ``texts`` is set.

    Args:
        fused: tell the scores of the fusion instead of the reranker's.
        passages: as programs get them, with their neighbours; left out, as they are in the index, and without metadata.
    """
    told: dict[str, Any] = {}
    for place, candidate in enumerate(candidates[:MOST_DOCUMENTS]):
        document = f"{name}.{place}.document"
        by_fusion = fused or candidate.rerank_score is None
        told[f"{document}.id"] = candidate.passage.id
        told[f"{document}.score"] = candidate.fused_score if by_fusion else candidate.rerank_score
        if passages:
            own = {"title": candidate.passage.title, **candidate.passage.metadata} if texts else {}
            told[f"{document}.metadata"] = json_text({**candidate.ranks(), **own})
        if texts:
            passage = passages[place] if passages else candidate.passage
            told[f"{document}.content"] = passage.reading
    return told


def _input(found: SearchResult) -> dict[str, Any]:
    return {"input.value": found.question, "input.mime_type": TEXT_TYPE}
