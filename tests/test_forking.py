"""A pre-fork server: the parent warms up everything, and its forked children answer, or get one error at once."""

from __future__ import annotations

import fcntl
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dspy
import pytest
from checkpoints import bge
from conftest import TORTURE
from ollama_server import OllamaServer
from openai_server import openai_server
from parts import Hashing

from quincunx.programs.engines.lms import keep_connections_apart
from quincunx.retrieval import processes
from quincunx.retrieval.errors import ForkedError
from quincunx.retrieval.index.build import build, update
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.passages import Document
from quincunx.retrieval.processes import ComputedOnce, Lock, require_own_device
from quincunx.retrieval.search import Searcher

WORKER = Path(__file__).with_name("fork_worker.py")


@pytest.mark.torture
@pytest.mark.parametrize("threads", [None, "1"] if TORTURE else [None])
@pytest.mark.parametrize(
    "scenario",
    ["one_child", "two_generations", "many_at_once", "in_the_midst_of_searches", "work_that_does_not_end"],
)
def test_children_answer_after_their_parent_used_everything(
    canons: Path, tmp_path: Path, scenario: str, threads: str | None
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": threads or ""}
    if threads is None:
        del environment["OMP_NUM_THREADS"]
    environment.pop("TOKENIZERS_PARALLELISM", None)
    with OllamaServer() as server:
        command = [sys.executable, str(WORKER), scenario, str(bge(tmp_path / "bge")), server.url]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=400
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "huggingface/tokenizers" not in done.stderr


def in_child(work: Callable[[], object]) -> int:
    """Run work in a forked child, and return how it ended: 0 well, 1 by an error, below 0 by a signal."""
    child = os.fork()
    if not child:
        signal.alarm(60)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("patience", [processes.PATIENCE_S, 0.0])
def test_a_module_that_another_thread_is_importing_can_be_imported_in_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", patience)
    monkeypatch.delitem(sys.modules, "imported_slowly", raising=False)
    begun = tmp_path / "begun"
    source = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(0.5)\nREADY = True\n"
    (tmp_path / "imported_slowly.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    def child() -> None:
        assert importlib.import_module("imported_slowly").READY

    thread = threading.Thread(target=importlib.import_module, args=("imported_slowly",))
    thread.start()
    while not begun.exists():
        time.sleep(0.001)
    assert in_child(child) == 0
    thread.join()


def test_a_property_that_another_thread_is_computing_is_computed_in_the_child() -> None:
    begun, end, parent = threading.Event(), threading.Event(), os.getpid()

    class Slow:
        @ComputedOnce
        def value(self) -> int:
            if os.getpid() == parent and not begun.is_set():
                begun.set()
                end.wait()
            return id(self)

    def child() -> None:
        one = Slow()
        assert one.value == one.value == id(one)

    thread = threading.Thread(target=lambda: Slow().value)
    thread.start()
    begun.wait()
    assert in_child(child) == 0
    end.set()
    thread.join()


def test_a_lock_that_another_thread_holds_is_free_in_the_child() -> None:
    lost: list[str] = []
    lock, other = (
        Lock(interrupted=lambda: lost.append("lost")),
        Lock(interrupted=lambda: lost.append("other")),
    )
    held, end = threading.Event(), threading.Event()

    def hold() -> None:
        with lock, lock:
            held.set()
            end.wait()

    def child() -> None:
        with lock, other:
            assert lost == ["lost"]

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with other:  # which goes on to be held by the child itself
        assert in_child(child) == 0
    end.set()
    thread.join()
    assert lost == []
    with lock:
        pass


def documents(generation: int) -> list[Document]:
    return [Document(f"d{i}", "", f"alpha of generation {generation} number {i}") for i in range(8)]


def test_a_child_reads_by_connections_of_its_own_and_follows_what_is_published(tmp_path: Path) -> None:
    build(tmp_path, documents(1), Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    assert searcher.search("alpha").generations == {tmp_path.name: 1}
    go, told = os.pipe(), os.pipe()

    def child() -> None:
        assert searcher.search("alpha").generations == {tmp_path.name: 1}
        os.write(told[1], b"1")
        os.read(go[0], 1)
        assert searcher.search("alpha").generations == {tmp_path.name: 2}

    process = threading.Thread(target=lambda: ended.append(in_child(child)))
    ended: list[int] = []
    process.start()
    os.read(told[0], 1)
    update(tmp_path, documents(2), Hashing())
    assert searcher.search("alpha").generations == {tmp_path.name: 2}
    os.write(go[1], b"1")
    process.join()
    assert ended == [0]
    with Store(tmp_path).read() as reading:
        assert reading.faults() == []


def test_forked_while_an_index_is_written_the_child_is_told_and_the_lock_stays_the_parents(
    tmp_path: Path,
) -> None:
    for name in ("written", "other"):
        build(tmp_path / name, documents(1), Hashing())
    searchers = {name: Searcher(tmp_path / name, Hashing(), None) for name in ("written", "other")}

    def child() -> None:
        assert len(searchers["other"].search("alpha").candidates) == 8
        for refused in (
            lambda: searchers["written"].search("alpha"),
            lambda: update(tmp_path / "written", documents(2), Hashing()),
        ):
            with pytest.raises(ForkedError, match="while its parent wrote this index"):
                refused()
        # Not held here, the lock ends with the parent's.
        fcntl.flock(os.open(tmp_path / "other", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)

    with Store(tmp_path / "written").write() as writing:
        assert writing.generation == 1
        assert in_child(child) == 0
    assert update(tmp_path / "written", documents(2), Hashing()).generation == 2
    assert searchers["written"].search("alpha").generations == {"written": 2}


def test_the_writers_lock_does_not_outlive_it_in_a_child(tmp_path: Path) -> None:
    build(tmp_path, documents(1), Hashing())
    told, go = os.pipe(), os.pipe()
    with Store(tmp_path).write():
        child = os.fork()
        if not child:
            signal.alarm(60)
            os.write(told[1], b"1")
            os.read(go[0], 1)
            os._exit(0)
        os.read(told[0], 1)
    assert update(tmp_path, documents(2), Hashing()).generation == 2
    os.write(go[1], b"1")
    os.waitpid(child, 0)


def test_a_child_asks_a_language_model_over_a_connection_of_its_own() -> None:
    with openai_server(lambda body: "yes") as server:
        lm = dspy.LM("openai/m", api_base=server.url, api_key="none", cache=False)
        keep_connections_apart(lm)
        assert lm("one") == ["yes"]
        assert lm("two") == ["yes"]
        assert in_child(lambda: lm("three")) == 0
        assert lm("four") == ["yes"]
    one, two, three, four = server.connections
    assert one == two == four
    assert three != one


def test_a_model_on_a_gpu_is_refused_in_a_child_at_once() -> None:
    require_own_device("cuda", os.getpid())
    require_own_device("cpu", os.getpid() + 1)
    with pytest.raises(ForkedError, match="load it in each worker"):
        require_own_device("cuda", os.getpid() + 1)
