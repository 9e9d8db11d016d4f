"""Whether the service lives, and whether it is ready: what anybody may ask."""

from __future__ import annotations

from fastapi import APIRouter

from .admission import ReadyService

router = APIRouter(tags=["operating"])


@router.get("/healthz", summary="Whether the process lives.")
async def tell_health() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="Whether models are loaded and requests are taken.")
async def tell_readiness(service: ReadyService) -> dict[str, object]:
    if service.keys is not None:
        return {"status": "ready"}  # names are for those that have a key
    return {"status": "ready", "programs": sorted(service.programs), "indexes": sorted(service.indexes)}
