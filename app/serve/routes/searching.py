"""Searches: the passages that a program would get."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ....retrieval.filter_text import parse_filter
from ....retrieval.settings import SearchSettings
from ...as_json import search_as_json
from ..connection import LargeJSON, while_connected
from .admission import TAKES_TURN, ReadyService
from .answers import CandidateBody, PassageBody
from .texts import require_length

router = APIRouter(prefix="/v1", tags=["search"])


class SearchSettingsBody(BaseModel):
    """Settings of a search; what is left out keeps its default, of an asked program as it was saved."""

    model_config = ConfigDict(extra="forbid")

    k: int | None = Field(default=None, description="Candidates that the reranker reads.", examples=[20])
    n: int | None = Field(default=None, description="Passages that are kept.", examples=[5])
    where: str | None = Field(
        default=None,
        description="Only passages whose metadata fits.",
        examples=["kind=catalyst and date>=2026-01-01"],
    )
    rerank: bool | None = Field(default=None, description="Whether the reranker reads the candidates.")
    neighbours: int | None = Field(
        default=None, description="Passages before and after each that are given with it."
    )

    def over(self, settings: SearchSettings) -> SearchSettings:
        """Return settings with what was given in their place; a filter narrows the one that is there."""
        given = self.model_dump(exclude_none=True)
        if self.where is not None:
            where = parse_filter(self.where)
            given["where"] = where if settings.where is None else where & settings.where
        return replace(settings, **given)


class SearchBody(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(examples=["What is Sage Daily?"])
    index: str = Field(description="An index, or several joined by commas.", examples=["builddaily"])
    settings: SearchSettingsBody = SearchSettingsBody()


class PrecisionBody(BaseModel):
    """What the reranker computed in."""

    precision: str = Field(examples=["bf16"])
    forced: bool = Field(description="Whether a setting asked for it; else it was chosen by measuring.")
    speed: float | None = Field(description="Times as fast as float32.")
    fidelity: dict[str, Any] | None = Field(description="How much of float32's order it keeps.")
    text: str = Field(description="All of it in words.")


class FoundBody(BaseModel):
    """What a search found; see `quincunx search --json`."""

    index: str
    question: str
    k: int
    n: int
    where: str | None
    generations: dict[str, int]
    notes: list[str]
    near_words: dict[str, list[str]] = Field(
        description="By word of the question that stands nowhere in the index: what was searched for instead."
    )
    precision: PrecisionBody | None
    passages: list[PassageBody]
    candidates: list[CandidateBody]


@router.post("/search", summary="Search an index.", dependencies=[TAKES_TURN], response_model=FoundBody)
async def search_index(body: SearchBody, request: Request, service: ReadyService) -> Response:
    limits = service.settings.limits
    require_length(limits, question=body.question)
    settings = body.settings.over(SearchSettings())
    search = asyncio.to_thread(service.search, body.index.split(","), body.question, settings)
    found = await while_connected(request, search, limits.seconds)
    service.metrics.stages(found.seconds)
    return LargeJSON(search_as_json(body.index, found, settings))
