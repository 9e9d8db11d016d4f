"""How a server listens: for the service and for MCP alike."""

from __future__ import annotations

import math
from typing import Any

import uvicorn

from .settings import ServeSettings


def server_config(app: Any, settings: ServeSettings) -> uvicorn.Config:
    """Return how an ASGI app is served: at the address of the settings, and stopped with the time they leave for it."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.limits.drain_seconds),
    )
