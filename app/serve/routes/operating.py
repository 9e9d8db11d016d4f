"""What who operates the service asks of it: its metrics, and to load anew what it serves."""

from __future__ import annotations

import asyncio
import dataclasses

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from ....retrieval.errors import QuincunxError
from ..metrics import CONTENT_TYPE
from ..problems import Problem
from .admission import ReadyService

router = APIRouter(tags=["operating"])


class ReloadedBody(BaseModel):
    """What is served after a reload."""

    programs: list[str] = Field(examples=[["chat_bridge"]])
    indexes: list[str] = Field(examples=[["builddaily"]])
    keys: int | None = Field(
        description="How many keys there are; none where no key is asked for.", examples=[2]
    )
    left_out: dict[str, str] = Field(
        description="Programs and indexes that are not served, and why.", examples=[{}]
    )
    seconds: float = Field(examples=[1.2])


@router.get("/metrics", summary="Counters and times, as Prometheus reads them.", response_class=Response)
async def tell_metrics(request: Request) -> Response:
    text = await asyncio.to_thread(request.app.state.service.metrics.text)
    return Response(text, media_type=CONTENT_TYPE)


@router.post("/v1/admin/reload", summary="Load programs, indexes and keys anew.")
async def reload_served(service: ReadyService) -> ReloadedBody:
    """Programs that were saved again, new indexes and the file of keys are read; SIGHUP does the same.

    Requests that run end with what they began with. Where something cannot be loaded, everything stays as it is.
    What was written into an index is seen at once, without this.
    """
    if service.keys is None and not service.settings.is_loopback:
        raise Problem(
            403, "reload_is_off", "without keys this is for this machine's loopback alone: send SIGHUP"
        )
    try:
        return ReloadedBody.model_validate(dataclasses.asdict(await asyncio.to_thread(service.reload)))
    except QuincunxError as error:
        raise Problem(409, error.code, f"nothing was changed: {error}") from error
