"""Text files, as they are."""

from __future__ import annotations

from collections.abc import Iterator

from ...passages import Document
from .reader import SourceFile


class PlainTextReader:
    """Reads ``.txt``: the text as it is, titled by the file's name."""

    name = "text"
    version = 1
    suffixes = (".txt",)

    def read(self, file: SourceFile) -> Iterator[Document]:
        text = file.read_text()
        if text.strip():
            yield file.document(file.name, text, headed=False)
