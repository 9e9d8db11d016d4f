"""The indexes of the home folder, by name: making, changing, checking and exporting one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..models.embedders import Progress, no_progress
from ..models.profiles import DEFAULT_PROFILE, Profile, shared_embedder
from ..storage.disk import make_folder, publish_file, storing
from ..storage.home import index_folder, require_index
from ..text.chunking import Chunking
from ..text.corpus import BEIR_CORPUS, document_record, read_documents
from . import build as building
from .build import BuildReport
from .faiss_index import Kind
from .snapshot import Snapshot
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
    snapshot: Snapshot
    bytes: int
    """Size of its files on disk."""


def build_index(
    name: str,
    paths: Iterable[str | Path],
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    chunking: Chunking | None = None,
    kind: Kind = "flat",
    fresh: bool = False,
    progress: Progress = no_progress,
) -> BuildReport:
    """Make the index of that name hold exactly the documents under ``paths``.

    Built again, it embeds only what is new or changed; ``fresh`` throws it away first. See `read_documents` for what is read, and `build`
    for what can go wrong.
    """
    folder = index_folder(name)
    documents = read_documents(paths)
    return building.build(folder, documents, shared_embedder(profile), chunking, progress, kind, fresh=fresh)


def update_index(
    name: str,
    paths: Iterable[str | Path],
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    prune: bool = False,
    progress: Progress = no_progress,
) -> BuildReport:
    """Add the documents under ``paths`` to an index, in place of those of the same ids; see `building.update`."""
    folder = require_index(name)
    documents = read_documents(paths)
    return building.update(folder, documents, shared_embedder(profile), progress, prune=prune)


def delete_documents(name: str, ids: Iterable[str]) -> BuildReport:
    """Remove documents from an index by id; see `building.delete`."""
    return building.delete(require_index(name), ids)


def compact_index(name: str, kind: Kind | None = None) -> int:
    """Give back the space of what was removed and write the snapshot anew; returns the new generation."""
    return building.compact(require_index(name), kind)


def verify_index(name: str) -> list[str]:
    """Return what is wrong with an index, one line each; nothing when all is well."""
    store = Store(require_index(name))
    try:
        with store.read() as reading:
            return reading.faults()
    finally:
        store.close()


def export_index(name: str, folder: str | Path) -> int:
    """Write an index's documents as a BEIR ``corpus.jsonl`` and return how many; read again, they are the same."""
    path = Path(folder) / BEIR_CORPUS
    if path.exists():
        raise CorpusError(f"{path} is there already; export to another folder, or move it away first")
    store = Store(require_index(name))
    try:
        with store.read() as reading:
            lines = [
                json.dumps(document_record(document), ensure_ascii=False) for document in reading.documents()
            ]
    finally:
        store.close()
    with storing(path):
        make_folder(path.parent)
        publish_file(path, [memoryview("".join(line + "\n" for line in lines).encode())])
    return len(lines)


def document_ids(name: str) -> set[str]:
    """Return the ids of an index's documents."""
    store = Store(require_index(name))
    try:
        with store.read() as reading:
            return {document.id for document in reading.documents()}
    finally:
        store.close()


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
                snapshot=reading.snapshot,
                bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            )
    finally:
        store.close()
