"""The indexes of the home folder, by name: making, changing and dropping one."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from ..corpus.handed_over import Source, read_source
from ..corpus.read_report import ReadReport
from ..corpus.reading import Corpus, FieldsGiven, require_documents
from ..models.embedders import Progress, no_progress
from ..models.profiles import DEFAULT_PROFILE, Profile, find_profile, shared_embedder
from ..storage.home import index_folder, is_index, require_index
from ..text.chunk_size import Chunking
from . import build as building
from .changes import BuildReport, Changes, deletion, emptied, removal_notices, update_changes
from .contents import read_index
from .copying import forget_place, place_index
from .embedding import EmbeddingEngine
from .ray_engine import RayCluster, RayEngine
from .reader import IndexReader
from .store import Store
from .vectors.faiss_part import Kind

logger = logging.getLogger(__name__)

_NAMED = 5
"""Removed documents that the log names."""


def build_index(
    name: str,
    paths: Source,
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    chunking: Chunking | None = None,
    kind: Kind = "flat",
    fresh: bool = False,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    fields: FieldsGiven = (),
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
    cluster: RayCluster | None = None,
    store: str | None = None,
    schema: str | None = None,
) -> BuildReport:
    """Make the index of that name hold exactly the documents under ``paths``.

    Built again, it embeds only what is new or changed. Killed, it goes on where it stopped when it is run again, and
    searches see the index of before until the new one is whole. The index remembers the paths as its roots.

    Args:
        name: of the index, in the home folder (``QUINCUNX_HOME``).
        paths: one path or several, files and folders, as `read_documents` reads them. ``{"docs": "a", "wiki": "b"}``,
            or the texts ``docs=a`` and ``wiki=b``, name the roots: ids begin with ``docs/`` and ``wiki/`` then, so
            that files of one name do not clash. Or documents: `Document`s, those of DSPy, LangChain or LlamaIndex, or
            mappings such as the rows of a ``datasets.Dataset``.
        profile: whose embedder makes the vectors; the same profile searches the index.
        chunking: how documents are cut, in tokens.
        kind: ``flat`` finds the nearest vectors exactly; ``fp16`` and ``int8`` trade that for memory, ``hnsw`` and ``ivf``
            for speed.
        fresh: throw away first what is there.
        include, exclude: which files to read, and which not: patterns as in ``.gitignore``, one or several.
        fields: what is mapped to which field of a record, ``{"text": "body"}`` or ``["text=body"]``: ``text``, ``title``
            and ``id`` of its document, and any other name of its metadata.
        strict: raise where something is left out that neither a pattern nor an ignore file leaves out.
        dry_run: write and embed nothing; the report says what would change.
        progress: called with (texts embedded, texts to embed).
        cluster: whose machines embed; this process, if left out. The index is the same.
        store: the address of a Postgres database that the index lies in, ``postgresql://HOST/DATABASE``, see
            `attach_index`; where it lies already if left out, else the home folder.
        schema: that holds it there; ``quincunx_`` and the name, if left out.

    Raises:
        MissingExtraError, RemoteModelError: Ray or psycopg is not installed, or there is no such cluster.
        CorpusError, DuplicateIdError: nothing to read, or documents that cannot be.
        UsageError: a path, a name or a pattern that cannot be one.
        BadNameError, BoundError, UnknownProfileError: a name or a number that cannot be.
        WriterBusyError, StorageError: another process is writing the index, or the disk refused.

    Example:
        >>> import quincunx
        >>> from pathlib import Path
        >>> Path("handbook").mkdir()
        >>> written = Path("handbook", "leave.txt").write_text("Staff get 25 days of leave a year.")
        >>> report = quincunx.build_index("handbook", "handbook")
        >>> report.added, report.passages, report.generation
        (1, 1, 1)
        >>> quincunx.build_index("handbook", "handbook").unchanged
        1
    """
    folder = index_folder(name)
    corpus = read_source(paths, include=include, exclude=exclude, fields=fields, strict=strict)
    corpus.report.log()
    require_documents(corpus)
    if store is not None and not dry_run:
        place_index(folder, store, schema, is_new=not is_index(folder))
    if dry_run:
        return _dry_build(folder, corpus, fresh)
    return building.build(
        folder,
        corpus,
        shared_embedder(profile),
        chunking,
        progress,
        kind,
        fresh=fresh,
        engine=_engine(cluster, profile),
    )


def update_index(
    name: str,
    paths: Source,
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    prune: bool = False,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    fields: FieldsGiven = (),
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
    cluster: RayCluster | None = None,
) -> BuildReport:
    """Read the files under ``paths`` again, and put their documents in place of those that the index holds of them.

    A path below one of the index's roots is read as a part of that root, so that its documents keep their ids; any
    other path becomes a root itself. They are cut as the index was built. A document whose file is empty now, cannot be
    read any more, or was named and is gone, is removed, and the report's ``notices`` say so. All others stay.

    Args:
        name, paths, profile, include, exclude, fields, strict, dry_run, progress, cluster: as for `build_index`.
        prune: remove the documents, too, that came from below ``paths`` and are no longer found there.

    Raises:
        UnknownIndexError: no index of that name.
        IdentityMismatchError: it was built with another profile's embedder.
        CorpusError, DuplicateIdError, UsageError, WriterBusyError, StorageError: as for `build_index`.

    Example:
        >>> from pathlib import Path
        >>> from quincunx import build_index, update_index
        >>> Path("notes").mkdir()
        >>> written = Path("notes", "a.txt").write_text("Tea is served at four.")
        >>> build_index("notes", "notes").passages
        1
        >>> written = Path("notes", "b.txt").write_text("Coffee is served at ten.")
        >>> report = update_index("notes", "notes/b.txt")
        >>> report.added, report.passages
        (1, 2)
        >>> Path("notes", "a.txt").unlink()
        >>> update_index("notes", "notes", prune=True).changes.removed
        ('a.txt',)
    """
    folder = require_index(name)
    origin = read_index(folder, IndexReader.origin)
    corpus = read_source(paths, known=origin, include=include, exclude=exclude, fields=fields, strict=strict)
    if dry_run:
        report = dry_update(folder, corpus, prune)
    else:
        report = building.update(
            folder,
            corpus,
            shared_embedder(profile),
            progress,
            prune=prune,
            engine=_engine(cluster, profile),
        )
    log_change(report, corpus)
    return report


def _engine(cluster: RayCluster | None, profile: str | Profile) -> EmbeddingEngine:
    if cluster is None:
        return building.IN_THIS_PROCESS
    return RayEngine(cluster, find_profile(profile).load_embedder)


def log_change(report: BuildReport, corpus: Corpus) -> None:
    """Say what was left out and what was removed, where warnings are shown."""
    corpus.report.log()
    removals = report.notices[len(corpus.report.notices) :]
    for notice in removals[:_NAMED]:
        logger.warning("%s", notice)
    if len(removals) > _NAMED:
        logger.warning("removed %d more documents; the report's notices name all", len(removals) - _NAMED)


def delete_documents(name: str, ids: str | Iterable[str], *, dry_run: bool = False) -> BuildReport:
    """Remove documents from an index by id, one or several.

    Raises:
        UnknownIndexError: no index of that name.
        CorpusError: an id that the index does not hold; nothing is removed then.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> Path("menu").mkdir()
        >>> written = [Path("menu", name).write_text(f"We serve {name}.") for name in ("tea.txt", "rum.txt")]
        >>> built = quincunx.build_index("menu", "menu")
        >>> quincunx.delete_documents("menu", "rum.txt").changes.removed
        ('rum.txt',)
    """
    folder = require_index(name)
    if not dry_run:
        return building.delete(folder, ids)
    return read_index(folder, lambda reading: _would(reading, deletion(name, reading.hashes(), ids)))


def drop_index(name: str) -> None:
    """Remove an index with all it holds; what else lies in its folder, and the files that it was built from, stay.

    Raises:
        UnknownIndexError: no index of that name.
        WriterBusyError: it is being written. StorageError: the disk refused.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> written = Path("note.txt").write_text("Tea is served at four.")
        >>> built = quincunx.build_index("brief", "note.txt")
        >>> quincunx.drop_index("brief")
        >>> quincunx.index_documents("brief")
        Traceback (most recent call last):
        quincunx.retrieval.errors.UnknownIndexError: unknown index 'brief'...
    """
    folder = require_index(name)
    Store(folder).drop()
    forget_place(folder)


def _dry_build(folder: Path, corpus: Corpus, fresh: bool) -> BuildReport:
    documents = corpus.documents
    if fresh or not is_index(folder):
        changes = Changes.between({}, documents, ())
        return BuildReport.of(changes, passages=0, generation=0, reading=corpus.report, dry_run=True)

    def compared(reading: IndexReader) -> BuildReport:
        present = reading.hashes()
        removed, sources = present.keys() - documents.sources.keys(), reading.origin().sources
        notices = removal_notices(emptied(corpus, sources, removed), sources)
        return _would(reading, Changes.between(present, documents, removed), corpus, notices)

    return read_index(folder, compared)


def dry_update(folder: Path, corpus: Corpus, prune: bool) -> BuildReport:
    """Return what an update would do."""

    def compared(reading: IndexReader) -> BuildReport:
        changes, notices = update_changes(
            corpus, reading.hashes(), reading.origin(), reading.files(), prune=prune
        )
        return _would(reading, changes, corpus, notices)

    return read_index(folder, compared)


def _would(
    reading: IndexReader, changes: Changes, corpus: Corpus | None = None, notices: Iterable[str] = ()
) -> BuildReport:
    """Report changes that are not made."""
    return BuildReport.of(
        changes,
        passages=reading.counts()[1],
        generation=reading.generation,
        notices=notices,
        reading=corpus.report if corpus is not None else ReadReport(),
        dry_run=True,
    )


def compact_index(name: str, kind: Kind | None = None) -> int:
    """Give back the space of what was removed and write the snapshot anew; returns the new generation."""
    return building.compact(require_index(name), kind)
