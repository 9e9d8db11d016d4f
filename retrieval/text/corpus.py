"""Reading documents: BEIR ``corpus.jsonl``, Markdown and text files, and folders of them."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from ..errors import CorpusError, DuplicateIdError
from ..passages import Document
from .encodings import NotTextError, decode
from .file_names import readable
from .front_matter import FrontMatter, read_front_matter
from .ignore_rules import Globs
from .markdown import read_blocks
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
from .walk import BEIR_CORPUS, MARKDOWN, Walk

__all__ = [
    "BEIR_CORPUS",
    "Corpus",
    "document_record",
    "read_corpus",
    "read_csv_rows",
    "read_documents",
    "read_json_lines",
    "read_utf8",
    "require_documents",
]

_NAMED = 5
"""Skips that an error names."""


@dataclass(frozen=True)
class Corpus:
    """Documents, and where they came from."""

    documents: list[Document]
    origin: Origin = field(default_factory=Origin)
    given: tuple[str, ...] = ()
    """The files and folders that were read, absolute, as `readable` writes them."""
    report: ReadReport = field(default_factory=ReadReport)


def read_documents(
    paths: Paths,
    *,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    strict: bool = False,
) -> list[Document]:
    """Read every document under the given files and folders, in a stable order; see `read_corpus`.

    What is left out is logged.

    Raises:
        CorpusError: nothing to read, or a malformed line of a corpus.
        DuplicateIdError: two documents with one id, naming both places.
    """
    corpus = read_corpus(paths, include=include, exclude=exclude, strict=strict)
    corpus.report.log()
    require_documents(corpus)
    return corpus.documents


def read_corpus(
    paths: Paths,
    *,
    known: Origin | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    strict: bool = False,
) -> Corpus:
    """Read every document under the given files and folders, in a stable order, and say what was left out.

    A folder that holds ``corpus.jsonl`` is read as a BEIR set; any other folder is walked for ``.md``, ``.markdown``
    and ``.txt`` files, whose ids are their paths below their root. Links are followed, ignore files heeded; hidden
    files, folders of tools and documents with neither title nor text are left out.

    Args:
        paths: one path, several, ``name=path``, or paths by name; a root's name comes before its documents' ids.
        known: what an index was built from. A path below one of its roots is read as a part of that root, and one that
            is not there any more is a skip for the reason ``missing``.
        include, exclude: patterns as in ``.gitignore``; what is left out by them is not an error.
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
    roots = roots_of(given, known.roots)
    reading = _Reading(roots, Globs.of(include, exclude))
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
        list(reading.documents.values()), Origin(roots, reading.sources, links), tuple(read), report
    )


def require_documents(corpus: Corpus) -> None:
    """Raise `CorpusError` where nothing was read, naming what was left out."""
    if corpus.documents:
        return
    skipped = f" ({_list(corpus.report.skipped)})" if corpus.report.skipped else ""
    raise CorpusError(
        f"no document found{skipped}: pass a BEIR folder or corpus.jsonl, a .md or .txt file, or a folder of them"
    )


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

    def __init__(self, roots: tuple[Root, ...], globs: Globs) -> None:
        self.walk = Walk(by_path_of(roots), globs)
        self.documents: dict[str, Document] = {}
        self.sources: dict[str, str] = {}
        self._roots = by_path_of(roots)
        self._places: dict[str, str] = {}
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
        """Read every file that the walk found, in the order of their paths."""
        corpora = set(self.walk.corpora)
        for path in sorted([*self.walk.files, *corpora], key=lambda path: path.split("/")):
            text = self._decode(path)
            if text is not None:
                for document, place in (self._rows if path in corpora else self._file)(path, text):
                    self._add(document, place, path)

    def _decode(self, path: str) -> str | None:
        try:
            decoded = decode(Path(path).read_bytes())
        except OSError as error:
            self.skip(path, "unreadable", error.strerror or str(error))
        except NotTextError as error:
            self.skip(path, "binary", str(error))
        else:
            if decoded.encoding is not None:
                self._encodings[readable(path)] = decoded.encoding
            return decoded.text.replace("\r\n", "\n")
        return None

    def _add(self, document: Document, place: str, path: str) -> None:
        if document.id in self.documents:
            raise DuplicateIdError(
                f"document id {document.id!r} stands twice: {self._places[document.id]} and {place}. Give each "
                "document an id of its own; folders are kept apart by names for them, as in first=PATH second=PATH"
            )
        self.documents[document.id] = document
        self.sources[document.id] = readable(path)
        self._places[document.id] = place
        self._counts[PurePath(path).suffix.lower()] += 1

    def _file(self, path: str, text: str) -> Iterator[tuple[Document, str]]:
        source = readable(path)
        root = self._root(source)
        id = root.document_id(root.relative(source))
        headed = PurePath(path).suffix.lower() in MARKDOWN
        front = read_front_matter(text) if headed else FrontMatter(text)
        self._notices += [f"{source}: {notice}" for notice in front.notices]
        if "path" in front.metadata:
            self._notices.append(
                f"{source}: the field 'path' of its front matter gives way to the file's own"
            )
        title = front.title or (_heading(front.body) if headed else None)
        if not front.body.strip() and not title:
            self.skip(path, "empty")
            return
        title = title or readable(PurePath(path).stem)
        yield Document(id, title, front.body, {**front.metadata, "path": id}, headed), source

    def _rows(self, path: str, text: str) -> Iterator[tuple[Document, str]]:
        source = readable(path)
        root = self._root(source)
        for number, record in read_json_lines(Path(source), CorpusError, text):
            place = f"{source}:{number}"
            document = _beir_document(record, place, root)
            if document.title.strip() or document.text.strip():
                yield document, place
            else:
                detail = f"document {document.id!r} has no text, nor a title"
                self._skipped.append(Skip(place, "empty", detail, document.id))

    def _root(self, source: str) -> Root:
        return innermost(self._roots, source) or Root(source)


def _heading(text: str) -> str | None:
    """Return the heading of the first rank that a Markdown text begins with, without its marks."""
    first = next(read_blocks(text), None)
    return first.name if first is not None and first.level == 1 and first.name else None


def _beir_document(record: dict[str, Any], place: str, root: Root) -> Document:
    id = record.get("_id")
    if not isinstance(id, str) or not id:
        raise CorpusError(f"{place}: '_id' must be a non-empty string (got {id!r})")
    title, text, metadata = record.get("title") or "", record.get("text"), record.get("metadata") or {}
    if not isinstance(text, str) or not isinstance(title, str):
        raise CorpusError(f"{place}: 'text' and 'title' of document {id!r} must be strings")
    if not isinstance(metadata, dict):
        raise CorpusError(f"{place}: 'metadata' of document {id!r} must be an object (got {metadata!r})")
    headed = record.get("headed") is True  # as `quincunx index export` writes it
    return Document(root.document_id(id), title, text, metadata, headed)


def document_record(document: Document) -> dict[str, Any]:
    """Return a document as a line of a BEIR corpus holds it; read again, it is the same."""
    record = {
        "_id": document.id,
        "title": document.title,
        "text": document.text,
        "metadata": document.metadata,
    }
    return {**record, "headed": True} if document.headed else record


def read_utf8(path: Path, error: type[Exception] = CorpusError) -> str:
    """Return a file's text, its line ends made one; raises ``error`` when it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as cause:
        raise error(f"{path}: byte {cause.start} is not UTF-8; convert the file to UTF-8 first") from cause
    except OSError as cause:
        raise error(f"{path}: {cause.strerror}") from cause


def read_csv_rows(path: Path, error: type[CorpusError | Exception]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number from 1, cells) for each row of a CSV file; what is none raises ``error``.

    Rows of white space alone are passed over; every other one must have as many cells as the first.
    """
    reader = csv.reader(io.StringIO(read_utf8(path, error), newline=""), strict=True)
    columns: int | None = None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            columns = columns or len(row)
            if len(row) != columns:
                raise error(
                    f"{path}:{reader.line_num}: {len(row)} cells under {columns} columns; quote cells that hold a comma"
                )
            yield reader.line_num, row
    except csv.Error as cause:
        raise error(f"{path}:{reader.line_num}: not CSV ({cause}); mend the quotes") from cause


def read_json_lines(
    path: Path, error: type[CorpusError | Exception], text: str | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each line; a bad line raises ``error`` naming file and line.

    ``text`` is what the file holds, where that was read before.
    """
    text = read_utf8(path, error) if text is None else text
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_no_constant)
        except json.JSONDecodeError as cause:
            raise error(
                f"{path}:{number}: not JSON ({cause.msg} at column {cause.colno}): {line[:60]!r}"
            ) from cause
        except (RecursionError, ValueError) as cause:
            raise error(f"{path}:{number}: not JSON that can be read ({cause}): {line[:60]!r}") from cause
        if "\\ud" in line.lower() and not _encodable(record):
            raise error(
                f"{path}:{number}: holds half of a surrogate pair (\\ud800 to \\udfff), which is no text"
            )
        if not isinstance(record, dict):
            raise error(f"{path}:{number}: must be a JSON object, one a line (got {line[:60]!r})")
        yield number, record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _encodable(record: Any) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
