"""Whether the service lives, whether it is ready, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ..metrics import CONTENT_TYPE
from .admission import ReadyService

router = APIRouter(tags=["operating"])


@router.get("/healthz", summary="Whether the process lives.")
async def tell_health() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="Whether models are loaded and requests are taken.")
async def tell_readiness(service: ReadyService) -> dict[str, object]:
    return {"status": "ready", "programs": sorted(service.programs), "indexes": sorted(service.indexes)}


@router.get("/metrics", summary="Counters and times, as Prometheus reads them.", response_class=Response)
async def tell_metrics(request: Request) -> Response:
    return Response(request.app.state.service.metrics.text(), media_type=CONTENT_TYPE)
