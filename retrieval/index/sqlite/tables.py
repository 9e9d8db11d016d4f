"""The tables of an index in SQLite."""

from __future__ import annotations

import sqlite3
from uuid import uuid4

from ..lexical.fts5 import TOKENIZER
from ..schema import SCHEMA
from ..tables.metadata import METADATA_SQL
from ..tables.names import NAMES_SQL

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


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, all or none; the store gets a name that no other store has, nor this one built afresh."""
    connection.executescript(
        f"BEGIN IMMEDIATE;{_SCHEMA_SQL}INSERT INTO meta "
        f"VALUES ('schema', '{SCHEMA}'), ('store', '{uuid4().hex}');COMMIT;"
    )
