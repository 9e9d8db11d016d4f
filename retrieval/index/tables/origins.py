"""Where an index's documents came from, in its database: roots and links in the meta table, a file per document, and files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, astuple, fields, replace

from ...corpus.file_state import FileState
from ...corpus.roots import Origin, Root
from .documents import OfDocuments

_KEY = "origin"
_FILE_COLUMNS = ", ".join(field.name for field in fields(FileState))


def stored_origin(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote; the file of a document is looked up when it is asked for."""
    noted = json.loads(meta.get(_KEY, "{}"))
    roots = tuple(_root(**root) for root in noted.get("roots", ()))
    return Origin(roots, OfDocuments(connection, "source"), noted.get("links", {}))


def read_origin(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote, to be used without the database, too."""
    stored = stored_origin(connection, meta)
    return replace(stored, sources=dict(stored.sources.items()))


def is_noted(connection: sqlite3.Connection, meta: Mapping[str, str], origin: Origin) -> bool:
    """Whether `write_origin` would change nothing."""
    noted = stored_origin(connection, meta)
    if (noted.roots, noted.links) != (origin.roots, origin.links):
        return False
    same = sum(origin.sources.get(id) == source for id, source in noted.sources.items())
    return same == len(origin.sources)


def write_origin(connection: sqlite3.Connection, origin: Origin) -> None:
    """Note the roots, and the files of those documents that the origin knows; inside a transaction."""
    noted = json.dumps({"roots": [asdict(root) for root in origin.roots], "links": dict(origin.links)})
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, noted))
    connection.executemany(
        "UPDATE documents SET source = ? WHERE id = ?",
        ((source, id) for id, source in origin.sources.items()),
    )


def read_files(connection: sqlite3.Connection) -> dict[str, FileState]:
    """Return the files that were read, or left out, by their paths."""
    rows = connection.execute(f"SELECT path, {_FILE_COLUMNS} FROM files").fetchall()
    return {path: FileState(*state) for path, *state in rows}


def write_files(connection: sqlite3.Connection, files: Mapping[str, FileState]) -> None:
    """Note that these are the files now; inside a transaction."""
    before = read_files(connection)
    connection.executemany(
        "DELETE FROM files WHERE path = ?", [(path,) for path in before.keys() - files.keys()]
    )
    connection.executemany(
        f"INSERT OR REPLACE INTO files (path, {_FILE_COLUMNS}) VALUES (?{', ?' * len(fields(FileState))})",
        [(path, *astuple(state)) for path, state in files.items() if before.get(path) != state],
    )


def _root(
    path: str, name: str | None, include: list[str], exclude: list[str], fields: list[list[str]]
) -> Root:
    return Root(path, name, tuple(include), tuple(exclude), tuple((key, value) for key, value in fields))
