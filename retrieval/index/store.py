"""Where an index lies: in its folder, or in the Postgres database that its folder names.

Vectors are keyed by what was embedded and by whom, so that they can be written batch by batch ahead of the one transaction that
makes a new generation of the index visible: killed anywhere, the database holds the old generation or the new one, and a
rerun embeds only what is missing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import MissingExtraError
from .postgres.place import DatabasePlace, read_place
from .reader import IndexReader
from .sqlite.database import SQLiteDatabase
from .writer import IndexWriter

if TYPE_CHECKING:
    from .postgres.database import PostgresDatabase


class Database(Protocol):
    """The truth about one index's documents, passages and vectors; safe to share across threads."""

    def read(self) -> AbstractContextManager[IndexReader]:
        """Give a view of one whole generation, whatever writers do meanwhile.

        Raises:
            IndexChangedError: it was changed meanwhile, where nothing could keep it as it was; what was read does not
                count. Only where there is no right to write, see `sqlite.access`.
            ForkedError: this process was forked while its parent wrote the index.
            StoreUnreachableError: the database cannot be reached.
        """
        ...

    def write(self, *, fresh: bool = False, make: bool = False) -> AbstractContextManager[IndexWriter]:
        """Hold the one writer's lock; raises `WriterBusyError` when another process has it.

        ``fresh`` removes what is there first. ``make`` makes what is not there, which is done in a folder anyway.
        """
        ...

    def drop(self) -> None:
        """Remove the index with all it holds; raises `WriterBusyError` when it is being written."""
        ...

    def close(self) -> None:
        """Close the idle connections."""
        ...


class Store:
    """Opens the database of the index in a folder; safe to share across threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        place = read_place(folder)
        self._database: Database = SQLiteDatabase(folder) if place is None else postgres(folder, place)

    def read(self) -> AbstractContextManager[IndexReader]:
        """See `Database.read`."""
        return self._database.read()

    def write(self, *, fresh: bool = False, make: bool = False) -> AbstractContextManager[IndexWriter]:
        """See `Database.write`."""
        return self._database.write(fresh=fresh, make=make)

    def drop(self) -> None:
        """See `Database.drop`."""
        self._database.drop()

    def close(self) -> None:
        """See `Database.close`."""
        self._database.close()


def postgres(folder: Path, place: DatabasePlace) -> PostgresDatabase:
    """Return the database at a place; raises `MissingExtraError` where the library for it is not installed."""
    try:
        from .postgres.database import PostgresDatabase
    except ImportError as error:
        raise MissingExtraError(error.name or "psycopg", "postgres") from error
    return PostgresDatabase(folder, place)
