"""Files of every kind that is read, made by the thousand or large."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
from documents import pdf_writer
from documents.make_docx import RELATIONSHIPS, TYPES, document, paragraph
from documents.make_epub import CONTAINER, PAGE, package

Rows = list[tuple[str, str]]
"""Titles and texts."""


def _markdown(rows: Rows) -> str:
    [(title, text)] = rows
    return f"# {title}\n\n{text}\n"


def _csv(rows: Rows) -> str:
    return "title,text\n" + "".join(f'{title},"{text}"\n' for title, text in rows)


def _records(rows: Rows) -> list[dict[str, str]]:
    return [{"id": f"r{number}", "title": title, "text": text} for number, (title, text) in enumerate(rows)]


def _html(rows: Rows) -> str:
    [(title, text)] = rows
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"


def _email(rows: Rows) -> str:
    [(title, text)] = rows
    return f"From: tove@ferry.example\nTo: ines@ferry.example\nSubject: {title}\n\n{text}\n"


def _notebook(rows: Rows) -> str:
    [(title, text)] = rows
    cells = [{"cell_type": "markdown", "metadata": {}, "source": [f"# {title}\n", "\n", text]}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _python(rows: Rows) -> str:
    [(title, text)] = rows
    return f'def answer() -> str:\n    """{title}"""\n    return "{text}"\n'


def _zip(entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 12, 0, 0)), content)
    return file.getvalue()


def _docx(rows: Rows) -> bytes:
    [(title, text)] = rows
    properties = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>'
    )
    return _zip({
        "[Content_Types].xml": TYPES, "_rels/.rels": RELATIONSHIPS, "word/document.xml": document(paragraph(text)),
        "docProps/core.xml": properties,
    })  # fmt: skip


def _xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    for row in [("title", "text"), *rows]:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _pdf(rows: Rows) -> bytes:
    [(title, text)] = rows
    page = pdf_writer.Page()
    page.paragraph(text)
    return pdf_writer.write([page], {"Title": title})


def _epub(rows: Rows) -> bytes:
    [(title, text)] = rows
    chapter = ("one.xhtml", title, f"<p>{text}</p>")
    return _zip({
        "mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER.format(path="OEBPS/content.opf"),
        "OEBPS/content.opf": package([chapter], f"<dc:title>{title}</dc:title>"),
        "OEBPS/one.xhtml": PAGE.format(title=title, body=chapter[2]),
    })  # fmt: skip


_SMALL: dict[str, Callable[[Rows], str | bytes]] = {
    ".md": _markdown,
    ".txt": lambda rows: rows[0][1],
    ".csv": _csv,
    ".jsonl": lambda rows: "".join(json.dumps(record) + "\n" for record in _records(rows)),
    ".json": lambda rows: json.dumps(_records(rows)),
    ".html": _html,
    ".docx": _docx,
    ".xlsx": _xlsx,
    ".eml": _email,
    ".ipynb": _notebook,
    ".py": _python,
    ".pdf": _pdf,
    ".epub": _epub,
}
KINDS = list(_SMALL)
OF_ROWS = {".csv", ".jsonl", ".json", ".xlsx"}
"""Kinds whose files here hold three documents each."""
TITLED_BY_NAME = {".txt", ".csv", ".xlsx", ".py"}
"""Kinds whose documents are titled by their file's name."""


def small_path(folder: Path, number: int) -> Path:
    """Return where a file of many lies: fifty to a folder, of all kinds by turns."""
    return folder / f"part-{number // 50}" / f"file-{number}{KINDS[number % len(KINDS)]}"


def write_small(path: Path, number: int, word: str) -> None:
    """Write a file of its own text; the word stands in one passage of it."""
    rows = [
        (
            f"Matter {number} of {row}",
            f"The {word if row == 0 else 'first'} clerk keeps matter {number} in drawer {number * 7919 % 1009} of room {row}.",
        )
        for row in range(3 if path.suffix in OF_ROWS else 1)
    ]
    content = _SMALL[path.suffix](rows)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


_PLACES = ("harbour", "kiln", "orchard", "archive", "ferry", "mill", "tannery", "ropewalk", "chandlery")


def sentence(number: int) -> str:
    return (
        f"Entry {number} was written by the clerk of the {_PLACES[number % len(_PLACES)]}, who counted "
        f"{number * 7919 % 10007} crates and {number % 31} barrels before the gate was shut."
    )


def paragraph_of(number: int) -> str:
    """Return a paragraph of five sentences of its own, about 600 characters."""
    return " ".join(sentence(5 * number + place) for place in range(5))


def _chapters(number: int) -> str:
    heading = f"## Chapter {number // 8}\n\n" if number % 8 == 0 else ""
    return f"{heading}{paragraph_of(number)}\n\n"


def _message(number: int) -> str:
    return (
        f"From tove@ferry.example Mon Mar 30 18:05:00 2026\nFrom: tove@ferry.example\nSubject: Count {number}\n"
        f"Date: Mon, 30 Mar 2026 18:05:00 +0200\nMessage-ID: <{number}@ferry.example>\n\n{paragraph_of(number)}\n\n"
    )


def _cell(number: int) -> str:
    cell = {"cell_type": "markdown", "metadata": {}, "source": [paragraph_of(number)]}
    return f"{',' if number else ''}{json.dumps(cell)}\n"


def _function(number: int) -> str:
    return f'def count_{number}(crates: int) -> int:\n    """{sentence(number)}"""\n    return crates * {number}\n\n\n'


def _record(number: int) -> str:
    return json.dumps({"id": f"k{number}", "title": f"Count {number}", "text": paragraph_of(number)})


def _tiny_record(number: int) -> str:
    price = round(number % 9000 / 100, 2)
    return json.dumps(
        {
            "id": number,
            "title": f"Item {number}",
            "text": f"Costs {price} at branch {number % 97}",
            "price": price,
        }
    )


_LARGE: dict[str, tuple[str, Callable[[int], str], str]] = {
    "records.jsonl": ("", lambda number: _record(number) + "\n", ""),
    "tiny_records.jsonl": ("", lambda number: _tiny_record(number) + "\n", ""),
    "records.json": ("[", lambda number: f"{',' if number else ''}{_record(number)}\n", "]"),
    "rows.csv": ("key,title,note\n", lambda n: f"k{n},Count {n},{paragraph_of(n).replace(',', '')}\n", ""),
    "book.txt": ("", lambda number: paragraph_of(number) + "\n\n", ""),
    "book.md": ("# The book\n\n", _chapters, ""),
    "page.html": ("<title>Counts</title><body>", lambda number: f"<p>{paragraph_of(number)}</p>\n", "</body>"),
    "letters.mbox": ("", _message, ""),
    "counts.ipynb": ('{"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [\n', _cell, "]}\n"),
    "counts.py": ("", _function, ""),
}  # fmt: skip
LARGE = {
    **dict.fromkeys(_LARGE, 40_000_000),
    "page.html": 30_000_000,
    "counts.py": 8_000_000,
    "book.pdf": 25_000_000,
}
"""Names of large files, and how many bytes each has, as far as its reader allows: the PDF has nearly two million words."""


def write_large(path: Path, size: int) -> None:
    """Write a file of at most so many bytes, and nearly as many."""
    if path.suffix == ".pdf":
        path.write_bytes(pdf_writer.write(list(_pages(size)), {"Title": "The book"}, packed=False))
        return
    head, part, tail = _LARGE[path.name]
    with path.open("w", encoding="utf-8") as file:
        written = file.write(head) + len(tail)
        for number in count():
            piece = part(number)
            written += len(piece)
            if written > size:
                break
            file.write(piece)
        file.write(tail)


def _pages(size: int) -> Iterator[pdf_writer.Page]:
    written = 0
    for number in count():
        page = pdf_writer.Page()
        for place in range(7):
            page.paragraph(paragraph_of(7 * number + place), size=9)
        written += sum(map(len, page.content)) + 400
        if written > size:
            return
        yield page
