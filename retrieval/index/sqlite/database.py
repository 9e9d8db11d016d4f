"""The database of one index: the truth about its documents, passages and vectors.

One SQLite file in WAL mode. Vectors are keyed by what was embedded and by whom, so that they can be written
batch by batch ahead of the one transaction that makes a new generation of the index visible: killed anywhere,
the file holds the old generation or the new one, and a rerun embeds only what is missing. The snapshot that
searches load is written before that transaction commits and named inside it, so that the commit is what
publishes it, too.
"""

from __future__ import annotations

import logging
import queue
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ...errors import ForkedError, IndexStateError, StorageError, WriterBusyError
from ...processes import before_fork, working
from ...storage.disk import make_folder, storing
from ...storage.home import DATABASE
from ...storage.lock import lock_folder, unlock, was_locked_at_fork
from ..schema import REBUILD, IndexChangedError
from ..vectors.snapshot import FOLDER
from .access import (
    SHM,
    WAL,
    Access,
    access_to,
    connect_to_read,
    connect_to_write,
    fold_log,
    keep_log_files,
    unchanged,
)
from .reader import SQLiteReader
from .tables import create_tables
from .writer import SQLiteWriter

logger = logging.getLogger(__name__)


class SQLiteDatabase:
    """See `Database`; in the index's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / DATABASE
        self._idle: queue.SimpleQueue[tuple[Access, sqlite3.Connection]] = queue.SimpleQueue()
        before_fork(self.close)

    @contextmanager
    def read(self) -> Iterator[SQLiteReader]:
        """Give a view of one whole generation, whatever writers do meanwhile.

        Raises:
            IndexChangedError: it was changed meanwhile, where nothing could keep it as it was; what was read does not
                count. Only where there is no right to write, see `access`.
            ForkedError: this process was forked while its parent wrote the index.
        """
        with working(), self._translated():
            self._require_own()
            if not self.path.is_file():
                raise IndexStateError(f"{self.path}: no database there. {REBUILD}")
            access = access_to(self.path)
            connection = self._idle_connection(access) or connect_to_read(self.path, access)
            try:
                with self._whole(access):
                    connection.execute("BEGIN")
                    try:
                        yield SQLiteReader(connection, self.folder, access.notes)
                    finally:
                        connection.execute("ROLLBACK")
            finally:
                self._idle.put((access, connection))

    @contextmanager
    def _whole(self, access: Access) -> Iterator[None]:
        """Raise `IndexChangedError` where what was read may be of two states."""
        try:
            yield
        except (sqlite3.DatabaseError, IndexStateError) as error:
            # Its log is begun anew just now, which who may not write cannot wait for.
            begun = getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY")
            if unchanged(self.path, access) and not begun:
                raise
            raise self._changed() from error
        if not unchanged(self.path, access):
            raise self._changed()

    def _changed(self) -> IndexChangedError:
        return IndexChangedError(f"{self.path}: it was written while it was read; ask again")

    def _idle_connection(self, access: Access) -> sqlite3.Connection | None:
        """Return a connection to the files as they are now; others are closed."""
        while True:
            try:
                kept, connection = self._idle.get_nowait()
            except queue.Empty:
                return None
            if kept == access:
                return connection
            connection.close()

    def _require_own(self) -> None:
        if was_locked_at_fork(self.folder):
            raise ForkedError(
                f"{self.folder}: this process was forked while its parent wrote this index, and SQLite cannot read it "
                "here: start workers when no index is being built, or by spawn"
            )

    @contextmanager
    def write(self, *, fresh: bool = False, make: bool = False) -> Iterator[SQLiteWriter]:
        """Hold the one writer's lock; raises `WriterBusyError` when another process has it.

        ``fresh`` removes the database first.
        """
        self._require_own()
        with storing(self.folder):
            make_folder(self.folder)
        with self._locked():
            if fresh:
                with storing(self.folder):
                    self._remove_database()
            with self._translated(), closing(connect_to_write(self.path)) as connection:
                if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                    create_tables(connection)
                try:
                    yield SQLiteWriter(connection, self.folder)
                finally:
                    fold_log(connection)
            self._keep_log_files()

    def drop(self) -> None:
        """See `Database`."""
        with self._locked(), storing(self.folder):
            self._remove_database()
            shutil.rmtree(self.folder / FOLDER, ignore_errors=True)

    def _remove_database(self) -> None:
        for suffix in ("", WAL, SHM, "-journal"):
            self.path.with_name(DATABASE + suffix).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with storing(self.folder):
            try:
                lock = lock_folder(self.folder, wait=False)
            except BlockingIOError as error:
                raise WriterBusyError(
                    f"{self.folder}: another process is writing this index; wait for it and try again"
                ) from error
        try:
            yield
        finally:
            unlock(lock)

    def _keep_log_files(self) -> None:
        try:
            keep_log_files(self.path)
        except OSError as error:
            logger.warning(
                "%s: readers without the right to write may not see changes (%s)", self.path, error
            )

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(queue.Empty):
            while True:
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
