"""`ServiceConnection` for an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import tenacity

from ...retrieval.errors import ServiceError
from .calls import ServiceCall
from .wire import SECONDS, ServiceWire, read_event


class AsyncServiceConnection:
    """Sends requests, as many at a time as are awaited."""

    def __init__(
        self, address: str | None = None, *, key: str | None = None, seconds: float = SECONDS
    ) -> None:
        self.wire = ServiceWire(address, key, seconds)
        self._http = httpx.AsyncClient(**self.wire.client_options())

    async def send(self, call: ServiceCall) -> Any:
        """Return what the service answers, as JSON values; raises the typed error that it tells."""
        deadline = self.wire.deadline()

        async def once() -> Any:
            with self.wire.typed_errors():
                response = await self._http.request(**self.wire.request_options(call, deadline))
            self.wire.require_ok(response)
            return self.wire.read_json(response)

        with self.wire.told():
            return await tenacity.AsyncRetrying(**self.wire.tries(call))(once)

    async def stream(self, call: ServiceCall) -> AsyncIterator[Any]:
        """Yield the events of a stream, as JSON values; closing it ends the call."""
        deadline = self.wire.deadline()

        async def opened() -> httpx.Response:
            with self.wire.typed_errors():
                request = self._http.build_request(**self.wire.request_options(call, deadline))
                response = await self._http.send(request, stream=True)
                if not response.is_success:
                    await response.aread()
                    await response.aclose()
            self.wire.require_ok(response)
            return response

        with self.wire.told():
            response: httpx.Response = await tenacity.AsyncRetrying(**self.wire.tries(call))(opened)
        try:
            with self.wire.told(), self.wire.typed_errors():
                async for line in response.aiter_lines():
                    event = read_event(line)
                    if event is not None:
                        yield event
                        if event["type"] in ("done", "error"):
                            return
        finally:
            await response.aclose()
        raise ServiceError(f"the stream of {self.wire.shown} ended before its answer: ask again")

    async def close(self) -> None:
        """End the connection."""
        await self._http.aclose()
