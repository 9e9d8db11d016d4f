"""What an index holds, read without changing it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..corpus.beir import BEIR_CORPUS, document_record
from ..corpus.roots import Root, by_path_of, innermost
from ..errors import CorpusError, UnknownPassageError
from ..neighbours import with_neighbours
from ..passages import Passage
from ..storage.disk import make_folder, publish_file, storing
from ..storage.home import require_index
from ..text.chunk_size import Chunking
from .postgres.place import read_place
from .reader import IndexReader
from .store import Store
from .vectors.snapshot import Snapshot

Found = TypeVar("Found")


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
    """Size of its files on disk, or of its tables where it lies in a database."""
    changed: str
    """When it was last written: ISO date and time, UTC."""
    place: str
    """Where it lies: its folder, or the address of a database and the schema in it."""
    roots: tuple[Root, ...]
    """The files and folders that it was built from; none where the documents were handed over as such."""


@dataclass(frozen=True)
class IndexedDocument:
    """One document of an index."""

    id: str
    title: str
    passages: int
    source: str
    """The file that it was read from, absolute; empty where it was handed over as such."""
    root: str | None
    """The name of the root that it came from; ``None`` where the root has none."""


def read_index(folder: Path, what: Callable[[IndexReader], Found]) -> Found:
    """Return what is read of one generation of an index."""
    store = Store(folder)
    try:
        with store.read() as reading:
            return what(reading)
    finally:
        store.close()


def index_place(name: str) -> str:
    """Return where an index lies: its folder, or the address of a database and the schema in it."""
    folder = require_index(name)
    return str(read_place(folder) or folder)


def index_documents(name: str) -> list[IndexedDocument]:
    """Return what documents an index holds, by id.

    Raises:
        UnknownIndexError: no index of that name. IndexStateError: it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> Path("faq").mkdir()
        >>> written = Path("faq", "tea.md").write_text("# Tea\\n\\nTea is served at four.")
        >>> built = quincunx.build_index("faq", {"help": "faq"})
        >>> (document,) = quincunx.index_documents("faq")
        >>> document.id, document.title, document.passages, document.root
        ('help/tea.md', 'Tea', 1, 'help')
    """
    return read_index(require_index(name), _documents)


def _documents(reading: IndexReader) -> list[IndexedDocument]:
    origin, counts = reading.origin(), reading.passage_counts()
    by_path = by_path_of(origin.roots)
    found = []
    for document in reading.documents():
        source = origin.sources[document.id]
        root = innermost(by_path, source)
        name = root.name if root is not None else None
        found.append(IndexedDocument(document.id, document.title, counts.get(document.id, 0), source, name))
    return found


def read_passage(folder: Path, id: str, neighbours: int = 0) -> Passage:
    """Return a passage of the index in a folder, with so many passages before and after it of the same document.

    Raises:
        UnknownPassageError: no passage of that id. IndexStateError: the index cannot be read.
    """

    def found(reading: IndexReader) -> Passage | None:
        passage = reading.passage(id)
        if passage is None or not neighbours:
            return passage
        documents = {id: reading.cut_documents([passage.document_id])[passage.document_id]}
        return with_neighbours([passage], documents, neighbours)[0]

    passage = read_index(folder, found)
    if passage is None:
        raise UnknownPassageError(
            f"no passage {id!r} in index {folder.name}: give an id as a search or a citation gives it"
        )
    return passage


def read_first_passages(folder: Path, limit: int) -> list[Passage]:
    """Return the first passage of each document of the index in a folder, of at most so many documents, by their ids."""
    return read_index(folder, lambda reading: reading.first_passages(limit))


def verify_index(name: str) -> list[str]:
    """Return what is wrong with an index, one line each; nothing when all is well."""
    return read_index(require_index(name), IndexReader.faults)


def export_index(name: str, folder: str | Path) -> int:
    """Write an index's documents as a BEIR ``corpus.jsonl`` and return how many; read again, they are the same."""
    path = Path(folder) / BEIR_CORPUS
    if path.exists():
        raise CorpusError(f"{path} is there already; export to another folder, or move it away first")
    lines = read_index(
        require_index(name),
        lambda reading: [json.dumps(document_record(d), ensure_ascii=False) for d in reading.documents()],
    )
    with storing(path):
        make_folder(path.parent)
        publish_file(path, [memoryview("".join(line + "\n" for line in lines).encode())])
    return len(lines)


def document_ids(name: str) -> set[str]:
    """Return the ids of an index's documents."""
    return read_index(require_index(name), lambda reading: set(reading.hashes()))


def index_info(name: str) -> IndexInfo:
    """Describe an index; raises `UnknownIndexError`, or `IndexStateError` when it cannot be read."""
    folder = require_index(name)

    def described(reading: IndexReader) -> IndexInfo:
        documents, passages = reading.counts()
        return IndexInfo(
            name=name,
            documents=documents,
            passages=passages,
            generation=reading.generation,
            chunking=reading.chunking,
            identity=reading.identity.as_dict(),
            snapshot=reading.snapshot,
            bytes=reading.size(),
            changed=reading.changed().isoformat(timespec="seconds"),
            place=index_place(name),
            roots=reading.origin().roots,
        )

    return read_index(folder, described)
