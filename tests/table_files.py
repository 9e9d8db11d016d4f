"""What the tests of the readers of tables and records share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.reader import SourceFile
from quincunx.retrieval.text.readers.tables.csv_table import CsvReader
from quincunx.retrieval.text.readers.tables.json_records import JsonReader
from quincunx.retrieval.text.readers.tables.xlsx import XlsxReader

DOCUMENTS = Path(__file__).parent / "documents"
TABLES = DOCUMENTS / "tables"
READERS: Mapping[str, CsvReader | XlsxReader | JsonReader] = {
    suffix: reader for reader in (CsvReader(), XlsxReader(), JsonReader()) for suffix in reader.suffixes
}


def read(path: Path, *fields: str) -> tuple[list[Document], SourceFile]:
    """Return the documents of a file and the file, with the notices that its reader left."""
    file = SourceFile(path, id=path.name, fields=FieldMap.of(fields))
    return list(READERS[path.suffix].read(file)), file


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file, and return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
