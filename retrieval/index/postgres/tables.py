"""The tables of an index in Postgres: those of SQLite, and postings and vectors in place of its full-text index and snapshot."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from ...errors import StorageError, UsageError
from ...metadata import Kind, Path
from ..schema import SCHEMA
from ..tables.meta import write_meta
from ..tables.metadata import MetadataTable
from .place import DatabasePlace
from .session import Session

TEXT = 'text COLLATE "C"'
"""Sorted by its characters' numbers, as in SQLite."""
VECTOR = "schema_of_pgvector.vector"
"""With the schema put in that pgvector was made in."""
LACKING = (
    "the extension pgvector is not there: install it on the server, and have its administrator run CREATE EXTENSION vector in "
    "this database"
)
MARK = "index_of_quincunx"
"""An empty table, by which a schema is known to hold an index, and nothing of anybody else's."""
NAMES = (
    *(
        "meta",
        "documents",
        "files",
        "passages",
        "vectors",
        "searched",
        "terms",
        "postings",
        "lengths",
        "words",
    ),
    *("metadata_fields", "metadata_values", "names", MARK),
)
_TABLES = f"""
CREATE TABLE {MARK} ();
CREATE TABLE meta (key {TEXT} PRIMARY KEY, value {TEXT} NOT NULL);
CREATE TABLE documents (
    id {TEXT} PRIMARY KEY, title {TEXT} NOT NULL, text {TEXT} NOT NULL, metadata {TEXT} NOT NULL, headed integer NOT NULL,
    parts {TEXT} NOT NULL, hash {TEXT} NOT NULL, source {TEXT} NOT NULL
);
CREATE TABLE files (
    path {TEXT} PRIMARY KEY, stamp {TEXT} NOT NULL, digest {TEXT} NOT NULL, read_by {TEXT} NOT NULL, size bigint NOT NULL,
    modified {TEXT} NOT NULL, reason {TEXT} NOT NULL, detail {TEXT} NOT NULL
);
CREATE TABLE passages (
    number bigint PRIMARY KEY, id {TEXT} NOT NULL UNIQUE, document_id {TEXT} NOT NULL, title {TEXT} NOT NULL,
    text {TEXT} NOT NULL, start bigint NOT NULL, "end" bigint NOT NULL, metadata {TEXT} NOT NULL, parts {TEXT} NOT NULL,
    vector {TEXT} NOT NULL
);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE INDEX passages_of_vector ON passages (vector);
CREATE TABLE vectors (key {TEXT} PRIMARY KEY, value {VECTOR} NOT NULL);
CREATE TABLE searched (passage bigint PRIMARY KEY, value {VECTOR} NOT NULL);
ALTER TABLE searched ALTER COLUMN value SET STORAGE PLAIN;
CREATE TABLE terms (term integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token {TEXT} NOT NULL UNIQUE);
CREATE TABLE postings (
    term integer NOT NULL, passage bigint NOT NULL, tokens integer NOT NULL, places integer[] NOT NULL,
    PRIMARY KEY (term, passage)
);
CREATE INDEX postings_of_passage ON postings (passage);
CREATE TABLE lengths (passage bigint PRIMARY KEY, tokens integer NOT NULL);
CREATE TABLE words (word {TEXT} NOT NULL);
CREATE UNIQUE INDEX each_word ON words (md5(word));
CREATE TABLE metadata_fields (
    field integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path {TEXT} NOT NULL UNIQUE, name {TEXT} NOT NULL
);
CREATE INDEX fields_by_name ON metadata_fields (name);
CREATE TABLE metadata_values (
    field integer NOT NULL, kind integer NOT NULL, text {TEXT}, number numeric, passage bigint NOT NULL
);
CREATE INDEX values_by_text ON metadata_values (field, kind, text, passage);
CREATE INDEX values_by_number ON metadata_values (field, kind, number, passage);
CREATE TABLE names (name {TEXT} NOT NULL, passage bigint NOT NULL, own integer NOT NULL);
CREATE INDEX names_by_name ON names USING hash (name);
CREATE INDEX names_of_passage ON names (passage);
"""


class PostgresMetadata(MetadataTable):
    """See `MetadataTable`; numbers and texts stand in columns of their own, numbers exactly."""

    column: dict[Kind, str] = {  # noqa: RUF012
        "truth": "number",
        "number": "number",
        "instant": "number",
        "none": "number",
        "text": "text",
        "date": "text",
    }

    def stored(self, value: Any) -> Any:
        """See `MetadataTable`."""
        return value if isinstance(value, str) else Decimal(value)

    def commonest(self, path: Path, kind: Kind, most: int) -> list[Any]:
        """See `MetadataTable`."""
        return [_as_written(value) for value in super().commonest(path, kind, most)]


def _as_written(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    is_whole = value.is_finite() and value == value.to_integral_value()
    return int(value) if is_whole else float(value)


def has_tables(session: Session) -> bool:
    """Whether the schema holds an index; raises `UsageError` where it holds something else."""
    found = session.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = ?",
        (session.schema,),
    )
    names = {str(name) for (name,) in found}
    if names and MARK not in names:
        raise UsageError(
            f"schema {session.schema} holds {min(names)!r}, which is of no index: name a schema that holds nothing else"
        )
    return bool(names)


def make_tables(session: Session, place: DatabasePlace) -> None:
    """Make schema and tables, all or none; raises `StorageError` where the database lacks pgvector, or is of another encoding than UTF-8."""
    [(encoding,)] = session.execute("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise StorageError(
            f"{place}: the database is encoded in {encoding}, which has no place for many characters: name one that was made "
            "with ENCODING 'UTF8'"
        )
    schema = SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(place.schema))
    with session.connection.transaction():
        try:
            session.connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        except (
            psycopg.errors.FeatureNotSupported,
            psycopg.errors.UndefinedFile,
            psycopg.errors.InsufficientPrivilege,
        ) as error:
            raise StorageError(f"{place}: {LACKING} ({error})") from error
        session.connection.execute(schema)
        vector = f"{session.vector_schema()}.vector"
        session.connection.execute(_TABLES.replace(VECTOR, vector).encode())
        write_meta(session, {"schema": str(SCHEMA), "store": uuid4().hex})


def drop_tables(session: Session) -> None:
    """Remove the tables of the index, and the schema where it holds nothing else."""
    if not has_tables(session):
        return
    with session.connection.transaction():
        for name in NAMES:
            session.execute(f"DROP TABLE IF EXISTS {name}")
    with suppress(psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege):
        session.connection.execute(SQL("DROP SCHEMA {}").format(Identifier(session.schema)))
