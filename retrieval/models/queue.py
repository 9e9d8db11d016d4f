"""One queue for many callers of a reranker: what waits while a pass runs goes into the next pass together.

The passes run in the compute thread. A lone request is begun at once, for nothing waits for company. Requests that
arrive during a pass share the next one, up to what keeps the device busy, so that a request waits for at most the passes
before it. The queue is bounded: with it full, callers get an error at once instead of a place at its end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import BoundError, DeadlineExceededError, OverloadedError
from ..processes import Lock, after_fork_in_child
from .compute_thread import in_compute_thread, submit
from .rerankers import Scores, require_scores

WAITING_PAIRS = 4096
"""Pairs that may wait."""

Pair = tuple[str, str]


@runtime_checkable
class PairReranker(Protocol):
    """A reranker on this machine that reads pairs of several questions at once."""

    @property
    def name(self) -> str: ...

    @property
    def pairs_at_once(self) -> int:
        """Pairs that keep its device busy: of several requests, no more are passed to it together."""

    def score_pairs(self, pairs: Sequence[Pair]) -> Scores: ...


class _Request:
    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.outcome: Future[Scores] = Future()
        """Cancelled before it runs, its pairs never reach the model."""


class PooledReranker:
    """Shares a reranker among threads and event loops; safe to share across all of them.

    Raises:
        BoundError: ``waiting`` is less than 1.
    """

    def __init__(self, reranker: PairReranker, *, waiting: int = WAITING_PAIRS) -> None:
        if waiting < 1:
            raise BoundError(f"waiting must be at least 1 pair (got {waiting})")
        self.inner = reranker
        self._waiting_most = waiting
        self._lock = Lock()
        self._closed = False
        self._forget()
        after_fork_in_child(self._forget)  # what waits, its callers wait for in the parent

    @property
    def name(self) -> str:
        return self.inner.name

    def score(self, question: str, passages: Sequence[str], timeout_s: float | None = None) -> Scores:
        """Score passages against a question, together with what else is waiting.

        Raises:
            OverloadedError: too many pairs are waiting, or it was closed.
            DeadlineExceededError: there was no score within ``timeout_s``; what had not begun never will.
        """
        request = self._submit([(question, passage) for passage in passages])
        try:
            return request.outcome.result(timeout_s)
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"{self.name} had no score within {timeout_s} s: allow more, or send fewer requests at once"
            ) from error
        finally:
            request.outcome.cancel()  # after an interrupt or a time-out; done, it stays as it is

    async def ascore(self, question: str, passages: Sequence[str]) -> Scores:
        """Score without holding up the event loop; cancelled before its turn, it never reaches the model."""
        return await asyncio.wrap_future(self._submit([(question, p) for p in passages]).outcome)

    def close(self) -> None:
        """Take nothing more, and finish what waits."""
        with self._lock:
            self._closed = True
        if not in_compute_thread():
            submit(lambda: None).result()  # it comes after the passes of all that waits

    def _submit(self, pairs: list[Pair]) -> _Request:
        request = _Request(pairs)
        if not pairs:
            request.outcome.set_result(np.empty(0, dtype=np.float32))
            return request
        with self._lock:
            if self._closed:
                raise OverloadedError(f"{self.name} was closed: make another one")
            # A request that is too large by itself is taken when nothing waits, else it could never be.
            if self._waiting and self._waiting + len(pairs) > self._waiting_most:
                raise OverloadedError(
                    f"{self._waiting} pairs wait for {self.name}, and {len(pairs)} more are over {self._waiting_most}: "
                    "try again later, or send fewer at once"
                )
            self._queue.append(request)
            self._waiting += len(pairs)
            if not in_compute_thread():
                submit(
                    self._next_pass
                )  # one for each request, though a pass before it may take this one along
        while in_compute_thread() and not request.outcome.done():
            self._next_pass()
        return request

    def _forget(self) -> None:
        self._queue: deque[_Request] = deque()
        self._waiting = 0

    def _next_pass(self) -> None:
        """Score what waits, as much as one pass is to hold."""
        with self._lock:
            taken = self._take()
        self._pass([request for request in taken if request.outcome.set_running_or_notify_cancel()])

    def _take(self) -> list[_Request]:
        taken: list[_Request] = []
        pairs = 0
        while self._queue and (not taken or pairs + len(self._queue[0].pairs) <= self.inner.pairs_at_once):
            request = self._queue.popleft()
            self._waiting -= len(request.pairs)
            if not request.outcome.cancelled():
                pairs += len(request.pairs)
            taken.append(request)
        return taken

    def _pass(self, requests: list[_Request]) -> None:
        """Score requests together; where that fails, each by itself, so that a bad one fails alone."""
        if not requests:
            return
        pairs = [pair for request in requests for pair in request.pairs]
        try:
            scores = require_scores(self.inner.score_pairs(pairs), len(pairs), self.name)
        except Exception as error:  # noqa: BLE001  # handed to the caller whose it is
            if len(requests) == 1:
                requests[0].outcome.set_exception(error)
                return
            for request in requests:
                self._pass([request])
            return
        place = 0
        for request in requests:
            request.outcome.set_result(scores[place : place + len(request.pairs)])
            place += len(request.pairs)
