"""One thread computes for all models, whichever threads ask."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from quincunx.retrieval.models.compute_thread import computing


@computing
def where(raising: bool = False) -> str:
    """Return the name of the thread that this runs in."""
    if raising:
        raise ValueError("as it was")
    return threading.current_thread().name


@computing
def nested() -> tuple[str, str]:
    return threading.current_thread().name, where()


def test_whoever_asks_is_answered_from_one_thread() -> None:
    with ThreadPoolExecutor(8) as callers:
        names = {where(), *callers.map(lambda _: where(), range(64))}
    assert len(names) == 1
    assert names != {threading.current_thread().name}


def test_what_computes_may_ask_for_more() -> None:
    inner, outer = nested()
    assert inner == outer == where()


def test_errors_reach_the_caller() -> None:
    with pytest.raises(ValueError, match="as it was"):
        where(raising=True)
    assert where()


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    code = """
import os
from quincunx.retrieval.models.compute_thread import computing
assert computing(lambda: 1)() == 1
child = os.fork()
if not child:
    os._exit(0 if computing(lambda: 2)() == 2 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
