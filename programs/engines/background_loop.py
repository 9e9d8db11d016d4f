"""Waiting in a thread for what runs on an event loop, so that a call can be ended in time whatever it waits for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ...retrieval.processes import Lock, after_fork_in_child

T = TypeVar("T")

_CLOSE_S = 1.0
"""Longest wait for the connection of an interrupted call to close."""

_starting = Lock()
_running: list[asyncio.AbstractEventLoop] = []
"""The loop that runs in this process, last. Those of parents stay, for to close them is not a child's business."""
_runs = False


def _loop() -> asyncio.AbstractEventLoop:
    global _runs
    with _starting:
        if not _runs:
            _running.append(asyncio.new_event_loop())
            threading.Thread(target=_running[-1].run_forever, name="quincunx-wait", daemon=True).start()
            _runs = True
        return _running[-1]


def _forget_loop() -> None:
    """A fork inherits the loop, and not its thread."""
    global _runs
    _runs = False


after_fork_in_child(_forget_loop)


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
