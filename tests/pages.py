"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]*)"')
_FILE = re.compile(r"[\w./-]+\.\w+")


@dataclass(frozen=True)
class Block:
    """A block of code."""

    page: Path
    line: int
    """Of the page, from 1, on which its code begins."""
    language: str
    title: str
    """What stands above it; empty for none."""
    code: str

    @property
    def file(self) -> str | None:
        """The file that it shows; ``None`` where its title names no file."""
        return self.title if _FILE.fullmatch(self.title) else None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return README, CONTRIBUTING and every page under docs/ that is written by hand."""
    written = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in written if page != ROOT / "docs" / "reference" / "cli.md"]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        language, info, code = found.groups()
        title = _TITLE.search(info)
        line = text.count("\n", 0, found.start()) + 2
        yield Block(page, line, language, title[1] if title else "", code)


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
