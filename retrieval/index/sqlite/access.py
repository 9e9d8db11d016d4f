"""How a database can be read from here: with its write-ahead log, as a file that nobody writes, or from a copy.

SQLite shows a reader each generation at once where it can lock the database and share the log's index (``-shm``) with
the writer. That takes no right to write as long as both files lie there, and the writer leaves them when it ends (see
`keep_log_files`). Without the right to write, that leaves:

- Both files are missing, or the log is empty: the database is whole in its one file. It is read as one that nobody
  writes, and what was read counts only where no file has changed meanwhile.
- There is a log that cannot be shared: its index is missing, or the files lie on a network. Database and log are copied,
  in a state that did not change meanwhile, and the copy is read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from ...storage.network import network_of
from ..schema import IndexChangedError

WAL, SHM = "-wal", "-shm"

FileState = tuple[int, int, int, int] | None
"""Device, inode, bytes and time of the last change in ns; ``None`` for no file."""


@dataclass(frozen=True)
class Access:
    """How to read a database now; equal ones may share a connection."""

    way: Literal["shared", "alone", "copy"]
    files: tuple[FileState, ...]
    """``shared``: which file it is. Else the state of database and log, which may not change while they are read."""
    network: str = ""
    """The kind of network file system that it lies on, where that matters."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must be told."""
        if not self.network:
            return ()
        where = f"the index lies on a network file system ({self.network}), read without the right to write"
        return (f"{where}: a generation published elsewhere within the last minute may not be seen yet",)


def access_to(path: Path) -> Access:
    """Return how the database can be read by this process now."""
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        return Access("shared", (_identity(path),))
    network, log = network_of(path), _state(_beside(path, WAL))
    if not network and log is not None and _state(_beside(path, SHM)) is not None:
        return Access("shared", (_identity(path),))
    return Access("copy" if log is not None and log[2] else "alone", (_state(path), log), network)


def unchanged(path: Path, access: Access) -> bool:
    """Whether the files are as they were, where nothing else keeps what is read whole."""
    return access.way == "shared" or access.files == (_state(path), _state(_beside(path, WAL)))


def connect_to_read(path: Path, access: Access) -> sqlite3.Connection:
    """Open a connection that changes nothing: it neither folds the log into the database nor removes it."""
    if access.way == "copy":
        return _connect_to_copy(path, access)
    return _connect(path, "mode=ro" if access.way == "shared" else "mode=ro&immutable=1")


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a connection for the one writer; the database is made where there is none."""
    connection = _connect(path, "mode=rwc")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def fold_log(connection: sqlite3.Connection) -> None:
    """Bring the database up to its log, as far as readers let it now; the next writer does the rest."""
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):  # all is committed, and stays in the log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def keep_log_files(path: Path) -> None:
    """Put an empty log and its index beside a database whose last connection took them away.

    A reader without the right to write cannot make them, and needs them to see the next change.
    """
    owner = path.stat()
    for suffix in (WAL, SHM):
        try:
            descriptor = os.open(
                _beside(path, suffix), os.O_CREAT | os.O_EXCL | os.O_WRONLY, owner.st_mode & 0o666
            )
        except FileExistsError:
            continue
        try:
            os.fchmod(descriptor, owner.st_mode & 0o666)
            if os.geteuid() == 0:  # else an owner who is not root could not write the log of the own database
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)


def _connect_to_copy(path: Path, access: Access) -> sqlite3.Connection:
    with tempfile.TemporaryDirectory(prefix="quincunx-") as name:
        copy = Path(name) / path.name
        for suffix in ("", WAL):
            shutil.copyfile(_beside(path, suffix), _beside(copy, suffix))
        if not unchanged(path, access):
            raise IndexChangedError(f"{path}: it was written while it was copied to be read; ask again")
        with closing(_connect(copy, "mode=rw")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()  # which takes the log in first
        # Open, the file stays readable without its name.
        return _connect(copy, "mode=ro&immutable=1")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?{how}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _identity(path: Path) -> FileState:
    """Return what stays the same only while a file is not replaced."""
    state = _state(path)
    return None if state is None else (state[0], state[1], 0, 0)


def _state(path: Path) -> FileState:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
