"""Snapshots: the vectors of a generation as checked files, made from the database and never trusted over it.

A change of an index writes a part of its own, of the passages that came, and the numbers of those that are gone. What is left
of small parts is written together as more of them come, up to the size at which a part is full, and all of it anew once a
quarter is gone. So whoever writes holds the vectors of one part at a time. Whoever searches has the files mapped into memory:
processes on one machine share them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import IndexStateError
from ...models.embedders import Vectors
from ...storage.disk import make_folder, publish_file, storing
from ...storage.network import network_of
from .faiss_part import LOOKING_AT_ALL, Bytes, Kind, Numbers, VectorPart
from .vector_index import NONE, VectorIndex

logger = logging.getLogger(__name__)

FOLDER = "snap"
WORN = 0.25
"""Share of the passages of all parts that may be gone before everything is written anew."""
LARGER = 2
"""A part is kept while it is more than so many times larger than all that is written after it."""

FULL_PART = 128 * 2**20
"""Bytes of float32 vectors that a part has at most, of the kinds that look at every vector."""
COMPARED = 10_000
"""Passages whose vectors are compared at a time with those that recall is measured on."""

ReadVectors = Callable[[int, int], Iterator[tuple[Numbers, Vectors]]]
"""Yields numbers, ascending, and vectors of the passages from a number on, at most so many at a time; at least one block."""


@dataclass(frozen=True)
class CheckedFile:
    """A file, and what it must be."""

    file: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True)
class SnapshotPart(CheckedFile):
    """The file of a part."""

    kind: Kind
    passages: int
    last: int
    """The highest number in it."""


@dataclass(frozen=True)
class Snapshot:
    """What the database says of the snapshot of its generation."""

    kind: Kind
    dims: int
    recall: float
    """Share of the exact top 20 that it finds, over a sample of the vectors it was made of, when it was written as a whole;
    1 for an exact index."""
    parts: tuple[SnapshotPart, ...]
    gone: CheckedFile | None = None
    """The numbers, 8 bytes each, of passages of the parts that are no longer there."""

    @classmethod
    def read(cls, written: str) -> Snapshot:
        told: dict[str, Any] = json.loads(written)
        if "file" in told:  # of one part, as before there were several
            file = {name: told.pop(name) for name in ("file", "size", "sha256")}
            told["parts"] = [{**file, "kind": told["kind"], "passages": 0, "last": -1}]
        gone = told.pop("gone", None)
        parts = tuple(SnapshotPart(**part) for part in told.pop("parts"))
        return cls(**told, parts=parts, gone=None if gone is None else CheckedFile(**gone))

    def written(self) -> str:
        return json.dumps(asdict(self))

    @property
    def files(self) -> set[str]:
        """The names of its files."""
        return {file.file for file in self.every_file()}

    @property
    def sha256(self) -> str:
        """A digest of all of it."""
        return hashlib.sha256("\n".join(file.sha256 for file in self.every_file()).encode()).hexdigest()

    def every_file(self) -> tuple[CheckedFile, ...]:
        """Return its files, in the order of the parts."""
        return (*self.parts, *([] if self.gone is None else [self.gone]))


def _full(kind: Kind, dims: int) -> int:
    """Return how many passages a part has at most; a graph or lists are made of all there are."""
    return max(1, FULL_PART // (4 * dims)) if kind in LOOKING_AT_ALL else sys.maxsize


def write_snapshot(folder: Path, generation: int, kind: Kind, dims: int, read: ReadVectors) -> Snapshot:
    """Write the vectors of all passages; they count only once the database names the snapshot."""
    full = _full(kind, dims)
    written = [
        _write_part(folder, generation, VectorPart.make(numbers, vectors, kind))
        for numbers, vectors in read(0, full)
    ]
    snapshot = Snapshot(kind, dims, 1.0, tuple(written))
    if kind == "flat":
        return snapshot  # which is exact
    return replace(snapshot, recall=read_snapshot(folder, snapshot).recall(lambda: read(0, COMPARED)))


def write_change(
    folder: Path, generation: int, previous: Snapshot, removed: Numbers, added: int, read: ReadVectors
) -> Snapshot:
    """Write what differs from the snapshot of before; it counts only once the database names it.

    Args:
        removed: the numbers of passages that are gone now, ascending.
        added: how many passages came, whose numbers are higher than all that there ever were.
    """
    try:
        for file in previous.every_file():
            _require_size(folder, file)
        gone = np.union1d(_read_gone(folder, previous), removed)
    except IndexStateError as error:
        logger.warning("%s; all vectors are written anew", error)
        return write_snapshot(folder, generation, previous.kind, previous.dims, read)
    kept, full = list(previous.parts), _full(previous.kind, previous.dims)
    worn = len(gone) > WORN * sum(part.passages for part in kept)
    written = added
    while kept and kept[-1].passages < full and kept[-1].passages <= LARGER * written:
        written += kept.pop().passages
    if worn or not kept or not all(part.passages for part in kept):
        return write_snapshot(folder, generation, previous.kind, previous.dims, read)
    if written:
        # A graph or lists pay for many vectors, not for a few.
        kind = previous.kind if previous.kind in LOOKING_AT_ALL else "flat"
        for numbers, vectors in read(kept[-1].last + 1, full):
            if len(numbers):
                kept.append(_write_part(folder, generation, VectorPart.make(numbers, vectors, kind)))
    held = gone[gone <= max(part.last for part in kept)]
    name_of_gone = None
    if len(held):
        name_of_gone = _publish(folder, f"g{generation}", "gone", [memoryview(held.astype("<i8").tobytes())])
    return Snapshot(previous.kind, previous.dims, previous.recall, tuple(kept), name_of_gone)


def read_snapshot(
    folder: Path, snapshot: Snapshot, known: Mapping[str, VectorPart] | None = None
) -> VectorIndex:
    """Map a snapshot into memory, every byte of it checked; raises `IndexStateError` when it is not the one meant.

    ``known`` are parts that were loaded before, by the names of their files, which are never written again.
    """
    known = known or {}
    parts = [
        known.get(part.file) or VectorPart.from_bytes(_checked(folder, part), part.kind, snapshot.dims)
        for part in snapshot.parts
    ]
    return VectorIndex(parts, snapshot.kind, _read_gone(folder, snapshot))


def collect_snapshots(folder: Path, keep: set[str]) -> None:
    """Remove the files of generations that nobody opens any more."""
    for path in (folder / FOLDER).glob("*"):
        if path.name not in keep:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s: old snapshot left behind (%s)", path, error.strerror)


def _read_gone(folder: Path, snapshot: Snapshot) -> Numbers:
    if snapshot.gone is None:
        return NONE
    return np.frombuffer(_checked(folder, snapshot.gone), dtype="<i8").astype(np.int64)


def _write_part(folder: Path, generation: int, part: VectorPart) -> SnapshotPart:
    written = _publish(folder, f"g{generation}", "snap", part.to_parts())
    last = int(part.numbers[-1]) if len(part.numbers) else -1
    return SnapshotPart(**asdict(written), kind=part.kind, passages=len(part.numbers), last=last)


def _publish(folder: Path, name: str, ending: str, parts: Sequence[memoryview]) -> CheckedFile:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    digest = whole.hexdigest()
    file = CheckedFile(f"{name}-{digest[:16]}.{ending}", sum(len(part) for part in parts), digest)
    with storing(folder / FOLDER):
        make_folder(folder / FOLDER)
        publish_file(folder / FOLDER / file.file, parts)
    return file


def _checked(folder: Path, file: CheckedFile) -> Bytes:
    """Return the bytes of a file, mapped; raises `IndexStateError` when they are not those meant."""
    _require_size(folder, file)
    path = folder / FOLDER / file.file
    try:
        with path.open("rb") as opened:
            # What is mapped over a network ends the process, should the file be removed there.
            is_mapped = not network_of(path)
            data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) if is_mapped else opened.read()
    except OSError as error:
        raise IndexStateError(f"{path}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise IndexStateError(f"{path} is damaged: its sha256 is not the one recorded")
    return np.frombuffer(data, np.uint8)


def _require_size(folder: Path, file: CheckedFile) -> None:
    path = folder / FOLDER / file.file
    try:
        size = path.stat().st_size
    except OSError as error:
        raise IndexStateError(f"{path}: {error.strerror}") from error
    if size != file.size:
        raise IndexStateError(f"{path} has {size} bytes, expected {file.size}")
