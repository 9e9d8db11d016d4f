"""Where the database of an index lies that is not in its folder: a file in the folder names it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ...errors import IndexStateError, UsageError
from ...storage.disk import make_folder, publish_file, storing
from ...storage.home import DATABASE, ELSEWHERE

SCHEMES = ("postgresql", "postgres")
_FORM = "that of a Postgres database, postgresql://HOST/DATABASE"
_LONGEST = 63
"""Bytes of a name in Postgres."""
_TAKEN = ("public", "information_schema")
_SCHEMA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class DatabasePlace:
    """A Postgres database, and the schema in it that holds one index."""

    address: str
    """Such as ``postgresql://host/database``, without a password."""
    schema: str

    def __str__(self) -> str:
        return f"{self.address} (schema {self.schema})"

    @classmethod
    def of(cls, address: str, schema: str) -> DatabasePlace:
        """Return the place of that address and schema.

        Raises:
            UsageError: an address that is none of Postgres, or one with a password in it.
        """
        try:
            address.encode()
            parts = urlsplit(address)
        except ValueError as error:
            raise UsageError(f"store: the address cannot be read ({error}): give {_FORM}") from error
        if parts.scheme not in SCHEMES:
            raise UsageError(f"store: an address of {parts.scheme or 'no scheme'!r}: give {_FORM}")
        if parts.password or any("password" in name for name in parse_qs(parts.query)):
            raise UsageError(
                "store: the address holds a password, and is kept in a file; leave it out, and give it by PGPASSWORD or "
                "the file that PGPASSFILE names"
            )
        if not _SCHEMA.fullmatch(schema) or schema in _TAKEN or schema.startswith("pg_"):
            raise UsageError(
                f"schema {schema!r}: name one that holds nothing else, with 1 to {_LONGEST} letters, digits, dots, dashes or "
                "underscores, a letter or digit first; those that begin with pg_ are the server's"
            )
        return cls(address, schema)


def default_schema(index: str) -> str:
    """Return the schema that an index of that name lies in where none is named."""
    name = f"quincunx_{index}"
    return name if len(name) <= _LONGEST else f"quincunx_{hashlib.sha256(index.encode()).hexdigest()[:32]}"


def read_place(folder: Path) -> DatabasePlace | None:
    """Return what the folder of an index says of where it lies; ``None`` where it lies in the folder.

    Raises:
        IndexStateError: the file that says so cannot be read.
    """
    path = folder / ELSEWHERE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        address, schema = told["address"], told["schema"]
        if not (isinstance(address, str) and isinstance(schema, str)):
            raise TypeError("address and schema are texts")
        return DatabasePlace.of(address, schema)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError, UsageError) as error:
        raise IndexStateError(
            f"{path}: it does not say where the index lies ({error}); attach it again with `quincunx index attach`"
        ) from error


def write_place(folder: Path, place: DatabasePlace) -> None:
    """Note in a folder that its index lies elsewhere.

    Raises:
        UsageError: an index lies in the folder itself, or it names another place.
    """
    if (folder / DATABASE).is_file():
        raise UsageError(
            f"index {folder.name!r} lies in {folder}: take another name, or drop it first with `quincunx index drop "
            f"{folder.name}`"
        )
    try:
        before = read_place(folder)
    except IndexStateError:
        before = None  # what cannot be read is written anew
    if before is not None and before != place:
        raise UsageError(
            f"index {folder.name!r} lies in {before}, not in {place}: take another name, or detach it with `quincunx index "
            f"detach {folder.name}`"
        )
    with storing(folder):
        make_folder(folder)
        written = json.dumps(asdict(place), indent=1) + "\n"
        publish_file(folder / ELSEWHERE, [memoryview(written.encode())])
