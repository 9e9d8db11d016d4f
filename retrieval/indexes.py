"""The indexes of the home folder, by name: building one and saying what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .building import BuildReport, build
from .chunking import Chunking
from .corpus import read_documents
from .embedders import Progress, no_progress
from .home import index_folder, require_index
from .profiles import DEFAULT_PROFILE, shared_embedder
from .store import Store


@dataclass(frozen=True)
class IndexInfo:
    """What an index holds and who made it."""

    name: str
    documents: int
    passages: int
    generation: int
    chunking: Chunking
    identity: dict[str, Any]
    bytes: int
    """Size of its files on disk."""


def build_index(
    name: str,
    paths: Iterable[str | Path],
    *,
    profile: str = DEFAULT_PROFILE,
    chunking: Chunking | None = None,
    progress: Progress = no_progress,
) -> BuildReport:
    """Make the index of that name hold exactly the documents under ``paths``.

    Built again, it embeds only what is new or changed. See `read_documents` for what is read, and `build`
    for what can go wrong.
    """
    folder = index_folder(name)
    documents = read_documents(paths)
    return build(folder, documents, shared_embedder(profile), chunking, progress)


def index_info(name: str) -> IndexInfo:
    """Describe an index; raises `UnknownIndexError`, or `IndexStateError` when it cannot be read."""
    folder = require_index(name)
    store = Store(folder)
    try:
        with store.read() as reading:
            documents, passages = reading.counts()
            return IndexInfo(
                name=name,
                documents=documents,
                passages=passages,
                generation=reading.generation,
                chunking=reading.chunking,
                identity=reading.identity.as_dict(),
                bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            )
    finally:
        store.close()
