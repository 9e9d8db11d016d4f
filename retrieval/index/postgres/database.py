"""The database of one index in Postgres.

A schema of its own holds it. Each search reads in one transaction at REPEATABLE READ, and so sees one generation whole, whatever
the writer does meanwhile; the one writer holds an advisory lock, which ends with its connection, however that ends.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from ...errors import IndexStateError, StorageError, StoreUnreachableError, WriterBusyError
from ...processes import before_fork, working
from ..schema import REBUILD
from ..tables.meta import read_meta
from .place import DatabasePlace
from .reader import PostgresReader
from .session import SETTINGS, Session
from .tables import LACKING, drop_tables, has_tables, make_tables
from .writer import PostgresWriter

PATIENCE_S = 2
"""Longest wait for another writer, which may be one that was killed just now."""
IDLE_KEPT = 8
"""Connections that are kept for the next searches."""
_NOT_THERE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
"""The server cannot be reached, ended, or has no room."""


class PostgresDatabase:
    """See `Database`; any number of machines may read it, and one process at a time write it."""

    def __init__(self, folder: Path, place: DatabasePlace) -> None:
        """``folder``: the one that names the place, by which the index is known."""
        self.folder = folder
        self.place = place
        self._idle: queue.SimpleQueue[Session] = queue.SimpleQueue()
        before_fork(self.close)

    def is_taken(self) -> bool:
        """Whether an index was built there; raises `StoreUnreachableError` where the server cannot be reached."""
        with self._translated():
            session = Session.open(self.place)
            try:
                return has_tables(session) and "generation" in read_meta(session)
            finally:
                session.close()

    @contextmanager
    def read(self) -> Iterator[PostgresReader]:
        """See `Database`."""
        with working(), self._translated():
            session = self._session()
            try:
                session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                if not has_tables(session):
                    raise self._gone()
                yield PostgresReader(session, self.folder)
            finally:
                self._keep(session)

    def _session(self) -> Session:
        """Return a session that no one uses; the server may have ended those that wait, so each is asked first."""
        while True:
            try:
                session = self._idle.get_nowait()
            except queue.Empty:
                break
            try:
                session.execute("SELECT 1")
                return session
            except _NOT_THERE:
                session.close()
        session = Session.open(self.place)
        try:
            session.know_vectors()
        except psycopg.ProgrammingError as error:
            session.close()
            raise StorageError(f"{self.place}: {LACKING} ({_told(error)})") from error
        return session

    def _keep(self, session: Session) -> None:
        try:
            session.execute("ROLLBACK")
        except _NOT_THERE:
            session.close()
            return
        if self._idle.qsize() < IDLE_KEPT:
            self._idle.put(session)
        else:
            session.close()

    @contextmanager
    def write(self, *, fresh: bool = False, make: bool = False) -> Iterator[PostgresWriter]:
        """See `Database`."""
        with self._translated(), self._locked() as session:
            if fresh:
                drop_tables(session)
            if not has_tables(session):
                if not (fresh or make):
                    raise self._gone()
                make_tables(session, self.place)
            session.know_vectors()
            yield PostgresWriter(session, self.folder)

    def drop(self) -> None:
        """See `Database`."""
        with self._translated(), self._locked() as session:
            drop_tables(session)

    def _gone(self) -> IndexStateError:
        return IndexStateError(
            f"{self.place}: there is no index in that schema, or no longer. {REBUILD}, or detach it"
        )

    def close(self) -> None:
        """See `Database`."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextmanager
    def _locked(self) -> Iterator[Session]:
        """Give a session that holds the writer's lock."""
        session = Session.open(self.place)
        try:
            try:
                # The server takes a moment to see that a killed writer is gone.
                session.execute(f"SET lock_timeout = '{PATIENCE_S}s'")
                session.execute("SELECT pg_advisory_lock(hashtextextended(?, 0))", (self._lock,))
            except psycopg.errors.LockNotAvailable as error:
                raise WriterBusyError(
                    f"{self.place}: another process is writing this index; wait for it and try again"
                ) from error
            session.execute(f"SET lock_timeout = {SETTINGS['lock_timeout']}")
            try:
                yield session
            finally:
                with suppress(*_NOT_THERE):  # then it went with the connection
                    session.execute("SELECT pg_advisory_unlock(hashtextextended(?, 0))", (self._lock,))
        finally:
            session.close()

    @property
    def _lock(self) -> str:
        return f"quincunx {self.place.schema}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what Postgres reports into one typed error."""
        try:
            yield
        except psycopg.errors.LockNotAvailable as error:
            raise WriterBusyError(
                f"{self.place}: another process holds what this one needs, such as a search that does not end; nothing was "
                "changed. Try again"
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise StorageError(
                f"{self.place}: {_told(error)}; nothing was changed. Grant the right, or use a role that has it"
            ) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise StorageError(
                f"{self.place}: {_told(error)}; nothing was changed. Write to the server that others copy"
            ) from error
        except psycopg.errors.ProgramLimitExceeded as error:
            raise StorageError(
                f"{self.place}: {_told(error)}; nothing was changed. An id or a field's name of more than about 2,600 bytes "
                "cannot be held in Postgres: shorten it, or keep the index in a folder"
            ) from error
        except _NOT_THERE as error:
            raise StoreUnreachableError(
                f"{self.place}: {_told(error)}; nothing was changed. See that the server runs, takes connections from here "
                "and has room, and run the same command again"
            ) from error
        except psycopg.errors.UndefinedTable as error:
            raise IndexStateError(
                f"{self.place}: {_told(error)}. Grant the right to use the schema, or, if tables are gone: {REBUILD}"
            ) from error
        except psycopg.Error as error:
            raise IndexStateError(f"{self.place}: {_told(error)}. {REBUILD}") from error


def _told(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
