"""What stands before every route: request ids, checks of host, origin and size, one line of log, and counting."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from urllib.parse import urlsplit

from fastapi.sse import format_sse_event
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .gate import ClientLeftError
from .log import begin_request, log_request
from .metrics import ServiceMetrics
from .problems import Problem, internal_problem, problem_response
from .settings import LOOPBACK, ServeSettings
from .vendor_errors import vendor_fields

REQUEST_ID = "quincunx.request_id"
"""Key of a request's id in its scope."""
LEFT = 499
"""Status that log and metrics give to a request whose client left before the response."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Guard:
    """An ASGI application before another."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: ServiceMetrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        id = scope[REQUEST_ID] = given if _ID.fullmatch(given) else uuid.uuid4().hex
        begin_request(id)
        begun, status, streams = time.perf_counter(), 0, False

        async def told(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent["x-request-id"] = id
                streams = sent.get("content-type", "").startswith("text/event-stream")
            await send(message)

        try:
            _require_host(headers, self._settings)
            _require_origin(headers, self._settings)
            await self._app(scope, _bounded(receive, headers, self._settings.limits.body_bytes), told)
        except Problem as problem:
            if status:
                raise  # a body that grew too long while it was answered: the connection ends
            await problem_response(problem, id, scope["path"])(scope, receive, told)
        except ClientLeftError:
            status = LEFT
        except asyncio.CancelledError:  # only by the server, once what it was given to drain is over
            if not status:
                await problem_response(_stopping(), id, scope["path"])(scope, receive, told)
            elif streams:
                await told({"type": "http.response.body", "body": _last_event(_stopping(), scope["path"])})
            else:
                raise
        except Exception as error:
            unforeseen = internal_problem(error)
            if status:
                raise
            await problem_response(unforeseen, id, scope["path"])(scope, receive, told)
        finally:
            took = time.perf_counter() - begun
            self._metrics.request(scope["method"], route_of(scope), status or LEFT, took)
            log_request(scope, route_of(scope), status or LEFT, took)


def route_of(scope: Scope) -> str:
    """Return the pattern of the path that was asked for, such as ``/v1/ask/{program}``; empty for one that is none."""
    return str(getattr(scope.get("route"), "path", ""))


def _require_host(headers: Headers, settings: ServeSettings) -> None:
    """Refuse a name that is not this service's: a page of another site may have pointed its own name here."""
    allowed = set(settings.allowed_hosts)
    if not allowed and not settings.is_loopback:
        return
    host = _host_name(headers.get("host", ""))
    if host not in allowed | LOOPBACK:
        raise Problem(421, "bad_host", f"host {host[:100]!r} is not served here: allow it by allowed_hosts")


def _require_origin(headers: Headers, settings: ServeSettings) -> None:
    """Refuse what a page of another site sends from a browser."""
    origin = headers.get("origin")
    if origin is None or origin in settings.allowed_origins or urlsplit(origin).netloc == headers.get("host"):
        return
    raise Problem(403, "bad_origin", f"pages of {origin[:100]!r} may not ask: allow them by allowed_origins")


def _stopping() -> Problem:
    detail = "the service stops, and may wait no longer for the answer: ask again"
    return Problem(503, "stopping", detail)


def _last_event(problem: Problem, path: str) -> bytes:
    """Return a problem as the last event of a stream, as the clients that ask the path read it."""
    vendor = vendor_fields(path, problem.status_code, problem.code, problem.detail, None)
    if vendor:
        return format_sse_event(data_str=json.dumps(vendor))
    event = {"type": "error", "code": problem.code, "message": problem.detail}
    return format_sse_event(event="error", data_str=json.dumps(event))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _bounded(receive: Receive, headers: Headers, most: int) -> Receive:
    """Return a ``receive`` that ends the request once its body is larger than that."""
    too_large = Problem(413, "body_too_large", f"the body is over {most} bytes: send less at once")
    stated = headers.get("content-length", "")
    if stated.isdigit() and int(stated) > most:
        raise too_large
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large
        return message

    return counted
