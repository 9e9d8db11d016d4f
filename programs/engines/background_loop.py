"""Waiting in a thread for what runs on an event loop, so that a call can be ended in time whatever it waits for."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
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


def wait_for(work: Coroutine[Any, Any, T]) -> T:
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


async def run_in_thread(call: Callable[[], T]) -> T:
    """Return what a blocking call returns, from a thread of its own, which neither fills a pool nor holds up an exit."""
    loop, outcome = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    context = contextvars.copy_context()

    def settle(method: Callable[[Any], None], value: Any) -> None:
        if not outcome.done():
            method(value)

    def run() -> None:
        try:
            value = context.run(call)
        except BaseException as error:  # noqa: BLE001  # raised again where it is awaited
            loop.call_soon_threadsafe(settle, outcome.set_exception, error)
        else:
            loop.call_soon_threadsafe(settle, outcome.set_result, value)

    threading.Thread(target=run, name="quincunx-call", daemon=True).start()
    result: T = await outcome
    return result
