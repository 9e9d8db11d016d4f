"""The table of what is noted of an index as a whole: a text by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..connection import Connection


def read_meta(connection: Connection) -> dict[str, str]:
    """Return all that is noted."""
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def write_meta(connection: Connection, changed: Mapping[str, str]) -> None:
    """Note these; inside a transaction."""
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(changed.items()),
    )
