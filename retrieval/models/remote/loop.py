"""One event loop for all remote models of the process, in a thread of its own: callers wait, requests run side by side."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from ...processes import Lock, after_fork_in_child

T = TypeVar("T")


class _LoopThread:
    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        after_fork_in_child(self._forget)

    def _forget(self) -> None:
        self._loop = None  # a forked process inherits no thread

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        running = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return running.result()
        except BaseException:
            running.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="quincunx-remote", daemon=True).start()
            return self._loop


_thread = _LoopThread()


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Wait for what runs in the loop, whichever thread asks."""
    return _thread.run(work)
