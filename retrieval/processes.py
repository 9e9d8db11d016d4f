"""What a forked process needs to go on: a fork copies memory and one thread, and no other thread that held a lock in it.

A server that loads a program and forks its workers (gunicorn --preload, Celery) is answered in parent and children:

- A fork waits until no thread is inside a library that would be copied half-way: SQLite, a tokenizer, a pass of a
  model (`working`). It waits at most `PATIENCE_S` seconds; forked nevertheless, the child gets `ForkedError` at once
  wherever it would wait for ever.
- It waits as long for what other threads are importing; what is half imported nevertheless, the child imports anew.
- Before the fork, connections to SQLite are closed (`before_fork`), for they may not be used across it: SQLite would
  believe that the child holds the locks of its parent.
- In the child, locks are new and free (`Lock`), and what else needs it is renewed (`after_fork_in_child`): pools of
  threads, queues, clients.

GNU's OpenMP keeps its helpers by thread, and the forking thread's are gone in the child, where it would wait for them.
So what uses OpenMP runs in the compute thread (`models.compute_thread`), which the child has anew, or in one thread
only (`index.vectors.faiss_part`).
"""

from __future__ import annotations

# The last to register is called first before a fork. These two take a lock there that the threads waited for may need.
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import _bootstrap
from types import MethodType
from typing import Any, Generic, TypeVar

from .environment import read_text, set_text
from .errors import ForkedError

T = TypeVar("T")

PATIENCE_S = 10.0
"""Longest wait of a fork for what other threads are at."""

_TOKENIZERS = "TOKENIZERS_PARALLELISM"
"""With it unset, the library warns on stderr in every child; with it true, the child waits for threads that are gone."""


_Call = tuple[weakref.ref[Any] | None, Callable[..., None]]


class Lock:
    """A lock that one thread may take several times, and that a forked process has anew, free.

    ``interrupted`` is called in a child where another thread held it at the fork: it throws away what that one left
    half done.
    """

    def __init__(self, interrupted: Callable[[], None] | None = None) -> None:
        self._lock = threading.RLock()
        self._interrupted = interrupted
        self._depth, self._owner = 0, 0
        after_fork_in_child(self._renew)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        self._owner = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        self._lock.release()

    def _renew(self) -> None:
        held, mine = self._depth > 0, self._owner == threading.get_ident()
        self._lock = threading.RLock()
        if held and mine:  # forked within its own block, which ends in the child too
            for _ in range(self._depth):
                self._lock.acquire()
            return
        self._depth = 0
        if held and self._interrupted is not None:
            self._interrupted()


def before_fork(call: Callable[[], None]) -> None:
    """Have a function or method called before each fork, in the parent; a method's object is not kept alive by it."""
    _calls.add(_calls.before, call)


def after_fork_in_child(call: Callable[[], None]) -> None:
    """Have a function or method called in each forked child; a method's object is not kept alive by it."""
    _calls.add(_calls.after, call)


@contextmanager
def working(*, for_other: bool = False) -> Iterator[None]:
    """Keep forks away while the block runs; it must end within seconds, and wait for nothing but other such work.

    Products of matrices are such work: at a fork OpenBLAS ends its threads, and a product that waits for them never ends.

    ``for_other``: what the thread does it does for another that waits inside such a block, so it is not held up by a fork.

    Raises:
        ForkedError: in a child that was forked while such work did not end.
    """
    _gate.enter(for_other)
    try:
        yield
    finally:
        _gate.leave()


def require_own_device(device: str, process: int) -> None:
    """Raise `ForkedError` for a model that another process (its id) loaded on a GPU: no child can use that one."""
    if device != "cpu" and process != os.getpid():
        raise ForkedError(
            f"the model lies on {device}, which a forked process cannot share (loaded by process {process}, this is "
            f"{os.getpid()}): load it in each worker, without --preload, or start workers by spawn"
        )


class ComputedOnce(Generic[T]):
    """A property that is computed at its first use and kept; two threads may both compute it.

    Python's own (``functools.cached_property``) has in 3.11 one lock for all objects of a class, which a child would find
    held for ever where another thread computed at the fork.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        value = self._compute(instance)
        instance.__dict__[self._name] = value  # found before this from now on
        return value


class _Calls:
    """Functions and methods to call at a fork, each with its object where that lives."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.before: list[_Call] = []
        self.after: list[_Call] = []
        self._next_look = 1000

    def add(self, where: list[_Call], call: Callable[[], None]) -> None:
        with self.lock:
            if isinstance(call, MethodType):
                where.append((weakref.ref(call.__self__), call.__func__))
            else:
                where.append((None, call))
            if len(where) > self._next_look:
                where[:] = [
                    (owner, called) for owner, called in where if owner is None or owner() is not None
                ]
                self._next_look = 2 * len(where) + 1000

    def run(self, where: list[_Call]) -> None:
        for owner, call in list(where):
            of = None if owner is None else owner()
            if owner is None:
                call()
            elif of is not None:
                call(of)


class _Gate:
    """Counts the work of all threads, and is closed while one of them forks."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._forks = threading.Lock()
        self._working = 0
        self._forking = False
        """A thread waits to fork: no new work begins, but for what running work waits for."""
        self._closed = False
        """It forks: no work begins."""
        self._own: Any = threading.local()
        self._forker = 0
        """How much of the work is the forking thread's own."""
        self._cut = False
        """This process was forked while work of other threads was going on."""

    def enter(self, for_other: bool) -> None:
        depth = getattr(self._own, "depth", 0)
        with self._changed:
            while self._closed or (self._forking and not for_other and not depth):
                self._changed.wait()
            if self._cut:
                raise ForkedError(
                    f"this process was forked while a search or a model was at work for more than {PATIENCE_S:g} s, and "
                    "cannot use what is half done: fork when nothing runs, or load the program in each worker"
                )
            self._working += 1
        self._own.depth = depth + 1

    def leave(self) -> None:
        self._own.depth -= 1
        with self._changed:
            self._working -= 1
            if self._forking and self._working == self._forker:
                self._closed = True  # at once, lest other work begins before the forking thread wakes
            self._changed.notify_all()

    def before(self) -> None:
        self._forks.acquire()
        own = getattr(self._own, "depth", 0)
        with self._changed:
            self._forking, self._forker = True, own
            idle = self._changed.wait_for(lambda: self._closed or self._working == own, PATIENCE_S)
            self._closed = True
            # Its own work half done counts too: the connection that it reads by cannot be used in the child.
            self._cut_next = not idle or own > 0

    def after_in_parent(self) -> None:
        with self._changed:
            self._forking = self._closed = False
            self._changed.notify_all()
        self._forks.release()

    def after_in_child(self) -> None:
        self._changed, self._forks = threading.Condition(threading.Lock()), threading.Lock()
        self._working = self._forker
        self._forking = self._closed = False
        self._cut = self._cut or self._cut_next


_calls = _Calls()
_gate = _Gate()
_set_tokenizers = False


def _await_imports() -> None:
    """Wait until no other thread is importing a module: the child would wait for ever for one that was half done."""
    end = time.monotonic() + PATIENCE_S
    while _others_import() and time.monotonic() < end:
        time.sleep(0.001)


def _others_import() -> bool:
    """Tell whether another thread holds the lock of a module, as importlib keeps them."""
    locks = [reference() for reference in list(_bootstrap._module_locks.values())]  # type: ignore[attr-defined]
    return any(getattr(lock, "owner", None) not in (None, threading.get_ident()) for lock in locks)


def _forget_imports_of_gone_threads() -> None:
    """Let what another thread was importing at the fork be imported anew: that thread is not in this process.

    Whatever was waited for before, an import can begin at the very last moment.
    """
    mine = threading.get_ident()
    module_locks = _bootstrap._module_locks  # type: ignore[attr-defined]
    for name, reference in list(module_locks.items()):
        if getattr(reference(), "owner", None) == mine:
            continue
        module_locks.pop(name, None)
        if getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False):
            del sys.modules[name]


def _before() -> None:
    global _set_tokenizers
    _gate.before()
    _await_imports()
    _calls.lock.acquire()
    _set_tokenizers = "tokenizers" in sys.modules and read_text(_TOKENIZERS) is None
    if _set_tokenizers:
        set_text(_TOKENIZERS, "false")
    _calls.run(_calls.before)


def _after_in_parent() -> None:
    if _set_tokenizers:
        set_text(_TOKENIZERS, None)
    _calls.lock.release()
    _gate.after_in_parent()


def _after_in_child() -> None:
    _forget_imports_of_gone_threads()
    _calls.lock = threading.Lock()
    if "tokenizers" in sys.modules:
        set_text(_TOKENIZERS, "false")
    _gate.after_in_child()
    _calls.run(_calls.after)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
