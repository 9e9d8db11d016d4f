"""Running the examples of a run: several at once, each row committed as soon as it is there."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...retrieval.errors import BoundError, QuincunxError
from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from .ledger import Row
from .rate_limit import FIRST_PAUSE_S, RETRIES, RateLimitPause


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
    retries: int = RETRIES,
    first_pause_s: float = FIRST_PAUSE_S,
    watch: RowWatch = no_watch,
) -> None:
    """Run every example that has no row yet.

    A `QuincunxError` is a failure of its example, and its row. When a language model says that it is asked too much, all
    workers pause (see `RateLimitPause`), and that example is tried again up to ``retries`` times. Whatever else is raised, an
    interrupt too, ends the run: the rows that were committed stay, and at most ``workers`` examples have been begun in vain.
    """
    if workers < 1:
        raise BoundError(f"workers must be at least 1 (got {workers})")
    finished_ids = run.done()
    questions = run.questions()
    waiting = [question for question in questions if question.id not in finished_ids]
    done = len(questions) - len(waiting)
    watch(done, len(questions), None)
    gate = RateLimitPause(first_pause_s)
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
    gate: RateLimitPause,
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
    question: GoldQuestion, work: Work, gate: RateLimitPause, retries: int
) -> tuple[Row, Sequence[Passage]]:
    for left in range(retries, -1, -1):
        gate.wait()
        begin = time.perf_counter()
        try:
            outcome = work(question)
        except QuincunxError as error:
            if left and gate.pause_for(error):
                continue
            took = {"whole": time.perf_counter() - begin}
            return Row(question.id, {}, took, error.code, str(error)), ()
        gate.ease()
        seconds = {**outcome.seconds, "whole": time.perf_counter() - begin}
        return Row(question.id, outcome.record, seconds), outcome.passages
    raise AssertionError("the last try returns")
