"""Errors as the service tells them: problem+json (RFC 9457) with a stable code, and the status of each."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ...retrieval.errors import (
    BudgetExceededError,
    CorpusError,
    DeadlineExceededError,
    IndexStateError,
    LanguageModelError,
    ModelOutputError,
    OllamaBusyError,
    OllamaError,
    OllamaTimeoutError,
    OverloadedError,
    QuincunxError,
    RemoteModelError,
    StorageError,
    StoreUnreachableError,
    UnknownIndexError,
    UnknownPassageError,
    UnknownProgramError,
    UsageError,
    WriterBusyError,
)
from ..error_codes import error_of_code
from .vendor_errors import vendor_fields

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS: tuple[tuple[type[QuincunxError], int], ...] = (
    (UnknownProgramError, 404),
    (UnknownIndexError, 404),
    (UnknownPassageError, 404),
    (UsageError, 400),
    (CorpusError, 400),
    (DeadlineExceededError, 504),
    (BudgetExceededError, 422),
    (OverloadedError, 429),
    (WriterBusyError, 503),
    (StoreUnreachableError, 503),
    (StorageError, 507),
    (IndexStateError, 503),
    (OllamaTimeoutError, 504),
    (OllamaBusyError, 503),
    (OllamaError, 502),
    (RemoteModelError, 502),
    (LanguageModelError, 502),
    (ModelOutputError, 502),
)
"""The first that fits counts; any other error is 500."""
_RETRY_AFTER = {429: "1", 503: "2"}
"""Seconds after which asking again may help."""


class ProblemDetail(BaseModel):
    """What went wrong, as RFC 9457 tells it."""

    type: str = Field(examples=["urn:quincunx:problem:empty_question"])
    title: str = Field(examples=["Bad Request"])
    status: int = Field(examples=[400])
    detail: str = Field(examples=["the question is empty"])
    code: str = Field(examples=["empty_question"], description="Stable: match on it, never on the detail.")
    request_id: str = Field(examples=["6f1d0c2e8a5b4d0e"])
    errors: list[dict[str, Any]] = Field(
        default=[], description="Of a body that is not of the right form: each place and what is wrong there."
    )


class Problem(HTTPException):
    """Ends a request with a problem that is the service's own."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, {**_retry_after(status), **(headers or {})})
        self.code, self.more = code, more


def problem_of(error: QuincunxError) -> Problem:
    """Return a typed error as the problem that it is."""
    return Problem(status_of(type(error)), error.code, str(error))


def problem_of_code(code: str, detail: str) -> Problem:
    """Return the problem of a typed error of which only its stable code is known."""
    return Problem(status_of(type(error_of_code(code, detail) or QuincunxError(detail))), code, detail)


def status_of(kind: type[QuincunxError]) -> int:
    """Return the status of a kind of error."""
    return next((status for known, status in _STATUS if issubclass(kind, known)), 500)


def problem_response(problem: Problem, request_id: str, path: str = "") -> Response:
    """Return the response that tells a problem; that of some paths as the clients of other services read it, too."""
    body = ProblemDetail(
        type=f"urn:quincunx:problem:{problem.code}",
        title=HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        detail=problem.detail,
        code=problem.code,
        request_id=request_id,
        **problem.more,
    )
    param = problem.more.get("param")
    vendor = vendor_fields(path, problem.status_code, problem.code, problem.detail, param)
    return Response(
        # In ASCII: what was sent, such as a path or a name, may hold half a surrogate pair.
        json.dumps({**body.model_dump(exclude_defaults=True), **vendor}),
        problem.status_code,
        {"cache-control": "no-store", **(problem.headers or {})},
        media_type=MEDIA_TYPE,
    )


def tell_problems(app: FastAPI) -> None:
    """Let every error of an app's routes end as a problem."""

    async def typed(request: Request, error: Exception) -> Response:
        assert isinstance(error, QuincunxError)
        return _told(request, problem_of(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # What was sent may be long or secret: only places and reasons are told.
        found = [{"place": list(each["loc"]), "reason": str(each["msg"])} for each in error.errors()]
        first = found[0] if found else {"place": [], "reason": "not of the right form"}
        detail = f"{'.'.join(map(str, first['place']))}: {first['reason']}"
        return _told(request, Problem(422, "bad_request", detail, errors=found, param=_field(first["place"])))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, Problem):
            return _told(request, error)
        code = {404: "unknown_path", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
        return _told(request, Problem(error.status_code, code, str(error.detail), error.headers))

    app.add_exception_handler(QuincunxError, typed)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def internal_problem(error: BaseException) -> Problem:
    """Log an error that nobody foresaw, and return what is told of it."""
    logger.error("unforeseen %s", type(error).__name__, exc_info=error)
    return Problem(500, "internal", "an error that nobody foresaw; the log has it under this request id")


def _told(request: Request, problem: Problem) -> Response:
    return problem_response(problem, request.scope["quincunx.request_id"], request.scope["path"])


def _field(place: Sequence[Any]) -> str | None:
    """Return the field of a body that a place lies in."""
    return next((str(part) for part in place[1:] if isinstance(part, str)), None)


def _retry_after(status: int) -> dict[str, str]:
    return {"retry-after": _RETRY_AFTER[status]} if status in _RETRY_AFTER else {}
