"""The service's log: a line of JSON each, with request ids and without what is asked or answered."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .access.check import KEY

if TYPE_CHECKING:
    from starlette.types import Scope

    from ...programs.trace import CallRecord

_requests = logging.getLogger("quincunx.requests")
_calls = logging.getLogger("quincunx.calls")
_request_id: ContextVar[str] = ContextVar("request_id")
UNLOGGED = {"/healthz", "/readyz", "/metrics"}
"""Routes that are asked every few seconds, and not logged where all is well."""
FIELDS = "quincunx_fields"
"""Attribute of a log record that holds more fields of its line."""


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"request_id": id} if (id := _request_id.get("")) else {}),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def log_as_json() -> None:
    """Write what quincunx and the server log to stderr, a line of JSON each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("quincunx", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True


def begin_request(id: str) -> None:
    """Let every line that is logged for a request name it."""
    _request_id.set(id)


def log_request(scope: Scope, route: str, status: int, seconds: float) -> None:
    """Log a request that ended. The path is left out where it is no route: it may hold anything."""
    if route in UNLOGGED and status < 400:
        return
    fields = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "seconds": round(seconds, 4),
    }
    if (key := scope.get(KEY)) is not None:
        fields["key"] = key.name
    _requests.info("request", extra={FIELDS: fields})


def call_logger(*, texts: bool) -> Callable[[CallRecord], None]:
    """Return what logs the calls of programs, with what was asked and answered only where ``texts`` is set."""

    def log(record: CallRecord) -> None:
        _calls.info("call", extra={FIELDS: {"call": record.as_dict(text=texts)}})

    return log
