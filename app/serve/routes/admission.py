"""What routes ask of the service: itself once it is ready, and a turn to work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from ..connection import left
from ..problems import Problem
from ..service import Service


async def ready_service(request: Request) -> Service:
    """Return the service; raises a `Problem` as long as it loads. Async, for FastAPI sends what is not to a thread."""
    service: Service = request.app.state.service
    if not service.ready:
        raise Problem(503, "not_ready", "the service is loading its models: ask again soon")
    return service


ReadyService = Annotated[Service, Depends(ready_service)]


async def own_turn(request: Request, service: ReadyService) -> AsyncIterator[None]:
    """Hold a turn until the response was sent; who leaves gives up their place among those who wait."""
    seconds = service.settings.limits.seconds
    async with service.gate.admitted(), service.gate.turn(seconds, lambda: left(request)):
        yield


TAKES_TURN = Depends(own_turn)
