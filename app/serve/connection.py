"""Responses, and work that lasts no longer than the client waits for it, nor than it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic_core import to_json
from starlette.types import Send

from ...retrieval.errors import DeadlineExceededError
from .gate import ClientLeftError

Result = TypeVar("Result")
EVENT_STREAM = "text/event-stream"


async def while_connected(request: Request, work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """Await the work of a request whose body was read; it is cancelled when the client leaves or the time is over.

    Raises:
        ClientLeftError: the client left.
        DeadlineExceededError: it took more than so many ``seconds``.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(left(request))
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


class LargeJSON(JSONResponse):
    """JSON values that hold no number which is not finite, written by pydantic's core: for an answer with its 20 candidates, and
    for vectors, in a sixth of the time of Python's own writer, in which no other request goes on.
    """

    def render(self, content: Any) -> bytes:
        return to_json(content)


class EventStream(StreamingResponse):
    """Server-sent events, ``sent`` as they go over the wire. Their source is closed when the client leaves, be it in
    the midst of a line: else the work behind it would go on until Python's memory is tidied up.
    """

    def __init__(self, source: AsyncGenerator[Any], sent: AsyncIterator[bytes]) -> None:
        # Nothing between is to hold it back.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(sent, media_type=EVENT_STREAM, headers=headers)
        self._source = source

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._source):
            await super().stream_response(send)


async def left(request: Request) -> None:
    """Return once the client of a request whose body was read has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
