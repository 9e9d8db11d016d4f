"""What an index's tables are in every database: their version, the key of a vector, and what can go wrong as they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import IndexStateError, WriterBusyError
from ..models.embedders import EmbedderIdentity

SCHEMA = 4
REBUILD = "Build it again with `quincunx index build --fresh`"


class IndexChangedError(WriterBusyError):
    """The index was written while it was read, where nothing could keep it as it was; the same call can succeed now."""


def unknown_schema(meta: Mapping[str, str], folder: Path) -> IndexStateError:
    """Return the error for a store whose meta table names a schema that this version cannot read."""
    return IndexStateError(
        f"{folder}: schema {meta.get('schema', 'unknown')}, this version reads {SCHEMA}. {REBUILD}"
    )


def vector_key(identity: EmbedderIdentity, reading: str) -> str:
    """Name the vector of a text by an embedder: equal keys mean equal vectors."""
    whole = json.dumps(identity.as_dict(), sort_keys=True) + "\0" + reading
    return hashlib.sha256(whole.encode()).hexdigest()
