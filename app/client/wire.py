"""How a service is spoken to: its address and key, errors told as typed ones, and what may be tried again.

Tried again is only what cannot have begun: a connection that failed, and a request that was turned away (429, 503), after
as long as the service says, within the client's deadline. A request that changes something is sent once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import tenacity

from ...retrieval.environment import read_text
from ...retrieval.errors import (
    BoundError,
    DeadlineExceededError,
    QuincunxError,
    ServiceError,
    ServiceUnreachableError,
    UsageError,
)
from ...retrieval.models.addresses import can_be_sent, is_loopback, retry_after, without_secrets
from ..error_codes import error_of_code
from .calls import ServiceCall
from .understood import understood

SERVER_VARIABLE, KEY_VARIABLE = "QUINCUNX_SERVER", "QUINCUNX_API_KEY"
DEFAULT_SERVER = "http://127.0.0.1:8765"
SECONDS = 120.0
"""Within which a call ends, its retries included, unless told otherwise."""
MOST_TRIES = 4
TURNED_AWAY = (429, 503)
_backoff = tenacity.wait_random_exponential(multiplier=0.1, max=2)


class TurnedAwayError(Exception):
    """Ends one try that may be made again; never leaves the client."""

    def __init__(self, error: QuincunxError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.after = error, after


class ServiceWire:
    """An address with its key and deadline, and the rules that sync and async clients send by."""

    def __init__(self, address: str | None, key: str | None, seconds: float) -> None:
        self.address = (address or read_text(SERVER_VARIABLE) or DEFAULT_SERVER).rstrip("/")
        self.shown = without_secrets(self.address, scheme="")
        """The address as messages name it."""
        parts = _split(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"the address of a service is such as {DEFAULT_SERVER} (got {self.shown!r:.200}): correct the argument, "
                f"or {SERVER_VARIABLE}"
            )
        if not (type(seconds) in (int, float) and 0 < seconds < float("inf")):
            raise BoundError(f"seconds must be over 0 and finite (got {seconds!r})")
        self.seconds = float(seconds)
        key = key or read_text(KEY_VARIABLE)
        if key is not None and not can_be_sent(key):
            raise UsageError(
                f"a key is of printable ASCII characters: correct the argument, or {KEY_VARIABLE}"
            )
        self._headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._is_local = is_loopback(self.address)
        self._encrypted = parts.scheme == "https"

    def client_options(self) -> dict[str, Any]:
        """Return what a client of httpx is made with; a proxy of the environment is never asked for this machine."""
        return {
            "base_url": self.address,
            "headers": self._headers,
            "trust_env": not self._is_local,
            # Without it the certificates of the system are read, which takes longer than a search.
            "verify": self._encrypted,
        }

    def tries(self, call: ServiceCall) -> dict[str, Any]:
        """Return when and how often tenacity is to try a call."""
        return {
            "retry": tenacity.retry_if_exception_type(TurnedAwayError),
            "stop": tenacity.stop_after_attempt(1 if call.changes else MOST_TRIES)
            | tenacity.stop_before_delay(self.seconds),
            "wait": _wait,
            "reraise": True,
        }

    def request_options(self, call: ServiceCall, deadline: float) -> dict[str, Any]:
        """Return what httpx sends for a call, within what is left until the deadline."""
        left = max(0.001, deadline - time.monotonic())
        timeout = httpx.Timeout(left)
        options: dict[str, Any] = {"method": call.method, "url": call.path, "timeout": timeout}
        return options if call.body is None else {**options, "json": call.body}

    def deadline(self) -> float:
        """Return when a call that begins now is to have ended."""
        return time.monotonic() + self.seconds

    @contextmanager
    def typed_errors(self) -> Iterator[None]:
        """Let what httpx raises while a request is sent or answered end as a typed error."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = str(error) or type(error).__name__
            raise TurnedAwayError(ServiceUnreachableError(self.shown, why)) from error
        except httpx.TimeoutException as error:
            raise DeadlineExceededError(
                f"{self.shown} did not answer within {self.seconds:g} s: allow more seconds"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ServiceError(
                f"{self.shown} broke off its answer ({str(error) or type(error).__name__}): ask again"
            ) from error

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let the last try that was turned away end as the error that it is."""
        try:
            yield
        except TurnedAwayError as away:
            raise away.error from away.__cause__

    def require_ok(self, response: httpx.Response) -> None:
        """Raise the error that a response tells, once its body has been read."""
        if response.is_success:
            return
        error = _told_error(response, self.shown)
        if response.status_code in TURNED_AWAY:
            raise TurnedAwayError(error, retry_after(response.headers))
        raise error

    def read_json(self, response: httpx.Response) -> Any:
        """Return what a response holds; raises `ServiceError` for what is no JSON."""
        try:
            return response.json()
        except ValueError as error:
            raise ServiceError(
                f"what answers at {self.shown} is no service of quincunx: its reply is no JSON",
                status=response.status_code,
            ) from error


@understood()
def read_event(line: str) -> Any:
    """Return the event that a line of a stream holds, as JSON values with a ``type``; ``None`` for a line without one."""
    if not line.startswith("data:"):
        return None
    event = json.loads(line.removeprefix("data:"))
    return {**event, "type": str(event["type"])}


def _split(address: str) -> Any:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise UsageError(
            f"the address of a service cannot be read ({error}; got {without_secrets(address, scheme='')!r:.200})"
        ) from error


def _wait(state: tenacity.RetryCallState) -> float:
    away = state.outcome.exception() if state.outcome is not None else None
    after = away.after if isinstance(away, TurnedAwayError) else None
    return after if after is not None else _backoff(state)


def _told_error(response: httpx.Response, address: str) -> QuincunxError:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not (isinstance(problem, dict) and isinstance(problem.get("code"), str)):
        return ServiceError(
            f"{address} answered with status {response.status_code} and no reason that is known here",
            status=response.status_code,
            request_id=response.headers.get("x-request-id", ""),
        )
    code, detail = problem["code"], str(problem.get("detail", ""))
    known = error_of_code(code, detail)
    if known is not None and not isinstance(known, ServiceError):
        return known
    return ServiceError(
        detail or code,
        code=code,
        status=response.status_code,
        request_id=str(problem.get("request_id", "")),
    )
