"""Waiting in a thread for what runs on an event loop, so that a call can be ended in time whatever it waits for."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLOSE_S = 1.0
"""Longest wait for the connection of an interrupted call to close."""

_starting = threading.Lock()
_running: dict[int, asyncio.AbstractEventLoop] = {}
"""The loop, by process id: a fork inherits the entry, and not the thread."""


def _loop() -> asyncio.AbstractEventLoop:
    with _starting:
        loop = _running.get(os.getpid())
        if loop is None:
            loop = _running[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="quincunx-wait", daemon=True).start()
        return loop


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns on the loop; an exception in the waiting thread cancels it."""
    ended = threading.Event()

    async def run() -> T:
        try:
            return await work
        finally:
            ended.set()

    outcome = asyncio.run_coroutine_threadsafe(run(), _loop())
    try:
        return outcome.result()
    except BaseException:
        if outcome.cancel():
            ended.wait(_CLOSE_S)
        raise
