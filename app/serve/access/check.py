"""The checks of a request's key: that there is one, its rate, and that it is for what is asked.

`KeyCheck` stands before every route, so that nothing is read of a request without a key; what a key must be for, each
router says by `allowed`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..page_files import PAGE_PATHS
from ..problems import Problem, problem_response
from .keys import ApiKey, KeyRing, KeyScope
from .spending import Spending, begin_request_of

OPEN = frozenset({"/healthz", "/readyz", *PAGE_PATHS})
"""Paths that ask for no key: the page is where one types it in."""
KEY = "quincunx.key"
"""Of a request's scope: what is known of its key, and ``None`` where the service has no keys."""
_BEARER = HTTPBearer(auto_error=False, description="A key that `quincunx keys add` made.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, in a header of its own.")


class KeyCheck:
    """An ASGI application before another, which no request reaches that needs a key and has none."""

    def __init__(self, app: ASGIApp, keys: Callable[[], KeyRing | None], spending: Spending) -> None:
        """``keys`` gives those of now; ``None``: no key is asked for."""
        self._app, self._keys, self._spending = app, keys, spending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        keys = self._keys()
        scope[KEY] = None
        if keys is not None and scope["path"] not in OPEN:
            try:
                scope[KEY] = self._admitted(keys, Headers(scope=scope))
            except Problem as problem:
                # Sent from here, it passes what adds the headers that let a page of another origin read it.
                told = problem_response(problem, scope["quincunx.request_id"], scope["path"])
                await told(scope, receive, send)
                return
        begin_request_of(scope[KEY])
        await self._app(scope, receive, send)

    def _admitted(self, keys: KeyRing, headers: Headers) -> ApiKey:
        sent = _sent_key(headers)
        if not sent:
            raise _unknown(
                "key_missing",
                "no key was sent: send one as `Authorization: Bearer …` or `X-API-Key`",
                "Bearer",
            )
        key = keys.find(sent)
        wrong = 'Bearer error="invalid_token"'
        if key is None:
            raise _unknown("key_unknown", "the key is none of this service: send one that is", wrong)
        if key.is_expired():
            raise _unknown("key_expired", f"the key {key.name} expired on {key.expires}: send another", wrong)
        wait = self._spending.seconds_until_allowed(key)
        if wait:
            raise Problem(
                429,
                "rate_exceeded",
                f"the key {key.name} may send {key.requests_a_minute} requests a minute: wait {_whole(wait)} s",
                {"retry-after": _whole(wait)},
            )
        return key


def allowed(*scopes: KeyScope, spends_tokens: bool = False) -> Callable[..., Awaitable[None]]:
    """Return a dependency of routes that refuses a key that is for none of the ``scopes``.

    ``spends_tokens``: the routes ask a language model, so that the key must have tokens left.
    """

    async def require(request: Request, _bearer: _Bearer, _header: _Header) -> None:
        key: ApiKey | None = request.scope[KEY]
        if key is None:
            return
        if not set(scopes) & set(key.scopes):
            raise Problem(
                403,
                "scope_missing",
                f"the key {key.name} is for {' and '.join(key.scopes)}: this takes one for {' or '.join(scopes)}",
                {"www-authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'},
            )
        spending: Spending = request.app.state.service.spending
        if spends_tokens and (wait := spending.seconds_until_tokens(key)):
            raise Problem(
                429,
                "tokens_spent",
                f"the key {key.name} has spent its {key.tokens_a_day} tokens of today: ask again after midnight, UTC",
                {"retry-after": _whole(wait)},
            )

    require.scopes = scopes  # type: ignore[attr-defined]  # a test reads them of every route
    return require


_Bearer = Annotated[object, Depends(_BEARER)]
_Header = Annotated[object, Depends(_HEADER)]


def _sent_key(headers: Headers) -> str:
    """Return the key of a request; empty where there is none."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key", "").strip()


def _unknown(code: str, detail: str, challenge: str) -> Problem:
    return Problem(401, code, detail, {"www-authenticate": challenge})


def _whole(seconds: float) -> str:
    return str(math.ceil(seconds))
