"""Work on several items at once, in threads that know DSPy's settings."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> list[Result]:
    """Return what ``work`` makes of each item, in their order, ``workers`` at a time.

    Whatever it raises, an interrupt too, ends it: no further item is begun, and the error is raised once those that were begun
    have ended.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="quincunx-eval") as pool:
        try:
            # DSPy's settings live in context variables, which threads do not inherit by themselves.
            futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
            wait(futures, return_when=FIRST_EXCEPTION)
            ended = [future for future in futures if future.done() and future.exception() is not None]
            return [future.result() for future in ended or futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
