"""Where an index's documents came from, in its database: roots and followed links in the meta table, a file per document."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from ..text.roots import Origin, Root

_KEY = "origin"


def read_origin(connection: sqlite3.Connection, meta: Mapping[str, str]) -> Origin:
    """Return what `write_origin` wrote."""
    noted = json.loads(meta.get(_KEY, "{}"))
    return Origin(
        roots=tuple(Root(root["path"], root["name"]) for root in noted.get("roots", ())),
        sources=dict(connection.execute("SELECT id, source FROM documents").fetchall()),
        links=noted.get("links", {}),
    )


def write_origin(connection: sqlite3.Connection, origin: Origin) -> None:
    """Note the roots, and the files of those documents that the origin knows; inside a transaction."""
    roots = [{"path": root.path, "name": root.name} for root in origin.roots]
    noted = json.dumps({"roots": roots, "links": dict(origin.links)})
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, noted))
    connection.executemany(
        "UPDATE documents SET source = ? WHERE id = ?",
        [(source, id) for id, source in origin.sources.items()],
    )
