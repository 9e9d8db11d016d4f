"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from .guard import Guard
from .log import UNLOGGED
from .problems import ProblemDetail, tell_problems
from .routes import asking, health, listing, searching
from .service import Service
from .settings import ServeSettings

DESCRIPTION = (
    "Answers whose citations were checked, searches and rerankers. Errors are `application/problem+json` with a stable "
    "`code`."
)


def _telemetry(settings: ServeSettings) -> TelemetryConfig:
    """Return what FastAPI traces: requests, below the spans that they name, and exported as OTEL_… variables say.

    Its logs of failures would hold what was sent.
    """
    on = settings.traces
    return {
        "tracing": on,
        "auto_configure": on,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": lambda scope: scope["path"] in UNLOGGED,
    }


def create_app(service: Service, on_failure: Callable[[BaseException], None] | None = None) -> FastAPI:
    """Return the application that serves a service; it loads when the application starts.

    ``on_failure`` is called with what loading raised; left out, starting the application raises it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.ensure_future(asyncio.to_thread(service.load))
        if on_failure is None:
            await loading
        else:
            loading.add_done_callback(
                lambda done: on_failure(error) if (error := done.exception()) is not None else None
            )
        yield

    app = FastAPI(
        title="quincunx",
        version=version("quincunx"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        telemetry=_telemetry(service.settings),
        responses={"default": {"model": ProblemDetail, "description": "A problem."}},
    )
    app.state.service = service
    for routes in (health, listing, searching, asking):
        app.include_router(routes.router)
    tell_problems(app)
    settings = service.settings
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Guard, settings=settings, metrics=service.metrics)
    return app
