"""Reading documents: files of every kind that a reader knows, folders of them, and BEIR ``corpus.jsonl``."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from ..errors import CorpusError, DuplicateIdError, MissingExtraError
from ..passages import FILE_FACTS, Document, Metadata
from ..text.file_names import readable
from ..text.readers.field_map import FieldMap
from ..text.readers.reader import MOST_STREAMED, Reader, SourceFile, UnreadableFileError
from ..text.readers.registry import read_suffixes, reader_of
from .beir import beir_document, is_beir, read_json_lines
from .documents import Documents
from .file_state import FileState
from .ignore_rules import Globs
from .read_report import ASKED_FOR, ReadReport, Skip
from .roots import (
    Given,
    KnownPaths,
    Origin,
    Paths,
    Root,
    by_path_of,
    given_paths,
    innermost,
    nearest,
    roots_of,
)
from .walk import Walk

FieldsGiven = Mapping[str, str] | Iterable[str]
BEIR_READ = "beir/1"
"""What a BEIR corpus was read by."""
_NAMED = 5
"""Skips that an error names."""


@dataclass(frozen=True)
class Corpus:
    """Documents, and where they came from."""

    documents: Documents
    origin: Origin = field(default_factory=Origin)
    given: tuple[str, ...] = ()
    """The files and folders that were read, absolute, as `readable` writes them."""
    report: ReadReport = field(default_factory=ReadReport)
    files: Mapping[str, FileState] = field(default_factory=dict)
    """The state of each file that was found, by its path."""
    unread: frozenset[str] = frozenset()
    """Those of them that are as they were, and so were not read again."""

    def files_after(self, before: Mapping[str, FileState]) -> dict[str, FileState]:
        """Return the files of an index that held these ``before``: in place of those below what was read, those found."""
        given = set(self.given)
        others = {path: state for path, state in before.items() if nearest(given, path) is None}
        return {**others, **self.files}


def read_documents(
    paths: Paths,
    *,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    fields: FieldsGiven = (),
    strict: bool = False,
) -> list[Document]:
    """Read every document under the given files and folders, in a stable order; see `read_corpus`.

    What is left out is logged.

    Raises:
        CorpusError: nothing to read, or a malformed line of a corpus.
        DuplicateIdError: two documents with one id, naming both places.

    Example:
        >>> from pathlib import Path
        >>> written = Path("prices.csv").write_text("name,price\\nTea,3.50\\nRum,7\\n")
        >>> [(document.id, document.metadata["price"]) for document in quincunx.read_documents("prices.csv")]
        [('prices.csv#row-2', 3.5), ('prices.csv#row-3', 7)]
    """
    corpus = read_corpus(paths, include=include, exclude=exclude, fields=fields, strict=strict)
    corpus.report.log()
    require_documents(corpus)
    return list(_sharing_facts(corpus.documents))


def read_corpus(
    paths: Paths,
    *,
    known: Origin | None = None,
    before: Mapping[str, FileState] | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    fields: FieldsGiven = (),
    strict: bool = False,
) -> Corpus:
    """Read every document under the given files and folders, in a stable order, and say what was left out.

    A folder that holds ``corpus.jsonl`` is read as a BEIR set; any other folder is walked for files of every kind that
    has a reader, whose ids are their paths below their root, for several documents of one file with ``#`` and what tells
    them apart. Links are followed, ignore files heeded; hidden files, folders of tools and documents with neither title
    nor text are left out.

    Args:
        paths: one path, several, ``name=path``, or paths by name; a root's name comes before its documents' ids.
        known: what an index was built from. A path below one of its roots is read as a part of that root, and one that
            is not there any more is a skip for the reason ``missing``.
        before: the files as they were. One that is as it was is not read: its documents are what they were.
        include, exclude: patterns as in ``.gitignore``; what is left out by them is not an error. A known root has its
            own, which count where none are given.
        fields: what is mapped to which field of a record, see `FieldMap`: ``{"text": "body"}`` or ``["text=body"]``.
        strict: make an error of everything else that is left out.

    Raises:
        CorpusError: a path that is not there, a malformed line of a corpus, or something left out under ``strict``.
        DuplicateIdError: two documents with one id, naming both places.
        UsageError: a path, a name or a pattern that cannot be one.
    """
    known = known or Origin()
    paths_known = KnownPaths(known)
    given = [
        entry if entry.name is not None else Given(paths_known.name(entry.path))
        for entry in given_paths(paths)
    ]
    globs, mapped = Globs.of(include, exclude), FieldMap.of(fields)
    like = Root("", None, _patterns(include), _patterns(exclude), tuple(mapped.expressions.items()))
    roots = roots_of(given, known.roots, like)
    reading = _Reading(roots, globs if include or exclude else None, mapped if fields else None, before)
    for path in dict.fromkeys(entry.path for entry in sorted(given, key=lambda entry: -len(entry.path))):
        if _is_there(path):
            reading.walk.add(path)
        elif path not in paths_known:
            raise CorpusError(f"{readable(path)}: no such file or folder")
        else:
            reading.skip(path, "missing")
    reading.walk.follow_links()
    reading.read()
    report = reading.report()
    refused = [skip for skip in report.skipped if strict and skip.reason not in ASKED_FOR]
    if refused:
        raise CorpusError(f"{_list(refused)}. Mend or remove them, leave them out by --exclude or an ignore file, or "
                          "read without --strict")  # fmt: skip
    read = dict.fromkeys(readable(entry.path) for entry in given)
    links = {name: target for name, target in known.links.items() if nearest(read, name) is None}
    links |= {readable(name): readable(to) for name, to in reading.walk.links.items()}
    return Corpus(
        reading.documents,
        Origin(roots, reading.documents.sources, links),
        tuple(read),
        report,
        reading.files,
        frozenset(reading.unread),
    )


def require_documents(corpus: Corpus) -> None:
    """Raise `CorpusError` where nothing was read, naming what was left out."""
    if corpus.documents:
        return
    skipped = f" ({_list(corpus.report.skipped)})" if corpus.report.skipped else ""
    raise CorpusError(
        f"no document found{skipped}: pass a file that can be read ({' '.join(read_suffixes())}), a folder of such files, "
        "or a BEIR folder"
    )


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _is_there(path: str) -> bool:
    """Whether something is there, a link that leads nowhere too."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        if error.errno == errno.ENAMETOOLONG:
            raise CorpusError(f"{readable(path)[:100]}…: {error.strerror}") from error
    return True


def _list(skips: Iterable[Skip]) -> str:
    said = [f"{skip.path}: {skip.reason}{f' ({skip.detail})' if skip.detail else ''}" for skip in skips]
    return "; ".join(said[:_NAMED]) + (f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else "")


class _Reading:
    """Documents as they are read, with their places."""

    def __init__(
        self,
        roots: tuple[Root, ...],
        globs: Globs | None,
        fields: FieldMap | None,
        before: Mapping[str, FileState] | None,
    ) -> None:
        self.walk = Walk(by_path_of(roots), globs)
        self.documents = Documents()
        self.files: dict[str, FileState] = {}
        self.unread: set[str] = set()
        self._roots = by_path_of(roots)
        self._fields = fields
        self._before = before or {}
        self._skipped: list[Skip] = []
        self._counts = Counter[str]()
        self._encodings: dict[str, str] = {}
        self._notices: list[str] = []

    def skip(self, path: str, reason: str, detail: str = "") -> None:
        self._skipped.append(Skip(readable(path), reason, detail))

    def report(self) -> ReadReport:
        skipped = sorted([*self.walk.skipped, *self._skipped], key=lambda skip: skip.path.split("/"))
        return ReadReport(dict(self._counts), tuple(skipped), self._encodings, tuple(self._notices))

    def read(self) -> None:
        """Read every file that the walk found and that is not as it was, in the order of their paths."""
        corpora = set(self.walk.corpora)
        for path in sorted([*self.walk.files, *corpora], key=lambda path: path.split("/")):
            source = readable(path)
            root = innermost(self._roots, source) or Root(source)
            fields = self._fields or FieldMap(dict(root.fields))
            file = SourceFile(Path(path), root.document_id(root.relative(source)), fields)
            mark, before = self.documents.mark(), len(self.documents)
            try:
                self._read_file(file, source, root, may_be_beir=path in corpora)
            except UnreadableFileError as error:
                self.documents.cut_back(mark)
                self.skip(path, error.reason, error.detail)
                if source in self.files:
                    self.files[source] = replace(self.files[source], reason=error.reason, detail=error.detail)
            except MissingExtraError as error:
                self.documents.cut_back(mark)
                self.skip(path, "needs_extra", str(error))
                self.files.pop(source, None)  # to be read once that is installed
            if len(self.documents) > before:
                self._counts[PurePath(source).suffix.lower()] += len(self.documents) - before

    def _read_file(self, file: SourceFile, source: str, root: Root, *, may_be_beir: bool) -> None:
        beir = may_be_beir and is_beir(file.path)
        reader = None if beir else reader_of(source)
        how = f"{reader.name}/{reader.version}" if reader is not None else BEIR_READ
        before = self._before.get(source)
        file.require_size(MOST_STREAMED)
        state = FileState.of(file.path, f"{how} {sorted(file.fields.expressions.items())}", before)
        self.files[source] = state
        if before is not None and state.says_the_same(before):
            self.unread.add(source)
            if state.reason:
                self._skipped.append(Skip(source, state.reason, state.detail))
            return
        if reader is None:
            for document, place in self._rows(source, file.read_text(), root):
                self._require_new(document.id, place)
                self.documents.append(document, source, place)
        elif not self._read_with(reader, file, source, state):
            self._skipped.append(Skip(source, "empty"))
            self.files[source] = replace(state, reason="empty")
        self._notices += [f"{source}: {notice}" for notice in file.notices]
        if file.encoding is not None:
            self._encodings[source] = file.encoding

    def _read_with(self, reader: Reader, file: SourceFile, source: str, state: FileState) -> bool:
        """Take the documents that a reader gives; whether there was one."""
        facts = {"kind": reader.name, "size": state.size, "modified": state.modified}
        found = False
        twice: str | None = None
        for document in reader.read(file):
            if document.title.strip() or document.text.strip():
                found = True
                document = _with_facts(document, file, facts)
                if document.id in self.documents.sources:
                    twice = document.id if twice is None else twice
                else:
                    self.documents.append(document, source)
        if twice is not None:  # which is told only of a file that can be read
            self._require_new(twice, source)
        return found

    def _require_new(self, id: str, place: str) -> None:
        if id in self.documents.sources:
            raise DuplicateIdError(
                f"document id {id!r} stands twice: {self.documents.place(id)} and {place}. Give each document an id of its "
                "own; folders are kept apart by names for them, as in first=PATH second=PATH"
            )

    def _rows(self, source: str, text: str, root: Root) -> Iterator[tuple[Document, str]]:
        for number, record in read_json_lines(Path(source), CorpusError, text):
            place = f"{source}:{number}"
            document = beir_document(record, place, root)
            if document.title.strip() or document.text.strip():
                yield document, place
            else:
                detail = f"document {document.id!r} has no text, nor a title"
                self._skipped.append(Skip(place, "empty", detail, document.id))


def _sharing_facts(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield documents, of which those of one file share its facts: a list of all would hold them as often."""
    before: object = None
    for document in documents:
        if before is not None and document.metadata.get(FILE_FACTS) == before:
            document.metadata[FILE_FACTS] = before
        before = document.metadata.get(FILE_FACTS)
        yield document


def _with_facts(document: Document, file: SourceFile, facts: Metadata) -> Document:
    for name in ("path", FILE_FACTS):
        notice = f"its own field {name!r} gives way to the file's"
        if name in document.metadata and notice not in file.notices:
            file.notices.append(notice)
    return replace(document, metadata={**document.metadata, "path": file.id, FILE_FACTS: facts})
