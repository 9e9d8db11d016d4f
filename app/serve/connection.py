"""Work that lasts no longer than the client waits for it, nor than it may."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from ...retrieval.errors import DeadlineExceededError

Result = TypeVar("Result")


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """Await the work of a request whose body was read; it is cancelled when the client leaves or the time is over.

    Raises:
        ClientLeftError: the client left.
        DeadlineExceededError: it took more than so many ``seconds``.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if leaving.done():
            raise ClientLeftError
        raise DeadlineExceededError(
            f"no answer within {seconds:g} s: ask for less at once, or try again later"
        )
    finally:
        for task in (working, leaving):
            task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
