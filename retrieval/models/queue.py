"""One queue for many callers of a model: what waits while a pass runs goes into the next pass together.

The passes run in the compute thread. A lone request is begun at once, for nothing waits for company. Requests that
arrive during a pass share the next one, up to what keeps the device busy, so that a request waits for at most the passes
before it. The queue of a reranker is bounded: with it full, callers get an error at once instead of a place at its end.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from ..errors import BoundError, DeadlineExceededError, OverloadedError
from ..processes import Lock, after_fork_in_child
from .compute_thread import in_compute_thread, submit
from .rerankers import Scores, require_scores

WAITING_PAIRS = 4096
"""Pairs that may wait."""

Pair = tuple[str, str]
Item = TypeVar("Item")


@runtime_checkable
class PairReranker(Protocol):
    """A reranker on this machine that reads pairs of several questions at once."""

    @property
    def name(self) -> str: ...

    @property
    def pairs_at_once(self) -> int:
        """Pairs that keep its device busy: of several requests, no more are passed to it together."""

    def score_pairs(self, pairs: Sequence[Pair]) -> Scores: ...


@dataclass(frozen=True)
class _Request(Generic[Item]):
    items: Sequence[Item]
    outcome: Future[Any] = field(default_factory=Future)
    """Cancelled before it runs, its items never reach the model."""


class PassQueue(Generic[Item]):
    """What waits for the compute thread to read it; safe to share across threads and event loops."""

    def __init__(
        self,
        name: str,
        read: Callable[[list[Item]], Any],
        at_once: Callable[[], int],
        most: float = math.inf,
    ) -> None:
        """Begin an empty queue.

        Args:
            name: of the model.
            read: returns one result for each item, in their order, as something that can be cut like a list.
            at_once: items that keep the device busy: of several requests, no more are read together.
            most: items that may wait.
        """
        self._name, self._read, self._at_once, self._most = name, read, at_once, most
        self._lock = Lock()
        self._closed = False
        self._forget()
        after_fork_in_child(self._forget)  # what waits, its callers wait for in the parent

    def submit(self, items: Sequence[Item]) -> Future[Any]:
        """Return what will hold the results of some items.

        Raises `OverloadedError` where too many wait, or it was closed.
        """
        request = _Request(items)
        with self._lock:
            if self._closed:
                raise OverloadedError(f"{self._name} was closed: make another one")
            # A request that is too large by itself is taken when nothing waits, else it could never be.
            if self.waiting and self.waiting + len(items) > self._most:
                raise OverloadedError(
                    f"{self.waiting} pairs wait for {self._name}, and {len(items)} more are over {self._most}: "
                    "try again later, or send fewer at once"
                )
            self._requests.append(request)
            self.waiting += len(items)
            if not in_compute_thread():
                submit(
                    self._next_pass
                )  # one for each request, though a pass before it may take this one along
        while in_compute_thread() and not request.outcome.done():
            self._next_pass()
        return request.outcome

    def close(self) -> None:
        """Take nothing more, and finish what waits."""
        with self._lock:
            self._closed = True
        if not in_compute_thread():
            submit(lambda: None).result()  # it comes after the passes of all that waits

    def _forget(self) -> None:
        self._requests: deque[_Request[Item]] = deque()
        self.waiting = 0
        """Items that wait."""

    def _next_pass(self) -> None:
        """Read what waits, as much as one pass is to hold."""
        with self._lock:
            taken = self._take()
        self._pass([request for request in taken if request.outcome.set_running_or_notify_cancel()])

    def _take(self) -> list[_Request[Item]]:
        taken: list[_Request[Item]] = []
        items, most = 0, self._at_once()
        while self._requests and (not taken or items + len(self._requests[0].items) <= most):
            request = self._requests.popleft()
            self.waiting -= len(request.items)
            if not request.outcome.cancelled():
                items += len(request.items)
            taken.append(request)
        return taken

    def _pass(self, requests: list[_Request[Item]]) -> None:
        """Read requests together; where that fails, each by itself, so that a bad one fails alone."""
        if not requests:
            return
        try:
            results = self._read([item for request in requests for item in request.items])
        except Exception as error:  # noqa: BLE001  # handed to the caller whose it is
            if len(requests) == 1:
                requests[0].outcome.set_exception(error)
                return
            for request in requests:
                self._pass([request])
            return
        place = 0
        for request in requests:
            request.outcome.set_result(results[place : place + len(request.items)])
            place += len(request.items)


class PooledReranker:
    """Shares a reranker among threads and event loops; safe to share across all of them.

    Raises:
        BoundError: ``waiting`` is less than 1.
    """

    def __init__(self, reranker: PairReranker, *, waiting: int = WAITING_PAIRS) -> None:
        if waiting < 1:
            raise BoundError(f"waiting must be at least 1 pair (got {waiting})")
        self.inner = reranker
        self._queue = PassQueue(reranker.name, self._score_pairs, lambda: reranker.pairs_at_once, waiting)

    @property
    def name(self) -> str:
        return self.inner.name

    def score(self, question: str, passages: Sequence[str], timeout_s: float | None = None) -> Scores:
        """Score passages against a question, together with what else is waiting.

        Raises:
            OverloadedError: too many pairs are waiting, or it was closed.
            DeadlineExceededError: there was no score within ``timeout_s``; what had not begun never will.
        """
        outcome = self._submit(question, passages)
        try:
            scores: Scores = outcome.result(timeout_s)
            return scores
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"{self.name} had no score within {timeout_s} s: allow more, or send fewer requests at once"
            ) from error
        finally:
            outcome.cancel()  # after an interrupt or a time-out; done, it stays as it is

    async def ascore(self, question: str, passages: Sequence[str]) -> Scores:
        """Score without holding up the event loop; cancelled before its turn, it never reaches the model."""
        scores: Scores = await asyncio.wrap_future(self._submit(question, passages))
        return scores

    def close(self) -> None:
        """Take nothing more, and finish what waits."""
        self._queue.close()

    def _submit(self, question: str, passages: Sequence[str]) -> Future[Any]:
        if not passages:
            nothing: Future[Any] = Future()
            nothing.set_result(np.empty(0, dtype=np.float32))
            return nothing
        return self._queue.submit([(question, passage) for passage in passages])

    def _score_pairs(self, pairs: list[Pair]) -> Scores:
        return require_scores(self.inner.score_pairs(pairs), len(pairs), self.name)
