"""Requests to servers of a model: each ends in JSON or in one typed error, within the deadline of the whole call.

Tried again is what may succeed elsewhere or later: a connection that failed or was cut, and a server that is busy (429, 503,
529). Whatever else a server answers is final.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ...errors import (
    BoundError,
    DeadlineExceededError,
    ModelOutputError,
    OverloadedError,
    QuincunxError,
    RemoteModelError,
)
from ...processes import after_fork_in_child
from ..addresses import is_loopback, one_line, retry_after, without_secrets
from .endpoints import Endpoint, Endpoints
from .loop import run_in_loop
from .settings import RemoteServer

MOST_TRIES = 4
MOST_BYTES = 256 * 2**20
"""Of one reply."""
CONNECT_S = 5.0
BUSY = (429, 503, 529)
_TOO_LONG = (
    "too long",
    "too many tokens",
    "maximum context",
    "must have less than",
    "longer than",
    "exceed",
    "too large",
)


@dataclass(frozen=True)
class RemoteRequest:
    """One request."""

    path: str
    body: Mapping[str, Any] | None = None
    """Sent as JSON by POST; ``None`` for GET."""


class RemoteCalls:
    """Sends requests to the servers of one model. Safe to share across threads; a forked process connects anew.

    Args:
        kind: the kind of server, as messages name it.
        remedy: what to change where a server refuses its address, path or key; such as the names of the settings.
    """

    def __init__(self, server: RemoteServer, kind: str, remedy: str) -> None:
        self.server, self._kind, self._remedy = server, kind, remedy
        self._forget()
        after_fork_in_child(self._forget)

    def _forget(self) -> None:
        self._endpoints = Endpoints(self.server.urls)
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def one(self, request: RemoteRequest) -> Any:
        """Return what a server answers, as JSON values; raises as `all` does."""
        (reply,) = self.all([request])
        return reply

    def all(self, requests: Sequence[RemoteRequest]) -> list[Any]:
        """Return what is answered to each request, in their order; some are sent at a time.

        Raises:
            BoundError: a text is longer than the server reads.
            DeadlineExceededError: not all was answered within ``deadline_s``.
            ModelOutputError: a reply is larger than `MOST_BYTES`.
            OverloadedError: the servers are busy.
            RemoteModelError: no server can be reached, or what answers refuses the request or speaks another protocol.
        """
        return run_in_loop(self._all(requests))

    async def _all(self, requests: Sequence[RemoteRequest]) -> list[Any]:
        gate = asyncio.Semaphore(self.server.parallel)
        until = time.monotonic() + self.server.deadline_s

        async def one(request: RemoteRequest) -> Any:
            async with gate:
                return await self._answer(request, until)

        try:
            async with asyncio.timeout(self.server.deadline_s), asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(request)) for request in requests]
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"{self._named()} did not answer within {self.server.deadline_s:g} s: allow more by deadline_s, or send less "
                "at once"
            ) from error
        except ExceptionGroup as several:
            raise several.exceptions[0] from several.exceptions[0].__cause__
        return [task.result() for task in tasks]

    async def _answer(self, request: RemoteRequest, until: float) -> Any:
        last: QuincunxError | None = None
        for _ in range(MOST_TRIES):
            endpoint = self._endpoints.next()
            rest = self._endpoints.rest_s(endpoint)
            if self._endpoints.is_out(endpoint):
                raise last or self._unreachable(endpoint, f"; asked again in {rest:.0f} s")
            if time.monotonic() + rest >= until and last is not None:
                raise last
            await asyncio.sleep(rest)
            endpoint.in_flight += 1
            try:
                status, headers, body = await self._sent(endpoint, request)
            except (httpx.RequestError, httpx.InvalidURL, OSError) as error:
                self._endpoints.failed(endpoint, one_line(error) or type(error).__name__)
                last = self._unreachable(endpoint, "")
                continue
            finally:
                endpoint.in_flight -= 1
            if status in BUSY:
                self._endpoints.turned_away(endpoint, retry_after(headers))
                last = OverloadedError(
                    f"{self._named(endpoint)} is busy ({status}: {_said(body)}): ask again later, or name more servers"
                )
                continue
            self._endpoints.answered(endpoint)
            return self._read(endpoint, request, status, body)
        assert last is not None
        raise last

    async def _sent(self, endpoint: Endpoint, request: RemoteRequest) -> tuple[int, httpx.Headers, bytes]:
        local = is_loopback(endpoint.url)
        if local not in self._clients:
            # A proxy of the environment is never asked for this machine.
            self._clients[local] = httpx.AsyncClient(
                headers=self._headers(), timeout=httpx.Timeout(None, connect=CONNECT_S), trust_env=not local
            )
        method = "GET" if request.body is None else "POST"
        body = bytearray()
        async with self._clients[local].stream(
            method, endpoint.url + request.path, json=request.body
        ) as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ModelOutputError(
                        f"{self._named(endpoint)} sends more than {MOST_BYTES} bytes: send it fewer texts at once"
                    )
        return response.status_code, response.headers, bytes(body)

    def _headers(self) -> dict[str, str]:
        return {} if self.server.key is None else {"authorization": f"Bearer {self.server.key}"}

    def _read(self, endpoint: Endpoint, request: RemoteRequest, status: int, body: bytes) -> Any:
        if not 200 <= status < 300:
            raise self._refused(endpoint, request, status, _said(body))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RemoteModelError(
                f"what answers at {without_secrets(endpoint.url)} is no {self._kind} server: its reply is no JSON "
                f"({one_line(body[:80].decode('utf-8', 'replace'), 80)!r}); {self._remedy}"
            ) from error

    def _refused(self, endpoint: Endpoint, request: RemoteRequest, status: int, said: str) -> QuincunxError:
        named = self._named(endpoint)
        if status in (401, 403):
            return RemoteModelError(f"{named} refused the key ({status}: {said}): {self._remedy}")
        if status in (404, 405) or 300 <= status < 400:
            return RemoteModelError(
                f"{named} does not serve {request.path}, or not this model ({status}: {said}): {self._remedy}"
            )
        if status == 413 or any(part in said.lower() for part in _TOO_LONG):
            return BoundError(
                f"{named} refused a text as too long ({status}: {said}): name the model's tokenizer.json and max_tokens, so "
                "that texts are cut to fit here, or shorten it"
            )
        return RemoteModelError(f"{named} refused a request ({status}: {said}): look into its log")

    def _unreachable(self, endpoint: Endpoint, more: str) -> RemoteModelError:
        return RemoteModelError(
            f"no {self._kind} server answers at {without_secrets(endpoint.url)} ({endpoint.last_failure}{more}): start it, "
            f"or {self._remedy}"
        )

    def _named(self, endpoint: Endpoint | None = None) -> str:
        urls = self.server.urls if endpoint is None else (endpoint.url,)
        return f"the {self._kind} server at {', '.join(map(without_secrets, urls))}"


def text_told(told: Any, name: str) -> str:
    """Return a text that a server tells of itself by a name; empty where it does not."""
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


def number_told(told: Any, name: str) -> int | None:
    """Return a whole number over 0 that a server tells of itself by a name; ``None`` where it does not."""
    value = told.get(name) if isinstance(told, dict) else None
    return value if type(value) is int and value > 0 else None


def _said(body: bytes) -> str:
    """Return what a server says of an error, wherever its dialect writes it."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return one_line(body[:200].decode("utf-8", "replace"))
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and name in told:
            told = told[name]
    return one_line(told if isinstance(told, str) else json.dumps(told, ensure_ascii=False))
