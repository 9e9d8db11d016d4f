"""Where an index's documents came from, in its database: roots and links in the meta table, a file per document, and files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, fields, replace

from ...corpus.file_state import FileState
from ...corpus.roots import Origin, Root
from ..connection import Connection
from .documents import OfDocuments
from .meta import write_meta

_KEY = "origin"
_FILE_COLUMNS = ", ".join(field.name for field in fields(FileState))


def stored_origin(connection: Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote; the file of a document is looked up when it is asked for."""
    noted = json.loads(meta.get(_KEY, "{}"))
    roots = tuple(_root(**root) for root in noted.get("roots", ()))
    return Origin(roots, OfDocuments(connection, "source"), noted.get("links", {}))


def read_origin(connection: Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote, to be used without the database, too."""
    stored = stored_origin(connection, meta)
    return replace(stored, sources=dict(stored.sources.items()))


def is_noted(connection: Connection, meta: Mapping[str, str], origin: Origin) -> bool:
    """Whether `write_origin` would change nothing."""
    noted = stored_origin(connection, meta)
    if (noted.roots, noted.links) != (origin.roots, origin.links):
        return False
    same = sum(origin.sources.get(id) == source for id, source in noted.sources.items())
    return same == len(origin.sources)


def write_origin(connection: Connection, origin: Origin) -> None:
    """Note the roots, and the files of those documents that the origin knows; inside a transaction."""
    noted = json.dumps({"roots": [asdict(root) for root in origin.roots], "links": dict(origin.links)})
    write_meta(connection, {_KEY: noted})
    connection.executemany(
        "UPDATE documents SET source = ? WHERE id = ?",
        ((source, id) for id, source in origin.sources.items()),
    )


def read_files(connection: Connection) -> dict[str, FileState]:
    """Return the files that were read, or left out, by their paths."""
    rows = connection.execute(f"SELECT path, {_FILE_COLUMNS} FROM files").fetchall()
    return {path: FileState(*state) for path, *state in rows}


def write_files(connection: Connection, files: Mapping[str, FileState]) -> None:
    """Note that these are the files now; inside a transaction."""
    before = read_files(connection)
    came = [path for path, state in files.items() if before.get(path) != state]
    gone = [path for path in before if path not in files or before[path] != files[path]]
    connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
    connection.executemany(
        f"INSERT INTO files (path, {_FILE_COLUMNS}) VALUES (?{', ?' * len(fields(FileState))})",
        [(path, *astuple(files[path])) for path in came],
    )


def _root(
    path: str, name: str | None, include: list[str], exclude: list[str], fields: list[list[str]]
) -> Root:
    return Root(path, name, tuple(include), tuple(exclude), tuple((key, value) for key, value in fields))
