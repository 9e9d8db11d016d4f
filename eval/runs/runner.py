"""Running the examples of a run: several at once, each row committed as soon as it is there."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from dspy.utils.exceptions import LMRateLimitError

from ...retrieval.errors import BoundError, OllamaBusyError, QuincunxError
from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from .ledger import Row

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True)
class ExampleResult:
    """What one example gave."""

    record: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    passages: Sequence[Passage] = ()


Work = Callable[[GoldQuestion], ExampleResult]
RowWatch = Callable[[int, int, Row | None], None]
"""Called with (done, total, the row that was just committed); the first call says what was there already."""


def no_watch(done: int, total: int, row: Row | None) -> None:
    """Watch nothing."""


class RowStore(Protocol):
    """What examples are run for, and rows are added to: a `Run`, or a judge's sheet of one."""

    def questions(self) -> list[GoldQuestion]: ...

    def done(self) -> set[str]:
        """Return the ids of the examples that have a row."""
        ...

    def add(self, row: Row, passages: Sequence[Passage] = ()) -> None:
        """Commit the row of one example."""
        ...


def run_examples(
    run: RowStore,
    work: Work,
    *,
    workers: int = 1,
    retries: int = 6,
    first_pause_s: float = 1.0,
    watch: RowWatch = no_watch,
) -> None:
    """Run every example that has no row yet.

    A `QuincunxError` is a failure of its example, and its row. When a language model says that it is asked too
    much, all workers pause, ``first_pause_s`` and then twice that each time, and that example is tried again up to
    ``retries`` times. Whatever else is raised, an interrupt too, ends the run: the rows that were committed stay,
    and at most ``workers`` examples have been begun in vain.
    """
    if workers < 1:
        raise BoundError(f"workers must be at least 1 (got {workers})")
    finished_ids = run.done()
    questions = run.questions()
    waiting = [question for question in questions if question.id not in finished_ids]
    done = len(questions) - len(waiting)
    watch(done, len(questions), None)
    gate = _RateLimitPause(first_pause_s)
    with ThreadPoolExecutor(workers, thread_name_prefix="quincunx-eval") as pool:
        running: set[Future[tuple[Row, Sequence[Passage]]]] = set()
        queue = iter(waiting)
        try:
            _start_waiting(running, pool, queue, workers, work, gate, retries)
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    row, passages = future.result()
                    run.add(row, passages)
                    done += 1
                    watch(done, len(questions), row)
                _start_waiting(running, pool, queue, workers, work, gate, retries)
        except BaseException:
            gate.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_waiting(
    running: set[Future[tuple[Row, Sequence[Passage]]]],
    pool: ThreadPoolExecutor,
    queue: Iterable[GoldQuestion],
    workers: int,
    work: Work,
    gate: _RateLimitPause,
    retries: int,
) -> None:
    """Begin as many examples as there are workers free: never more, so that little is lost with a kill."""
    for question in queue:
        # DSPy's settings live in context variables, which threads do not inherit by themselves.
        context = contextvars.copy_context()
        running.add(pool.submit(context.run, _run_example, question, work, gate, retries))
        if len(running) >= workers:
            return


def _run_example(
    question: GoldQuestion, work: Work, gate: _RateLimitPause, retries: int
) -> tuple[Row, Sequence[Passage]]:
    for left in range(retries, -1, -1):
        gate.wait()
        begin = time.perf_counter()
        try:
            outcome = work(question)
        except QuincunxError as error:
            if left and _is_rate_limited(error):
                gate.pause()
                continue
            took = {"whole": time.perf_counter() - begin}
            return Row(question.id, {}, took, error.code, str(error)), ()
        gate.ease()
        seconds = {**outcome.seconds, "whole": time.perf_counter() - begin}
        return Row(question.id, outcome.record, seconds), outcome.passages
    raise AssertionError("the last try returns")


def _is_rate_limited(error: QuincunxError) -> bool:
    return isinstance(error, OllamaBusyError) or isinstance(error.__cause__, LMRateLimitError)


class _RateLimitPause:
    """Lets no example begin while a language model needs rest."""

    def __init__(self, first_pause_s: float) -> None:
        self._first = self._next = first_pause_s
        self._until = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        while (left := self._until - time.monotonic()) > 0 and not self._stopped.wait(left):
            pass

    def pause(self) -> None:
        with self._lock:
            if time.monotonic() < self._until:
                return  # another worker has been told so just now
            self._until = time.monotonic() + self._next
            logger.warning("the language model is asked too much: all workers pause for %.0f s", self._next)
            self._next = min(2 * self._next, LONGEST_PAUSE_S)

    def ease(self) -> None:
        with self._lock:
            if time.monotonic() >= self._until:
                self._next = self._first

    def stop(self) -> None:
        self._stopped.set()
