"""BEIR corpora: documents as lines of JSON; and the lines of JSON and CSV that such sets are made of."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..passages import Document, Part
from .roots import Root

BEIR_CORPUS = "corpus.jsonl"
_LONGEST_FIRST = 16 * 1024 * 1024
_MOST_BLANK = 1000


def is_beir(path: Path) -> bool:
    """Whether lines of JSON are those of a BEIR corpus: by the name, or by the first line, which has an ``_id``.

    What is no JSON is taken for one, too: its reading says what is wrong.
    """
    if path.name == BEIR_CORPUS:
        return True
    try:
        with path.open("rb") as opened:
            lines = (opened.readline(_LONGEST_FIRST) for _ in range(_MOST_BLANK))
            first = json.loads(next((line for line in lines if line.strip()), b""))
    except (ValueError, RecursionError, OSError):
        return True
    return not isinstance(first, dict) or "_id" in first


def beir_document(record: dict[str, Any], place: str, root: Root) -> Document:
    """Return the document of a line; raises `CorpusError`, naming the ``place``, for one that is none."""
    id = record.get("_id")
    if not isinstance(id, str) or not id:
        raise CorpusError(f"{place}: '_id' must be a non-empty string (got {id!r})")
    title, text, metadata = record.get("title") or "", record.get("text"), record.get("metadata") or {}
    if not isinstance(text, str) or not isinstance(title, str):
        raise CorpusError(f"{place}: 'text' and 'title' of document {id!r} must be strings")
    if not isinstance(metadata, dict):
        raise CorpusError(f"{place}: 'metadata' of document {id!r} must be an object (got {metadata!r})")
    # `headed` and `parts` are as `quincunx index export` writes them.
    try:
        parts = tuple(
            Part(int(start), str(kind), int(number)) for start, kind, number in record.get("parts", ())
        )
    except (TypeError, ValueError) as error:
        raise CorpusError(
            f"{place}: 'parts' of document {id!r} must be [[start, kind, number], …]"
        ) from error
    return Document(root.document_id(id), title, text, metadata, record.get("headed") is True, parts)


def document_record(document: Document) -> dict[str, Any]:
    """Return a document as a line of a BEIR corpus holds it; read again, it is the same."""
    record: dict[str, Any] = {
        "_id": document.id,
        "title": document.title,
        "text": document.text,
        "metadata": document.metadata,
    }
    if document.headed:
        record["headed"] = True
    if document.parts:
        record["parts"] = [[part.start, part.kind, part.number] for part in document.parts]
    return record


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
    for number, line in enumerate(_lines(text), start=1):
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


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text, without a list of all."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _encodable(record: Any) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
