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

    Built again, it embeds only what is new or changed. Killed, it goes on where it stopped when it is run again, and
    searches see the index of before until the new one is whole.

    Args:
        name: of the index, in the home folder (``QUINCUNX_HOME``).
        paths: files and folders, as `read_documents` reads them.
        profile: whose embedder makes the vectors; the same profile searches the index.
        chunking: how documents are cut, in tokens.
        kind: ``flat`` finds the nearest vectors exactly; ``hnsw`` and ``ivf`` trade that for speed.
        fresh: throw away first what is there.
        progress: called with (texts embedded, texts to embed).

    Raises:
        CorpusError, DuplicateIdError: nothing to read, or documents that cannot be.
        BadNameError, BoundError, UnknownProfileError: a name or a number that cannot be.
        WriterBusyError, StorageError: another process is writing the index, or the disk refused.

    Example:
        >>> import quincunx
        >>> from pathlib import Path
        >>> Path("handbook").mkdir()
        >>> written = Path("handbook", "leave.txt").write_text("Staff get 25 days of leave a year.")
        >>> report = quincunx.build_index("handbook", ["handbook"])
        >>> report.added, report.passages, report.generation
        (1, 1, 1)
        >>> quincunx.build_index("handbook", ["handbook"]).unchanged
        1
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
    """Add the documents under ``paths`` to an index, in place of those of the same ids.

    They are cut as the index was built. The other documents stay, unless ``prune`` removes them.

    Args:
        name, paths, profile, progress: as for `build_index`.
        prune: remove the documents that are not under ``paths``.

    Raises:
        UnknownIndexError: no index of that name.
        IdentityMismatchError: it was built with another profile's embedder.
        CorpusError, DuplicateIdError, WriterBusyError, StorageError: as for `build_index`.

    Example:
        >>> from pathlib import Path
        >>> from quincunx import build_index, update_index
        >>> Path("notes").mkdir()
        >>> written = Path("notes", "a.txt").write_text("Tea is served at four.")
        >>> build_index("notes", ["notes"]).passages
        1
        >>> written = Path("notes", "b.txt").write_text("Coffee is served at ten.")
        >>> report = update_index("notes", ["notes/b.txt"])
        >>> report.added, report.passages
        (1, 2)
    """
    folder = require_index(name)
    documents = read_documents(paths)
    return building.update(folder, documents, shared_embedder(profile), progress, prune=prune)


def delete_documents(name: str, ids: Iterable[str]) -> BuildReport:
    """Remove documents from an index by id; see `build.delete`."""
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
