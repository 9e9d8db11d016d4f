"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from .access.check import KeyCheck, allowed
from .described import describe_events
from .guard import Guard
from .log import UNLOGGED
from .problems import ProblemDetail, tell_problems
from .routes import (
    asking,
    chatting,
    documents,
    embedding,
    feedback,
    health,
    listing,
    model_list,
    operating,
    page,
    reranking,
    searching,
)
from .routes.reranking import TOLD_BY_RERANKING
from .routes.texts import require_whole_json
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
        dependencies=[Depends(require_whole_json)],
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # served below, to those that have a key
        telemetry=_telemetry(service.settings),
        responses={"default": {"model": ProblemDetail, "description": "A problem."}},
    )
    app.state.service = service
    app.include_router(health.router)
    app.include_router(page.router)
    app.include_router(operating.router, dependencies=[Depends(allowed("admin"))])
    app.include_router(listing.router, dependencies=[Depends(allowed("ask", "search"))])
    app.include_router(searching.router, dependencies=[Depends(allowed("search"))])
    app.include_router(asking.router, dependencies=[Depends(allowed("ask", spends_tokens=True))])
    app.include_router(chatting.router, dependencies=[Depends(allowed("ask", spends_tokens=True))])
    app.include_router(reranking.router, dependencies=[Depends(allowed("search"))])
    app.include_router(embedding.router, dependencies=[Depends(allowed("search"))])
    app.include_router(model_list.router, dependencies=[Depends(allowed("ask", "search"))])
    app.include_router(documents.router, dependencies=[Depends(allowed("write"))])
    app.include_router(feedback.router, dependencies=[Depends(allowed("ask"))])

    described = app.openapi
    app.openapi = lambda: describe_events(described())  # type: ignore[method-assign]  # as FastAPI's manual does it

    async def describe() -> JSONResponse:
        return JSONResponse(app.openapi())

    app.add_api_route(
        "/openapi.json", describe, include_in_schema=False, dependencies=[Depends(allowed("ask"))]
    )
    tell_problems(app)
    settings = service.settings
    app.add_middleware(KeyCheck, keys=lambda: service.keys, spending=service.spending)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-request-id"],
            expose_headers=["x-request-id", "retry-after", *TOLD_BY_RERANKING],
        )
    app.add_middleware(Guard, settings=settings, metrics=service.metrics)
    return app
