"""One thread of the process computes for all models.

On a CPU every pass uses all cores, so two at once gain nothing. But each thread that computes has helpers of its own in
the OpenMP runtime, and once they are more than the cores, GNU's runtime lets helpers sleep between the parts of a pass
instead of waiting awake: measured here, short passes then take 1.5 times as long, in every thread and for good.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class _Thread:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a forked process must: threads stay behind."""
        self.within = threading.local()
        self.pool = ThreadPoolExecutor(1, "quincunx-compute", initializer=self._mark)

    def _mark(self) -> None:
        self.within.yes = True


_THREAD = _Thread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_THREAD.forget)


def computing(call: Callable[Given, Made]) -> Callable[Given, Made]:
    """Make a function run in the thread that computes, whichever thread calls it and waits for what it returns."""

    @wraps(call)
    def moved(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        if getattr(_THREAD.within, "yes", False):
            return call(*args, **kwargs)
        return _THREAD.pool.submit(call, *args, **kwargs).result()

    return moved
