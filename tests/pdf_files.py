"""The PDF files of the tests, and what is read of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from documents import make_pdf

from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.readers.pdf.pdf_file import PdfReader
from quincunx.retrieval.text.readers.reader import SourceFile

DOCUMENTS = Path(make_pdf.__file__).parent
ENTRIES: list[dict[str, Any]] = json.loads((DOCUMENTS / "pdf.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in ENTRIES if "answer" in entry]
LEFT_OUT = [entry for entry in ENTRIES if "reason" in entry]


def source(name: str) -> SourceFile:
    return SourceFile(DOCUMENTS / "pdf" / name, id="x")


def read(name: str) -> Document:
    (document,) = PdfReader().read(source(name))
    return document


def read_data(data: bytes, folder: Path, **more: Any) -> tuple[list[Document], SourceFile]:
    path = folder / "made.pdf"
    path.write_bytes(data)
    file = SourceFile(path, id="x", **more)
    return list(PdfReader().read_here(file)), file


def name_of(entry: dict[str, Any]) -> str:
    return Path(entry["file"]).name


def part_texts(document: Document) -> dict[int, str]:
    starts = [part.start for part in document.parts]
    return {
        part.number: document.text[start:end]
        for part, start, end in zip(document.parts, starts, [*starts[1:], len(document.text)], strict=True)
    }


def letters(text: str) -> Counter[str]:
    """Count the letters and digits of a text, ligatures spelled out."""
    for ligature, spelled in (("\ufb00", "ff"), ("\ufb01", "fi"), ("\ufb02", "fl")):
        text = text.replace(ligature, spelled)
    return Counter(char for char in text if char.isalnum())
