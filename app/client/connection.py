"""A connection to a service that gives what comes as JSON values: no model and no language model is loaded for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import httpx
import tenacity

from ...retrieval.errors import ServiceError
from .calls import ServiceCall
from .wire import SECONDS, ServiceWire, read_event


class ServiceConnection:
    """Sends requests, one after the other or of several threads at a time."""

    def __init__(
        self, address: str | None = None, *, key: str | None = None, seconds: float = SECONDS
    ) -> None:
        self.wire = ServiceWire(address, key, seconds)
        self._http = httpx.Client(**self.wire.client_options())

    def send(self, call: ServiceCall) -> Any:
        """Return what the service answers, as JSON values; raises the typed error that it tells."""
        deadline = self.wire.deadline()

        def once() -> Any:
            with self.wire.typed_errors():
                response = self._http.request(**self.wire.request_options(call, deadline))
            self.wire.require_ok(response)
            return self.wire.read_json(response)

        with self.wire.told():
            return tenacity.Retrying(**self.wire.tries(call))(once)

    def stream(self, call: ServiceCall) -> Iterator[Any]:
        """Yield the events of a stream, as JSON values; closing it ends the call."""
        deadline = self.wire.deadline()

        def opened() -> httpx.Response:
            with self.wire.typed_errors():
                request = self._http.build_request(**self.wire.request_options(call, deadline))
                response = self._http.send(request, stream=True)
                if not response.is_success:
                    response.read()
                    response.close()
            self.wire.require_ok(response)
            return response

        with self.wire.told():
            response = tenacity.Retrying(**self.wire.tries(call))(opened)
        try:
            with self.wire.told(), self.wire.typed_errors():
                for line in response.iter_lines():
                    event = read_event(line)
                    if event is not None:
                        yield event
                        if event["type"] in ("done", "error"):
                            return
        finally:
            response.close()
        raise ServiceError(f"the stream of {self.wire.shown} ended before its answer: ask again")

    def close(self) -> None:
        """End the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
