"""Snapshots: the vector index of a generation as one checked file, made from the database and never trusted over it."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import IndexStateError
from ...models.embedders import Vectors
from ...storage.disk import make_folder, publish_file, storing
from .faiss_index import Kind, VectorIndex

logger = logging.getLogger(__name__)

FOLDER = "snap"


@dataclass(frozen=True)
class Snapshot:
    """What the database says of the snapshot of its generation."""

    file: str
    size: int
    """Bytes."""
    sha256: str
    kind: Kind
    dims: int
    recall: float
    """Share of the exact top 20 that it finds, over a sample of the vectors it was made of; 1 for an exact index."""

    @classmethod
    def read(cls, written: str) -> Snapshot:
        return cls(**json.loads(written))

    def written(self) -> str:
        return json.dumps(asdict(self))


def write_snapshot(folder: Path, generation: int, index: VectorIndex, vectors: Vectors) -> Snapshot:
    """Write the snapshot of a generation, an index of these vectors; it counts only once the database names it."""
    parts = index.to_parts()
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    digest = whole.hexdigest()
    snapshot = Snapshot(
        file=f"g{generation}-{digest[:16]}.snap",
        size=sum(len(part) for part in parts),
        sha256=digest,
        kind=index.kind,
        dims=vectors.shape[1],
        recall=index.recall(vectors),
    )
    with storing(folder / FOLDER):
        make_folder(folder / FOLDER)
        publish_file(folder / FOLDER / snapshot.file, parts)
    return snapshot


def read_snapshot(folder: Path, snapshot: Snapshot) -> VectorIndex:
    """Load a snapshot, every byte of it checked; raises `IndexStateError` when it is not the one meant."""
    path = folder / FOLDER / snapshot.file
    try:
        if path.stat().st_size != snapshot.size:
            raise IndexStateError(f"{path} has {path.stat().st_size} bytes, expected {snapshot.size}")
        data = path.read_bytes()
    except OSError as error:
        raise IndexStateError(f"{path}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != snapshot.sha256:
        raise IndexStateError(f"{path} is damaged: its sha256 is not the one recorded")
    return VectorIndex.from_bytes(data, snapshot.kind, snapshot.dims)


def collect_snapshots(folder: Path, keep: set[str]) -> None:
    """Remove the files of generations that nobody opens any more."""
    for path in (folder / FOLDER).glob("*"):
        if path.name not in keep:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s: old snapshot left behind (%s)", path, error.strerror)
