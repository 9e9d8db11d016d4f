"""How many requests are worked on, how many wait, and when no more are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ...retrieval.errors import DeadlineExceededError, OverloadedError


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


class RequestGate:
    """Lets requests in: ``at_once`` of them work, at most ``waiting`` wait, and one more is refused."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._most = at_once + waiting
        self._turns = asyncio.Semaphore(at_once)
        self.admitted_now = 0
        """Pieces of work that were let in and have not ended."""
        self.working = 0

    @property
    def waiting(self) -> int:
        return self.admitted_now - self.working

    @asynccontextmanager
    async def admitted(self, count: int = 1) -> AsyncIterator[None]:
        """Let so many pieces of work in.

        Raises:
            OverloadedError: they and those that are in are too many.
        """
        if self.admitted_now and self.admitted_now + count > self._most:
            raise OverloadedError(
                f"{self.admitted_now} requests are worked on or wait, of at most {self._most}: try again later"
            )
        self.admitted_now += count
        try:
            yield
        finally:
            self.admitted_now -= count

    @asynccontextmanager
    async def turn(
        self, seconds: float, gone: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[None]:
        """Wait for one's turn, then hold it. ``gone`` returns when nobody waits for it any more.

        Raises:
            ClientLeftError: nobody waits any more.
            DeadlineExceededError: it did not come within so many ``seconds``.
        """
        if self._turns.locked():
            await self._wait(seconds, gone)
        else:
            await self._turns.acquire()
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1
            self._turns.release()

    async def _wait(self, seconds: float, gone: Callable[[], Awaitable[None]] | None) -> None:
        left = False

        async def watch(gone: Callable[[], Awaitable[None]]) -> None:
            nonlocal left
            await gone()
            left = True
            patience.reschedule(asyncio.get_running_loop().time())

        try:
            async with asyncio.timeout(seconds) as patience:
                watching = None if gone is None else asyncio.create_task(watch(gone))
                try:
                    await self._turns.acquire()
                finally:
                    if watching is not None:
                        watching.cancel()
        except TimeoutError as error:
            if left:
                raise ClientLeftError from error
            raise DeadlineExceededError(
                f"its turn did not come within {seconds:g} s: try again later"
            ) from error
