"""One writer at a time: the lock of a folder, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def lock_folder(folder: Path, *, wait: bool) -> int:
    """Keep other writers of a folder out for as long as the descriptor that is returned is open.

    Raises ``BlockingIOError`` where another holds it, and ``wait`` is not set.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
