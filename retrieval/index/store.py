"""The database of one index: the truth about its documents, passages and vectors.

One SQLite file in WAL mode. Vectors are keyed by what was embedded and by whom, so that they can be written
batch by batch ahead of the one transaction that makes a new generation of the index visible: killed anywhere,
the file holds the old generation or the new one, and a rerun embeds only what is missing. The snapshot that
searches load is written before that transaction commits and named inside it, so that the commit is what
publishes it, too.
"""

from __future__ import annotations

import os
import queue
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from ..errors import IndexStateError, StorageError, WriterBusyError
from ..storage.disk import make_folder, storing
from ..storage.home import DATABASE
from ..storage.lock import lock_folder
from .reader import IndexReader
from .schema import REBUILD, create_tables
from .writer import IndexWriter


class Store:
    """Opens the database of an index folder; safe to share across threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE
        self._idle: queue.SimpleQueue[tuple[_File, sqlite3.Connection]] = queue.SimpleQueue()

    @contextmanager
    def read(self) -> Iterator[IndexReader]:
        """Give a view of one whole generation, whatever writers do meanwhile."""
        with self._translated():
            file, connection = self._idle_connection() or (_file(self.path), self._connect_to_read())
            try:
                connection.execute("BEGIN")
                try:
                    yield IndexReader(connection, self.folder)
                finally:
                    connection.execute("ROLLBACK")
            finally:
                self._idle.put((file, connection))

    def _idle_connection(self) -> tuple[_File, sqlite3.Connection] | None:
        """Return a connection to the file that lies there now; those to a file that was replaced are closed."""
        while True:
            try:
                file, connection = self._idle.get_nowait()
            except queue.Empty:
                return None
            if file == _file(self.path):
                return file, connection
            connection.close()

    @contextmanager
    def write(self, *, fresh: bool = False) -> Iterator[IndexWriter]:
        """Hold the one writer's lock; raises `WriterBusyError` when another process has it.

        ``fresh`` removes the database first.
        """
        with storing(self.folder):
            make_folder(self.folder)
            try:
                lock = lock_folder(self.folder, wait=False)
            except BlockingIOError as error:
                raise WriterBusyError(
                    f"{self.folder}: another process is writing this index; wait for it and try again"
                ) from error
        try:
            if fresh:
                with storing(self.folder):
                    for suffix in ("", "-wal", "-shm", "-journal"):
                        self.path.with_name(DATABASE + suffix).unlink(missing_ok=True)
            with self._translated(), closing(self._connect_to_write()) as connection:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                    create_tables(connection)
                yield IndexWriter(connection, self.folder)
        finally:
            os.close(lock)

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait()[1].close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite reports into one typed error."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise WriterBusyError(
                    f"{self.path}: {error}; another program holds the file, try again"
                ) from error
            if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")):
                raise StorageError(
                    f"{self.path}: {error}; nothing was changed. Free some space or check the disk and its "
                    "permissions, and run the same command again"
                ) from error
            raise IndexStateError(f"{self.path}: {error}. {REBUILD}") from error

    def _connect_to_read(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise IndexStateError(f"{self.path}: no database there. {REBUILD}")
        if os.access(self.folder, os.W_OK) and os.access(self.path, os.W_OK):
            return self._connect("mode=rw")
        # Where nothing can be written, no writer can be at work, and WAL could not make its files.
        return self._connect("mode=ro&immutable=1")

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect("mode=rwc")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _connect(self, how: str) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path))}?{how}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)


_File = tuple[int, int]
"""Device and inode: what stays the same only while a file is not replaced."""


def _file(path: Path) -> _File:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
