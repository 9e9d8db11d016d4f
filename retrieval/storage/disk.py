"""Files that are there whole or not at all, after a crash too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import StorageError


@contextmanager
def storing(what: Path) -> Iterator[None]:
    """Turn what the disk refuses into one `StorageError`."""
    try:
        yield
    except OSError as error:
        remedy = "free some space" if error.errno == errno.ENOSPC else "check the disk and its permissions"
        raise StorageError(
            f"{what}: {error.strerror or error}; nothing was changed. Then {remedy} and run the same command again"
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, and see to it that their names survive a power loss."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def publish_file(path: Path, parts: Sequence[memoryview], mode: int | None = None) -> None:
    """Write a file beside its place, flush it, and rename it into place; what fails leaves nothing beside it.

    ``mode``: who may read and write it, such as ``0o600``; left out, as the process makes files.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb", buffering=0) as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            for part in parts:
                written = 0
                while written < len(part):
                    written += file.write(part[written:])
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
