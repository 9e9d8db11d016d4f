"""Markdown files: front matter becomes metadata, and the text stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

from ...passages import Document
from ..front_matter import read_front_matter
from ..markdown import read_blocks
from .reader import SourceFile

_HEAD = 64 * 1024
"""Characters among which the heading is looked for that titles a text."""


class MarkdownReader:
    """Reads ``.md`` and ``.markdown``, titled by their front matter, else their first heading, else the file's name."""

    name = "markdown"
    version = 1
    suffixes = (".md", ".markdown")

    def read(self, file: SourceFile) -> Iterator[Document]:
        front = read_front_matter(file.read_text())
        file.notices += front.notices
        title = front.title or _heading(front.body)
        if front.body.strip() or title:
            yield file.document(title or file.name, front.body, front.metadata)


def _heading(text: str) -> str | None:
    """Return the heading of the first rank that a Markdown text begins with, without its marks."""
    first = next(read_blocks(text[:_HEAD]), None)
    return first.name if first is not None and first.level == 1 and first.name else None
