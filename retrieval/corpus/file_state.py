"""The state of a file when it was read, by which a later reading tells whether it changed."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..text.readers.reader import UnreadableFileError

_SETTLED = 2.0
"""Seconds after which a file's times tell a later change from this one, on every file system in use."""


@dataclass(frozen=True)
class FileState:
    """One file as it was."""

    stamp: str
    """Its size and times; empty where it was changed so shortly before that they tell nothing."""
    digest: str
    """SHA-256 of its content."""
    read_by: str
    """The reader, its version, and what was mapped."""
    size: int
    modified: str
    """The time of its last change, in UTC; empty where the system gives none that can be."""
    reason: str = ""
    """Why it was left out; empty where it was read."""
    detail: str = ""

    @classmethod
    def of(cls, path: Path, read_by: str, before: FileState | None) -> FileState:
        """Look at a file; what it was ``before`` saves reading it where its size and times are the same.

        Raises:
            UnreadableFileError: it cannot be read.
        """
        try:
            status = os.stat(path)
            stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
            if before is not None and before.stamp == stamp and before.read_by == read_by:
                return before
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableFileError("unreadable", error.strerror or str(error)) from error
        settled = time.time() - max(status.st_mtime, status.st_ctime) > _SETTLED
        same = before is not None and (before.digest, before.read_by) == (digest, read_by)
        return cls(
            stamp if settled else "",
            digest,
            read_by,
            status.st_size,
            _utc(status.st_mtime),
            before.reason if same and before else "",
            before.detail if same and before else "",
        )

    def says_the_same(self, other: FileState) -> bool:
        """Whether the file's content is the same, and would be read in the same way."""
        return (self.digest, self.read_by) == (other.digest, other.read_by)


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # no year that a date can have
        return ""
