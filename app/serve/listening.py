"""How a server listens: for the service and for MCP alike."""

from __future__ import annotations

import math
from typing import Any

import uvicorn

from .settings import ServeSettings

KEEP_ALIVE_SECONDS = 75
"""An idle connection is kept longer than clients and proxies keep theirs, most of them at most 60 s: else one is closed here
in the moment in which a request is sent over it."""


def server_config(app: Any, settings: ServeSettings) -> uvicorn.Config:
    """Return how an ASGI app is served: at the address of the settings, and stopped with the time they leave for it."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.limits.drain_seconds),
    )
