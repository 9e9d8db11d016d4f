"""One writer at a time: the lock of a folder, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..processes import after_fork_in_child

_held: dict[int, Path] = {}
"""The folders that this process keeps locked, by descriptor."""
_locked_at_fork: set[Path] = set()


def lock_folder(folder: Path, *, wait: bool) -> int:
    """Keep other writers of a folder out until the descriptor that is returned is handed to `unlock`.

    Raises ``BlockingIOError`` where another holds it, and ``wait`` is not set.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    _held[descriptor] = folder.absolute()
    return descriptor


def unlock(descriptor: int) -> None:
    """Let other writers in again. In a process forked meanwhile, the lock is the parent's and was left to it."""
    if _held.pop(descriptor, None) is not None:
        os.close(descriptor)


def was_locked_at_fork(folder: Path) -> bool:
    """Whether the parent of this process held the lock of a folder when this process was forked."""
    return folder.absolute() in _locked_at_fork


def _leave_to_parent() -> None:
    _locked_at_fork.update(_held.values())
    for descriptor in _held:
        os.close(descriptor)  # held open here, the lock would outlast the parent's
    _held.clear()


after_fork_in_child(_leave_to_parent)
