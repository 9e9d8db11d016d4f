"""Servers of one model: which is asked next, and which is left alone for a while after it failed.

A server that fails rests, longer each time; one that is busy, for as long as it says (``Retry-After``). One that failed
`OUT_AFTER` times in a row is out: until its rest is over it is not asked, and where all are out, callers are told so at
once instead of waiting. The first request after the rest tries it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OUT_AFTER = 5
FIRST_REST_S, LONGEST_REST_S = 0.1, 30.0


@dataclass(eq=False)
class Endpoint:
    """One server; times are of the clock of `Endpoints`."""

    url: str
    in_flight: int = 0
    failed_in_a_row: int = 0
    busy_in_a_row: int = 0
    rests_until: float = 0.0
    last_failure: str = ""


class Endpoints:
    """All servers of a model; used by one event loop."""

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.all = [Endpoint(url.rstrip("/")) for url in urls]
        self._clock = clock

    def next(self) -> Endpoint:
        """Return the server to ask, once its rest is over: the least busy of those that do not rest."""
        now = self._clock()
        return min(
            self.all, key=lambda each: (max(now, each.rests_until), each.in_flight, each.failed_in_a_row)
        )

    def rest_s(self, endpoint: Endpoint) -> float:
        """Return the seconds until a server may be asked."""
        return max(0.0, endpoint.rests_until - self._clock())

    def is_out(self, endpoint: Endpoint) -> bool:
        return endpoint.failed_in_a_row >= OUT_AFTER and self.rest_s(endpoint) > 0

    def answered(self, endpoint: Endpoint) -> None:
        """Note that a server answered, be it with an error of the request."""
        endpoint.failed_in_a_row = endpoint.busy_in_a_row = 0
        endpoint.rests_until = 0.0

    def failed(self, endpoint: Endpoint, why: str) -> None:
        """Note that a server could not be reached, or broke off."""
        endpoint.failed_in_a_row += 1
        endpoint.rests_until = self._clock() + _rest(endpoint.failed_in_a_row)
        endpoint.last_failure = why

    def turned_away(self, endpoint: Endpoint, seconds: float | None) -> None:
        """Note that a server is busy, for so many seconds if it says so: it lives, and is never out for that."""
        endpoint.failed_in_a_row = 0
        endpoint.busy_in_a_row += 1
        endpoint.rests_until = self._clock() + (_rest(endpoint.busy_in_a_row) if seconds is None else seconds)


def _rest(times: int) -> float:
    return float(min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** (times - 1)))
