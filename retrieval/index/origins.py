"""Where an index's documents came from, in its database: roots and links in the meta table, a file per document, and files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, fields, replace

from ..corpus.file_state import FileState
from ..corpus.roots import Origin, Root

_KEY = "origin"
_FILE_COLUMNS = ", ".join(field.name for field in fields(FileState))


def read_origin(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote."""
    files: dict[str, str] = {}  # each is one text, however many documents it has
    sources = {id: files.setdefault(source, source) for id, source in _sources(connection)}
    return replace(_roots_and_links(meta), sources=sources)


def is_noted(connection: sqlite3.Connection, meta: Mapping[str, str], origin: Origin) -> bool:
    """Whether `write_origin` would change nothing."""
    noted = _roots_and_links(meta)
    if (noted.roots, noted.links) != (origin.roots, origin.links):
        return False
    same = sum(origin.sources.get(id) == source for id, source in _sources(connection))
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


def _roots_and_links(meta: Mapping[str, str]) -> Origin:
    noted = json.loads(meta.get(_KEY, "{}"))
    roots = tuple(_root(**root) for root in noted.get("roots", ()))
    return Origin(roots=roots, links=noted.get("links", {}))


def _sources(connection: sqlite3.Connection) -> Iterable[tuple[str, str]]:
    return connection.execute("SELECT id, source FROM documents")


def _root(
    path: str, name: str | None, include: list[str], exclude: list[str], fields: list[list[str]]
) -> Root:
    return Root(path, name, tuple(include), tuple(exclude), tuple((key, value) for key, value in fields))
