"""What the home folder's indexes hold, one entry each, for a list of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..retrieval.errors import QuincunxError
from ..retrieval.index.contents import index_info
from ..retrieval.storage.home import index_names


@dataclass(frozen=True)
class IndexEntry:
    """One index of the home folder."""

    name: str
    documents: int | None = None
    passages: int | None = None
    kind: str | None = None
    """How its vectors are searched: flat, fp16, int8, hnsw or ivf."""
    model: str | None = None
    """The embedder that made it."""
    changed: str | None = None
    """When its database was last written: ISO date and time, UTC."""
    bytes: int | None = None
    error: str | None = None
    """Why it cannot be read; then the fields above are ``None``."""


def list_indexes() -> list[IndexEntry]:
    """Return the indexes of the home folder by name; one that cannot be read is an entry that says so."""
    return [_entry(name) for name in index_names()]


def _entry(name: str) -> IndexEntry:
    try:
        info = index_info(name)
    except (QuincunxError, OSError) as error:
        return IndexEntry(name, error=str(error))
    return IndexEntry(
        name=name,
        documents=info.documents,
        passages=info.passages,
        kind=info.snapshot.kind,
        model=str(info.identity["model"]),
        changed=info.changed,
        bytes=info.bytes,
    )
