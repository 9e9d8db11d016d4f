"""Runs told one after the other in one SQLite file, to be watched over commits.

    track(["answers-new"], "runs.sqlite")
    tracked("runs.sqlite")[-1].value

A row is a `RunEntry`, a column each, for whatever reads SQL.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path

from ...retrieval.errors import RunError, StorageError
from .run_entries import RunEntry, run_entry

SCHEMA = 1
_NAMES = [field.name for field in fields(RunEntry) if field.name != "error"]
_COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
_SCHEMA_SQL = f"CREATE TABLE IF NOT EXISTS runs ({_COLUMNS}, PRIMARY KEY (id))"
"""A run that is told again is one row, by its id."""


def track(runs: Sequence[str | Path], database: str | Path) -> list[RunEntry]:
    """Add runs to a database, by name or folder, all or none; one that is there already is told anew.

    Raises:
        UnknownRunError: there is no such run. RunError: one cannot be read, or has no figure yet.
        StorageError: the database cannot be written, or is none of this kind.
    """
    entries = {entry.id: entry for entry in map(run_entry, runs)}
    for entry in entries.values():
        if entry.value is None:
            raise RunError(f"{entry.name} has no figure yet: finish it, or write its report with `eval show`")
    rows = []
    for entry in entries.values():
        values = {**vars(entry), "settings": json.dumps(dict(entry.settings)), "tags": json.dumps(entry.tags)}
        rows.append([values[name] for name in _NAMES])
    path = Path(database)
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            _require_schema(connection, path)
            connection.execute(_SCHEMA_SQL)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            places = ", ".join("?" * len(_NAMES))
            connection.executemany(f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({places})", rows)
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}; check the disk, or name another file") from error
    return list(entries.values())


def tracked(database: str | Path) -> list[RunEntry]:
    """Return the runs of a database, oldest first.

    Raises `StorageError` where it cannot be read, or is none of this kind.
    """
    path = Path(database)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            _require_schema(connection, path)
            rows = connection.execute(f"SELECT {_COLUMNS} FROM runs ORDER BY begun, id").fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"{path}: {error}; name a file that `eval track` has written") from error
    found = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    for row in found:
        row |= {"settings": json.loads(row["settings"]), "tags": tuple(json.loads(row["tags"]))}
    return [RunEntry(**row) for row in found]


def _require_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise where a file holds something else; one that is new holds nothing."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and version != SCHEMA:
        raise StorageError(
            f"{path} is no file of tracked runs of schema {SCHEMA} (it has {version}): name another"
        )
