"""What a change does to an index's documents, worked out before any of it is done."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..corpus.documents import Documents
from ..corpus.file_state import FileState
from ..corpus.handed_over import documents_of
from ..corpus.read_report import ReadReport
from ..corpus.reading import BEIR_READ, Corpus, require_documents
from ..corpus.roots import Origin, nearest
from ..errors import CorpusError, DuplicateIdError
from ..passages import Document
from ..text.file_names import path_of
from .writer import document_hash

_GONE = {"empty", "unreadable", "binary", "not_a_file", "dangling_link", "already_read", "missing"}
"""Reasons for which what was read before is no longer what the file says."""
_CHOSEN = {"excluded"}
"""Reasons that make a file one that was not named."""


@dataclass(frozen=True)
class Changes:
    """Ids of documents, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    """The id before and after of those whose file was moved; they are neither added nor removed."""

    @property
    def leaving(self) -> list[str]:
        """The ids that the index holds no longer: of what was removed, and of what was moved."""
        return [*self.removed, *(before for before, _ in self.moved)]

    @classmethod
    def between(
        cls,
        present: Mapping[str, str],
        documents: Documents,
        removed: Iterable[str],
        *,
        moved: Iterable[tuple[str, str]] = (),
        unread: Iterable[str] = (),
    ) -> Changes:
        """Return what makes the ``present`` documents (hashes by id) those ``documents``, less the ``removed``.

        Args:
            moved: pairs of an id of the ``removed`` and one of the ``documents``.
            unread: ids of the ``present`` that were not read again, being what they were.
        """
        pairs = sorted(moved)
        before, after = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
        added, changed, same = list[str](), list[str](), set(unread)
        if not present:
            added += documents.sources.keys() - after
        else:
            # The ids are those that are held anyway, and not those that are read back.
            for id, document in zip(documents.sources, documents, strict=True):
                was = present.get(id)
                if was is None:
                    added += [id] if id not in after else []
                elif was == document_hash(document):
                    same.add(id)
                else:
                    changed.append(id)
        return cls(
            added=tuple(sorted(added)),
            changed=tuple(sorted(changed)),
            unchanged=tuple(sorted(same)),
            removed=tuple(sorted(set(removed) - before)),
            moved=tuple(pairs),
        )


@dataclass(frozen=True)
class BuildReport:
    """What a change did, or would do. Documents first, then what it took."""

    added: int
    changed: int
    unchanged: int
    removed: int
    passages: int
    """Passages in the index afterwards; of a dry run, now."""
    embedded: int
    """Texts that were embedded; the others' vectors were there already."""
    generation: int
    moved: int = 0
    changes: Changes = Changes()
    """The ids of the documents."""
    notices: tuple[str, ...] = ()
    """Which documents went because their files did, or say nothing any more, and the like."""
    reading: ReadReport = field(default_factory=ReadReport)
    """What was read, and what was left out for which reason."""
    dry_run: bool = False
    """Whether nothing was written."""

    @classmethod
    def of(
        cls,
        changes: Changes,
        *,
        passages: int,
        generation: int,
        embedded: int = 0,
        notices: Iterable[str] = (),
        reading: ReadReport = ReadReport(),  # noqa: B008 - it is frozen
        dry_run: bool = False,
    ) -> BuildReport:
        return cls(
            added=len(changes.added),
            changed=len(changes.changed),
            unchanged=len(changes.unchanged),
            removed=len(changes.removed),
            moved=len(changes.moved),
            passages=passages,
            embedded=embedded,
            generation=generation,
            changes=changes,
            notices=(*reading.notices, *notices),
            reading=reading,
            dry_run=dry_run,
        )


def as_corpus(documents: Iterable[Document] | Corpus) -> Corpus:
    """Return documents that came from anywhere as a corpus."""
    return documents if isinstance(documents, Corpus) else Corpus(documents_of(documents))


def update_changes(
    corpus: Corpus,
    present: Mapping[str, str],
    origin: Origin,
    files: Mapping[str, FileState],
    *,
    prune: bool,
) -> tuple[Changes, list[str]]:
    """Return what an update changes, and what is to be said of it.

    Args:
        present: hash of each document of the index, by id.
        origin: where they came from.
        files: the files that the index was built from, as they were.

    Raises:
        CorpusError: no document at all, in what the index does not know yet. Also see `departures`.
    """
    wanted = corpus.documents.sources
    if corpus.given:
        leaving = departures(corpus, origin.sources, prune=prune)
        removed = set(leaving)
    else:
        leaving, removed = {}, present.keys() - wanted.keys() if prune and wanted else set()
    if not wanted and not removed:
        if not corpus.given:
            raise CorpusError("no document to add: to remove documents use `quincunx index delete`")
        if corpus.origin.roots != origin.roots:
            require_documents(corpus)
    moved = _moved(corpus, origin.sources, files, removed)
    for before, _ in moved:
        leaving.pop(before, None)
    unread = [id for id, source in origin.sources.items() if source in corpus.unread] if corpus.unread else []
    changes = Changes.between(present, corpus.documents, removed, moved=moved, unread=unread)
    return changes, removal_notices(leaving, origin.sources)


def _moved(
    corpus: Corpus, sources: Mapping[str, str], files: Mapping[str, FileState], removed: Collection[str]
) -> list[tuple[str, str]]:
    """Return the ids before and after of the documents whose file lies elsewhere now, its content the same."""
    new: dict[str, list[str]] = defaultdict(list)
    for source in sorted(set(corpus.origin.sources.values()) - files.keys()):
        new[corpus.files[source].digest].append(source)
    if not removed or not new:
        return []
    before, after = _ids_by_source(sources), _ids_by_source(corpus.origin.sources)
    pairs: list[tuple[str, str]] = []
    for source in sorted({sources[id] for id in removed} - corpus.files.keys()):
        places = new.get(files[source].digest) if source in files else None
        if places:
            there = after[places.pop(0)]
            pairs += zip(before[source], there, strict=False) if len(before[source]) == len(there) else []
    return [pair for pair in pairs if pair[0] in removed]


def _ids_by_source(sources: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for id in sorted(sources):
        found[sources[id]].append(id)
    return found


def deletion(index: str, present: Mapping[str, str], ids: str | Iterable[str]) -> Changes:
    """Return what removing documents by id changes; raises `CorpusError` for an id that the index does not hold."""
    wanted = {ids} if isinstance(ids, str) else set(ids)
    unknown = sorted(wanted - present.keys())
    if unknown:
        raise CorpusError(f"no document {unknown[0]!r} in index {index!r} ({len(unknown)} ids unknown)")
    return Changes(unchanged=tuple(sorted(present.keys() - wanted)), removed=tuple(sorted(wanted)))


def departures(corpus: Corpus, sources: Mapping[str, str], *, prune: bool) -> dict[str, str]:
    """Return the documents of an index that an update removes, each with why.

    Those whose file was read and says nothing any more, is no longer there though it was named, or gives another id
    now; with ``prune`` every other one, too, that came from below what was named and is no longer found there.

    Args:
        sources: the file of each document of the index, by id.
        corpus: what the update read.

    Raises:
        CorpusError: a folder was named that is not there, and not ``prune``.
        DuplicateIdError: a file would take the id of another one's document.
    """
    kept = corpus.origin.sources
    now, were = _ids_by_source(kept), _ids_by_source(sources)
    gone, rows = _gone(corpus)
    chosen = {skip.path for skip in corpus.report.skipped if skip.reason in _CHOSEN}
    given = set(corpus.given)
    leaving: dict[str, str] = {}
    for id, source in sources.items():
        if id in kept:
            _require_same_file(id, source, kept[id])
        elif id in rows:
            leaving[id] = rows[id]
        elif not source or source in corpus.unread:
            continue
        elif (place := nearest(gone, source)) is not None:
            if gone[place] == "missing" and place != source and not prune:
                raise CorpusError(
                    f"{place}: no such file or folder, though documents of the index came from there; remove them by "
                    "`quincunx index update --prune` (prune=True), or name what is there"
                )
            leaving[id] = gone[place]
        elif source in now and corpus.files[source].read_by.split(" ")[0] != BEIR_READ:
            alone = len(now[source]) == len(were[source]) == 1
            leaving[id] = f"it is {now[source][0]!r} now" if alone else f"no longer in {source}"
        elif prune and nearest(given, source) is not None and nearest(chosen, source) is None:
            leaving[id] = "no longer there"
    return leaving


def removal_notices(leaving: Mapping[str, str], sources: Mapping[str, str]) -> list[str]:
    """Return a line for each document that was removed for what became of its file."""
    return [
        f"removed {id!r}: {sources.get(id) or 'its row'} is {why}"
        if why in _GONE
        else f"removed {id!r}: {why}"
        for id, why in sorted(leaving.items())
    ]


def emptied(corpus: Corpus, sources: Mapping[str, str], removed: Iterable[str]) -> dict[str, str]:
    """Return those documents that a build removes for what became of their files, each with why."""
    gone, rows = _gone(corpus)
    why = {id: rows.get(id) or gone.get(nearest(gone, sources.get(id, "")) or "") for id in removed}
    return {id: reason for id, reason in why.items() if reason}


def _gone(corpus: Corpus) -> tuple[dict[str, str], dict[str, str]]:
    """Return the reasons why files, by path, and rows, by id, say nothing any more."""
    skipped = [skip for skip in corpus.report.skipped if skip.reason in _GONE]
    files = {skip.path: skip.reason for skip in skipped if skip.document is None}
    return files, {skip.document: skip.reason for skip in skipped if skip.document is not None}


def _is_corpus(source: str) -> bool:
    return source.lower().endswith(".jsonl")


def _require_same_file(id: str, before: str, after: str) -> None:
    """Raise where one file's document would be put in place of another's, which is still there."""
    apart = before and before != after and not (_is_corpus(before) or _is_corpus(after))
    if apart and os.path.exists(path_of(before)):
        raise DuplicateIdError(
            f"document id {id!r} would stand twice: {before} has it, and {after} would get it. Give the new folder a "
            "name for its ids, as in name=PATH"
        )
