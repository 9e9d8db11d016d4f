"""Reading documents: BEIR ``corpus.jsonl``, Markdown and text files, and folders of them."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CorpusError, DuplicateIdError
from ..passages import Document

logger = logging.getLogger(__name__)

MARKDOWN = {".md", ".markdown"}
TEXT = {".txt"}
BEIR_CORPUS = "corpus.jsonl"


@dataclass(frozen=True)
class _Sourced:
    document: Document
    source: str


def read_documents(paths: Iterable[str | Path]) -> list[Document]:
    """Read every document under the given files and folders, in a stable order.

    A folder that holds ``corpus.jsonl`` is read as a BEIR set; any other folder is walked for
    ``.md``, ``.markdown`` and ``.txt`` files, whose ids are their paths below that folder. Documents
    without text are left out with a warning, since nothing could ever retrieve them.

    Raises:
        CorpusError: nothing to read, a file that is not what its name says, or a malformed line.
        DuplicateIdError: two documents with one id, naming both places.
    """
    documents: dict[str, _Sourced] = {}
    for path in paths:
        for found in _read_path(Path(path)):
            document = found.document
            if document.id in documents:
                raise DuplicateIdError(
                    f"document id {document.id!r} stands twice: {documents[document.id].source} and "
                    f"{found.source}. Give each document an id of its own"
                )
            if not document.text.strip():
                logger.warning("%s: document %r has no text and is left out", found.source, document.id)
                continue
            documents[document.id] = found
    if not documents:
        raise CorpusError(
            "no document found: pass a BEIR folder or corpus.jsonl, a .md or .txt file, or a folder of them"
        )
    return [found.document for found in documents.values()]


def _read_path(path: Path) -> Iterator[_Sourced]:
    try:
        there = path.exists()
    except OSError as error:
        raise CorpusError(f"{str(path)[:100]}…: {error.strerror}") from error
    if not there:
        raise CorpusError(f"{path}: no such file or folder")
    if path.is_dir():
        if (path / BEIR_CORPUS).is_file():
            yield from _read_beir(path / BEIR_CORPUS)
        else:
            yield from _read_folder(path)
    elif path.suffix == ".jsonl":
        yield from _read_beir(path)
    elif path.suffix.lower() in MARKDOWN | TEXT:
        yield _read_text_file(path, path.name)
    else:
        raise CorpusError(
            f"{path}: cannot read {path.suffix or 'such'} files; known: .jsonl, .md, .markdown, .txt"
        )


def _read_folder(folder: Path) -> Iterator[_Sourced]:
    passed_over = 0
    for path in sorted(_walk(folder)):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if path.suffix.lower() in MARKDOWN | TEXT:
            yield _read_text_file(path, relative.as_posix())
        else:
            passed_over += 1
    if passed_over:
        logger.warning(
            "%s: %d files of other kinds than Markdown and text were not read", folder, passed_over
        )


def _read_text_file(path: Path, id: str) -> _Sourced:
    text = read_utf8(path)
    headed = path.suffix.lower() in MARKDOWN
    first = next((line for line in text.splitlines() if line.strip()), "")
    title = first.lstrip("#").strip() if headed and first.startswith("# ") else path.stem
    return _Sourced(Document(id=id, title=title, text=text, metadata={"path": id}, headed=headed), str(path))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder; a sub-folder that cannot be read is an error, not an empty one."""

    def unreadable(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: {error.strerror}; make it readable or leave it out") from error

    for root, _, names in os.walk(folder, onerror=unreadable):
        yield from (Path(root) / name for name in names)


def read_utf8(path: Path, error: type[Exception] = CorpusError) -> str:
    """Return a file's text, its line ends made one; raises ``error`` when it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as cause:
        raise error(f"{path}: byte {cause.start} is not UTF-8; convert the file to UTF-8 first") from cause
    except OSError as cause:
        raise error(f"{path}: {cause.strerror}") from cause


def _read_beir(path: Path) -> Iterator[_Sourced]:
    for number, record in read_json_lines(path, CorpusError):
        source = f"{path}:{number}"
        id = record.get("_id")
        if not isinstance(id, str) or not id:
            raise CorpusError(f"{source}: '_id' must be a non-empty string (got {id!r})")
        title, text, metadata = record.get("title") or "", record.get("text"), record.get("metadata") or {}
        if not isinstance(text, str) or not isinstance(title, str):
            raise CorpusError(f"{source}: 'text' and 'title' of document {id!r} must be strings")
        if not isinstance(metadata, dict):
            raise CorpusError(f"{source}: 'metadata' of document {id!r} must be an object (got {metadata!r})")
        headed = record.get("headed") is True  # as `quincunx index export` writes it
        yield _Sourced(Document(id=id, title=title, text=text, metadata=metadata, headed=headed), source)


def document_record(document: Document) -> dict[str, Any]:
    """Return a document as a line of a BEIR corpus holds it; read again, it is the same."""
    record = {
        "_id": document.id,
        "title": document.title,
        "text": document.text,
        "metadata": document.metadata,
    }
    return {**record, "headed": True} if document.headed else record


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


def read_json_lines(path: Path, error: type[CorpusError | Exception]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each line; a bad line raises ``error`` naming file and line."""
    for number, line in enumerate(read_utf8(path, error).split("\n"), start=1):
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
