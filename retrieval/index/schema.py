"""The tables of an index's database, the version that this package reads, and the key of a vector."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from ..errors import IndexStateError
from ..models.embedders import EmbedderIdentity
from .lexical.bm25 import TOKENIZER
from .tables.metadata import METADATA_SQL
from .tables.names import NAMES_SQL

SCHEMA = 4
REBUILD = "Build it again with `quincunx index build --fresh`"

_SCHEMA_SQL = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, metadata TEXT NOT NULL, headed INTEGER NOT NULL,
    parts TEXT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL, read_by TEXT NOT NULL, size INTEGER NOT NULL,
    modified TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document_id TEXT NOT NULL, title TEXT NOT NULL,
    text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, metadata TEXT NOT NULL, parts TEXT NOT NULL,
    vector TEXT NOT NULL
);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE INDEX passages_of_vector ON passages (vector);
CREATE TABLE vectors (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexical USING fts5 (words, tokenize = '{TOKENIZER}');
CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID;
{METADATA_SQL}
{NAMES_SQL}
"""


def unknown_schema(meta: Mapping[str, str], folder: Path) -> IndexStateError:
    """Return the error for a store whose meta table names a schema that this version cannot read."""
    return IndexStateError(
        f"{folder}: schema {meta.get('schema', 'unknown')}, this version reads {SCHEMA}. {REBUILD}"
    )


def vector_key(identity: EmbedderIdentity, reading: str) -> str:
    """Name the vector of a text by an embedder: equal keys mean equal vectors."""
    whole = json.dumps(identity.as_dict(), sort_keys=True) + "\0" + reading
    return hashlib.sha256(whole.encode()).hexdigest()


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, all or none; the store gets a name that no other store has, nor this one built afresh."""
    connection.executescript(
        f"BEGIN IMMEDIATE;{_SCHEMA_SQL}INSERT INTO meta "
        f"VALUES ('schema', '{SCHEMA}'), ('store', '{uuid4().hex}');COMMIT;"
    )
