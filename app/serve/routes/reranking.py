"""Reranking as other services offer it: Cohere's two shapes, TEI's, and Jina's, which infinity shares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

from ..connection import while_connected
from ..dropin.names import model_not_found
from ..dropin.reranker import Ranking, ServedReranker
from ..guard import route_of
from ..problems import Problem
from ..service import Service
from .admission import TAKES_TURN, ReadyService
from .texts import require_count, require_length

router = APIRouter(tags=["rerank"])

CUT, CUT_INDEXES, QUESTION_CUT, MODEL = (
    "x-quincunx-cut",
    "x-quincunx-cut-indexes",
    "x-quincunx-query-cut",
    "x-quincunx-model",
)
TOLD_BY_RERANKING = (CUT, CUT_INDEXES, QUESTION_CUT, MODEL)
"""Headers that say how many documents were read in part and which, how many tokens of the query were not read, and which
model scored."""
MOST_INDEXES = 100
"""That the header names."""
QUERY = "What is the capital of France?"
DOCUMENTS = ["Paris is the capital of France.", "Berlin is a city in Germany."]

Query = Annotated[str, Field(examples=[QUERY])]
Model = Annotated[str, Field(description="See /v1/models.", examples=["rerank-v3.5"])]
TopN = Annotated[int | None, Field(ge=1, description="Results that are given; all if left out.")]
Texts = Annotated[list[str], Field(min_length=1, examples=[DOCUMENTS])]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CohereV2Body(_Strict):
    """A request as Cohere's ``ClientV2.rerank`` sends it."""

    model: Model
    query: Query
    documents: Texts
    top_n: TopN = None
    max_tokens_per_doc: Annotated[int | None, Field(ge=1)] = Field(
        default=None, description="Not applied: the model's own limit is. A warning says so."
    )
    priority: int | None = Field(
        default=None, description="Not heeded: requests take turns. A warning says so."
    )


class CohereV1Body(_Strict):
    """A request as Cohere's ``Client.rerank`` sends it, and as Jina's clients do."""

    model: Model | None = None
    query: Query
    documents: list[str | dict[str, JsonValue]] = Field(
        min_length=1,
        examples=[DOCUMENTS],
        description="Texts, or objects with a `text` or with the fields that `rank_fields` names.",
    )
    top_n: TopN = None
    rank_fields: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Fields of the documents that are read, in this order, a line each.",
    )
    return_documents: bool | None = None
    max_chunks_per_doc: Annotated[int | None, Field(ge=1)] = Field(
        default=None, description="A document is one chunk, its beginning; a warning says where that matters."
    )


class TeiBody(_Strict):
    """A request as clients of text-embeddings-inference send it."""

    query: Query
    texts: Texts
    truncate: bool | None = Field(
        default=None,
        description="False: a text that the model cannot read whole ends with 422. As in TEI, else cut.",
    )
    truncation_direction: Literal["Right", "right"] = "Right"
    raw_scores: bool = False
    return_text: bool = False


class JinaBody(_Strict):
    """A request as Jina's and infinity's clients send it."""

    model: Model | None = None
    query: Query
    documents: list[str | dict[str, JsonValue]] = Field(min_length=1, examples=[DOCUMENTS])
    top_n: TopN = None
    return_documents: bool = False
    raw_scores: bool = False


class RerankResult(BaseModel):
    """One document."""

    index: int = Field(description="Its place in the request, from 0.")
    relevance_score: float = Field(
        description="0 to 1, or the model's raw score where `raw_scores` asked for it; comparable within one query."
    )
    document: dict[str, Any] | None = Field(
        default=None, description="Where `return_documents` asked for it."
    )


class CohereMeta(BaseModel):
    """What Cohere's responses say about themselves."""

    api_version: dict[str, str]
    warnings: list[str] = []


class CohereResults(BaseModel):
    """Documents, the most relevant first."""

    id: str
    results: list[RerankResult]
    meta: CohereMeta
    model: str = Field(description="What scored.")


class JinaResults(BaseModel):
    """Documents, the most relevant first."""

    model: str
    results: list[RerankResult]


class TeiResult(BaseModel):
    """One text."""

    index: int
    score: float
    text: str | None = None


def _kind(body: Any) -> str:
    return "tei" if isinstance(body, dict) and "texts" in body else "jina"


TeiOrJina = Annotated[Annotated[TeiBody, Tag("tei")] | Annotated[JinaBody, Tag("jina")], Discriminator(_kind)]


@router.post(
    "/v2/rerank",
    summary="Rerank as Cohere does.",
    dependencies=[TAKES_TURN],
    response_model=CohereResults,
    response_model_exclude_none=True,
)
async def rerank_as_cohere_v2(body: CohereV2Body, request: Request, service: ReadyService) -> JSONResponse:
    """What was read in part is told by the header `x-quincunx-cut` and by a warning."""
    ranking, headers = await _ranked(request, service, body.model, body.query, body.documents)
    unheeded = [name for name in ("max_tokens_per_doc", "priority") if getattr(body, name) is not None]
    results = _results(ranking, body.top_n)
    return JSONResponse(_cohere(request, service, "2", results, ranking, unheeded), headers=headers)


@router.post(
    "/v1/rerank",
    summary="Rerank as Cohere's first version and Jina do.",
    dependencies=[TAKES_TURN],
    response_model=CohereResults,
    response_model_exclude_none=True,
)
async def rerank_as_cohere_v1(body: CohereV1Body, request: Request, service: ReadyService) -> JSONResponse:
    """What was read in part is told by the header `x-quincunx-cut` and by a warning."""
    texts = _texts(body.documents, body.rank_fields)
    ranking, headers = await _ranked(request, service, body.model, body.query, texts)
    chunked = ranking.cut and body.max_chunks_per_doc not in (None, 1)
    results = _results(ranking, body.top_n, body.documents if body.return_documents else None)
    unheeded = ["max_chunks_per_doc"] if chunked else []
    return JSONResponse(_cohere(request, service, "1", results, ranking, unheeded), headers=headers)


@router.post(
    "/rerank",
    summary="Rerank as text-embeddings-inference does, or as Jina and infinity do.",
    dependencies=[TAKES_TURN],
    response_model=list[TeiResult] | JinaResults,
    response_model_exclude_none=True,
)
async def rerank_as_tei_or_jina(body: TeiOrJina, request: Request, service: ReadyService) -> JSONResponse:
    """With `texts` the response is a bare list, as TEI's clients read it; with `documents` it is an object with results.

    What was read in part is told by the header `x-quincunx-cut`.
    """
    if isinstance(body, TeiBody):
        ranking, headers = await _ranked(
            request, service, None, body.query, body.texts, may_cut=body.truncate is not False
        )
        scores = ranking.raw if body.raw_scores else ranking.relevance
        entries = [
            {"index": i, "score": float(scores[i]), **({"text": body.texts[i]} if body.return_text else {})}
            for i in ranking.order
        ]
        return JSONResponse(entries, headers=headers)
    texts = _texts(body.documents, None)
    ranking, headers = await _ranked(request, service, body.model, body.query, texts)
    results = _results(
        ranking, body.top_n, body.documents if body.return_documents else None, raw=body.raw_scores
    )
    return JSONResponse({"model": _served(service).names.name, "results": results}, headers=headers)


def _served(service: Service) -> ServedReranker:
    if service.reranker is None:
        raise model_not_found(f"of profile {service.settings.profile}", "reranker", ())
    return service.reranker


async def _ranked(
    request: Request,
    service: Service,
    model: str | None,
    query: str,
    texts: Sequence[str],
    *,
    may_cut: bool = True,
) -> tuple[Ranking, dict[str, str]]:
    """Check a request and score its texts; return how, and the headers that tell of it."""
    reranker, limits = _served(service), service.settings.limits
    reranker.names.require(model)
    require_count(limits.texts, "documents", len(texts))
    require_length(limits, query=query, **{f"documents.{i}": text for i, text in enumerate(texts)})
    ranking = await while_connected(request, reranker.rank(query, texts, may_cut=may_cut), limits.seconds)
    headers = {MODEL: _one_line(reranker.names.name)}
    if ranking.cut is None:
        headers[CUT] = "unknown"
    elif ranking.cut:
        service.metrics.cut(route_of(request.scope), len(ranking.cut))
        shown = ",".join(map(str, ranking.cut[:MOST_INDEXES]))
        more = ",..." if len(ranking.cut) > MOST_INDEXES else ""
        headers |= {CUT: str(len(ranking.cut)), CUT_INDEXES: shown + more}
    if ranking.question_cut:
        headers[QUESTION_CUT] = str(ranking.question_cut)
    return ranking, headers


def _results(
    ranking: Ranking, top_n: int | None, documents: Sequence[Any] | None = None, *, raw: bool = False
) -> list[dict[str, Any]]:
    """Return the best results first, with their documents where they are given."""
    scores = ranking.raw if raw else ranking.relevance
    results: list[dict[str, Any]] = []
    for place in ranking.order[:top_n]:
        result: dict[str, Any] = {"index": place, "relevance_score": float(scores[place])}
        if documents is not None:
            document = documents[place]
            result["document"] = {"text": document} if isinstance(document, str) else document
        results.append(result)
    return results


def _cohere(
    request: Request,
    service: Service,
    version: str,
    results: list[dict[str, Any]],
    ranking: Ranking,
    unheeded: Sequence[str],
) -> dict[str, Any]:
    name = _served(service).names.name
    warnings = [_UNHEEDED[field].format(name) for field in unheeded]
    if ranking.cut:
        warnings.append(f"{len(ranking.cut)} documents are longer than {name} reads, and were read in part")
    if ranking.question_cut:
        warnings.append(f"the last {ranking.question_cut} tokens of the query were not read")
    return {
        "id": request.scope["quincunx.request_id"],
        "results": results,
        "meta": {"api_version": {"version": version}, **({"warnings": warnings} if warnings else {})},
        "model": name,
    }


_UNHEEDED = {
    "max_tokens_per_doc": "max_tokens_per_doc was not applied: {} reads as much of a document as it can",
    "max_chunks_per_doc": "max_chunks_per_doc was not applied: {} reads one chunk of a document, its beginning",
    "priority": "priority was not heeded: requests to {} take turns in the order in which they come",
}


def _texts(documents: Sequence[str | dict[str, JsonValue]], fields: Sequence[str] | None) -> list[str]:
    """Return what is read of each document; raises a `Problem` for one that lacks it."""
    if fields is not None and all(isinstance(document, str) for document in documents):
        raise Problem(
            400, "bad_document", "rank_fields name fields of documents, and these are texts: send objects"
        )
    return [
        document if isinstance(document, str) else _text(place, document, fields)
        for place, document in enumerate(documents)
    ]


def _text(place: int, document: dict[str, JsonValue], fields: Sequence[str] | None) -> str:
    wanted = ["text"] if fields is None else fields
    missing = [name for name in wanted if name not in document]
    if missing or (fields is None and not isinstance(document["text"], str)):
        field = missing[0] if missing else "text"
        raise Problem(
            400,
            "bad_document",
            f"documents.{place} has no {field[:100]!r} that is a text: send it, or name the fields to read by rank_fields",
        )
    values = [document[name] for name in wanted]
    return "\n".join(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values
    )


def _one_line(name: str) -> str:
    """Return a name as a header can hold it."""
    return name.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
