"""How much of its rate and of its day's tokens each key has left. Kept in memory: both begin anew with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .keys import ApiKey

if TYPE_CHECKING:
    from ....programs.trace import CallRecord

_key: ContextVar[ApiKey | None] = ContextVar("key", default=None)


def begin_request_of(key: ApiKey | None) -> None:
    """Let what is spent for a request be counted as its key's."""
    _key.set(key)


class Spending:
    """What the keys of a service spent; may be called by any thread."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``clock`` gives seconds, ``now`` the time of day."""
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        """Requests that a key has left, and when that was counted, by its digest."""
        self._tokens: dict[str, int] = {}
        """Tokens of today, by a key's digest."""
        self._today = now().date()

    def keep_only(self, keys: tuple[ApiKey, ...]) -> None:
        """Forget what keys spent that are none any more."""
        kept = {key.sha256 for key in keys}
        with self._lock:
            self._buckets = {of: left for of, left in self._buckets.items() if of in kept}
            self._tokens = {of: spent for of, spent in self._tokens.items() if of in kept}

    def seconds_until_allowed(self, key: ApiKey) -> float:
        """Count a request of a key and return 0, or, where its rate is spent, in how many seconds one may come."""
        most = key.requests_a_minute
        if most is None:
            return 0.0
        clock = self._clock()
        with self._lock:
            left, counted = self._buckets.get(key.sha256, (float(most), clock))
            left = min(float(most), left + (clock - counted) * most / 60)
            if left < 1:
                self._buckets[key.sha256] = left, clock
                return (1 - left) * 60 / most
            self._buckets[key.sha256] = left - 1, clock
            return 0.0

    def seconds_until_tokens(self, key: ApiKey) -> float:
        """Return 0 where a key has tokens left today, else the seconds until tomorrow.

        They are counted when a call ends: calls that run at the same time may together pass the bound.
        """
        if key.tokens_a_day is None:
            return 0.0
        with self._lock:
            now = self._begin_day()
            if self._tokens.get(key.sha256, 0) < key.tokens_a_day:
                return 0.0
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        return (midnight - now).total_seconds()

    def call(self, record: CallRecord) -> None:
        """Count the tokens of a call as those of the key whose request it belongs to."""
        key, usage = _key.get(), record.usage
        if key is None or usage is None:
            return
        with self._lock:
            self._begin_day()
            spent = (usage.input_tokens or 0) + (usage.output_tokens or 0)
            self._tokens[key.sha256] = self._tokens.get(key.sha256, 0) + spent

    def _begin_day(self) -> datetime:
        now = self._now()
        if now.date() != self._today:
            self._today, self._tokens = now.date(), {}
        return now
