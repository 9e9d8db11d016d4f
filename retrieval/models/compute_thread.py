"""One thread of the process computes for all models; every other thread waits, for it, for SQLite or for a server.

Which thread does what:

- The caller's thread runs a search: it tokenises, looks up what is remembered, fuses and sorts.
- The compute thread (here) runs every forward pass of the models on this machine. What `queue.PooledReranker` shares
  among callers runs here too: requests that arrive during a pass are in the next one together.
- The lexical threads of a `Searcher` wait for SQLite's full-text index, while the question is embedded.
- A thread for each request to Ollama waits for its server (`ollama.client`), so that the wait can end in time.
- Callers on an event loop wait in a thread of asyncio's own (`asyncio.to_thread`).

On a CPU every pass uses all cores, so two at once gain nothing. But each thread that computes has helpers of its own in
the OpenMP runtime, and once they are more than the cores, GNU's runtime lets helpers sleep between the parts of a pass
instead of waiting awake: measured here, short passes then take 1.5 times as long, in every thread and for good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

from ..processes import after_fork_in_child, working

Given = ParamSpec("Given")
Made = TypeVar("Made")


class _Thread:
    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a forked process must: it inherits no thread."""
        self.local = threading.local()
        self.pool = ThreadPoolExecutor(1, "quincunx-compute", initializer=self._mark)

    def _mark(self) -> None:
        self.local.computes = True


_THREAD = _Thread()
after_fork_in_child(_THREAD.restart)


def in_compute_thread() -> bool:
    """Tell whether this is the thread that computes."""
    return getattr(_THREAD.local, "computes", False)


def submit(call: Callable[[], Made]) -> Future[Made]:
    """Let the thread that computes make this call, after those it was given before."""

    def run() -> Made:
        with working(for_other=True):
            return call()

    return _THREAD.pool.submit(run)


def computing(call: Callable[Given, Made]) -> Callable[Given, Made]:
    """Make a function run in the thread that computes, whichever thread calls it and waits for what it returns."""

    @wraps(call)
    def moved(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        if in_compute_thread():
            return call(*args, **kwargs)
        return submit(lambda: call(*args, **kwargs)).result()

    return moved
