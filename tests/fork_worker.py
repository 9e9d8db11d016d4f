"""A parent that uses everything, and children forked from it that must answer too, each within its alarm.

Usage: python fork_worker.py SCENARIO CROSS_ENCODER OLLAMA_HOST. It exits with 0 when every process answered rightly.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import quincunx
from quincunx.retrieval import processes
from quincunx.retrieval.models.ollama.embedder import OllamaEmbedder
from quincunx.retrieval.models.options import ModelOptions
from quincunx.retrieval.models.profiles import embedded_profile, shared_embedder
from quincunx.retrieval.processes import working

SECONDS = 90
"""After which a child that hangs is ended."""
QUESTION = "What is Sage Daily?"


class Everything:
    """Every pool, lock, thread, connection and client of the package, in use."""

    def __init__(self, cross_encoder: str, ollama_host: str) -> None:
        self.program = quincunx.load("chat_bridge")
        scores = Path(cross_encoder).parent / "scores.sqlite"
        paired = embedded_profile(ModelOptions(cross_encoder=Path(cross_encoder), score_file=scores))
        self.reranked = quincunx.open_index("builddaily", profile=paired)
        self.embedder = shared_embedder("embedded")
        self.ollama = OllamaEmbedder(host=ollama_host)
        self.asked = 0

    def use(self) -> None:
        self.asked += 1  # another question each time, so that nothing is only remembered
        words = f"{QUESTION} {os.getpid()} {self.asked}"
        assert len(self.program.retriever(question=words).passages) == 5
        assert self.program(question=QUESTION).citations[0].passage_id == "bd-sage-daily"
        assert self.program(question=QUESTION, budget=quincunx.Budget(seconds=60)).answered
        assert asyncio.run(self.program.acall(question=QUESTION)).answered
        assert asyncio.run(self.streamed()) == "Done"
        assert len(self.reranked.search(words).passages) == 5
        assert self.embedder.embed_questions([words]).shape == (1, 384)
        alone, together = self.ollama.embed_questions([words]), self.ollama.embed_questions([words, "b"])
        assert np.array_equal(alone[0], together[0])

    async def streamed(self) -> str:
        return [type(event).__name__ async for event in self.program.stream(QUESTION)][-1]


def fork(work: Callable[[], None]) -> int:
    """Run work in a child; returns its process id."""
    child = os.fork()
    if child:
        return child
    faulthandler.register(signal.SIGALRM, chain=True)  # it says where a child hangs, and ends it
    signal.alarm(SECONDS)
    try:
        work()
    except BaseException:  # noqa: BLE001  # a child must end here, whatever happens
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def wait_for(children: list[int]) -> None:
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * len(codes), f"children ended with {codes}; {-signal.SIGALRM} is a hang"


def one_child(every: Everything) -> None:
    every.use()
    wait_for([fork(every.use)])
    every.use()


def two_generations(every: Everything) -> None:
    def child() -> None:
        every.use()
        wait_for([fork(every.use)])
        every.use()

    every.use()
    wait_for([fork(child)])
    every.use()


def many_at_once(every: Everything) -> None:
    every.use()
    children = [fork(every.use) for _ in range(8)]
    every.use()
    wait_for(children)


def in_the_midst_of_searches(every: Everything) -> None:
    done, failures = threading.Event(), []

    def search() -> None:
        while not done.is_set():
            try:
                every.use()
            except Exception as error:  # noqa: BLE001  # every failure of a thread is one of the test
                failures.append(repr(error))
                return

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        time.sleep(0.05)
        wait_for([fork(every.use)])
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def work_that_does_not_end(every: Everything) -> None:
    """What cannot be had is refused at once."""
    every.use()
    processes.PATIENCE_S = 0.2
    end, begun = threading.Event(), threading.Event()

    def hold() -> None:
        with working():
            begun.set()
            end.wait()

    def child() -> None:
        begin = time.perf_counter()
        for ask in (
            every.use,
            lambda: every.program(question=QUESTION),
            lambda: every.embedder.embed_questions(["x"]),
        ):
            with pytest.raises(quincunx.ForkedError, match="fork when nothing runs"):
                ask()
        assert time.perf_counter() - begin < 2

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait()
    children = [fork(child)]
    end.set()
    thread.join()
    wait_for(children)
    every.use()
    wait_for([fork(every.use)])


if __name__ == "__main__":
    signal.alarm(4 * SECONDS)
    globals()[sys.argv[1]](Everything(sys.argv[2], sys.argv[3]))
