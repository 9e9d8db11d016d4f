"""What the styles of a Word document make of its paragraphs: headings, titles, quotes and items of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_MOST_BASES = 16
"""Styles that a style is based on, one after the other, at most."""


@dataclass(frozen=True)
class Shown:
    """What a paragraph is shown as."""

    style: str = ""
    """``Heading1`` to ``Heading6``, ``Title``, ``Quote``, or nothing of these."""
    number: tuple[str, int] | None = None
    """The list and the level, from 0, that it is an item of."""


class Styles:
    """The paragraph styles of a document, by id."""

    def __init__(self, root: Any | None = None) -> None:
        """Read ``styles.xml``, which a document may lack."""
        self._styles: dict[str, Any] = {}
        self._default = ""
        for style in root.iter(W + "style") if root is not None else ():
            if style.get(W + "type") == "paragraph":
                name = style.get(W + "styleId", "")
                self._styles.setdefault(name, style)
                if style.get(W + "default") in ("1", "true", "on"):
                    self._default = name

    def shown(self, properties: Any | None) -> Shown:
        """Return what a paragraph of these properties is shown as: its own count before those of its style."""
        named = _value(properties, "pStyle") or self._default
        sources = [source for source in (properties, *self._properties(named)) if source is not None]
        return Shown(self._style(named, sources), _number(sources))

    def _chain(self, name: str) -> Iterator[Any]:
        for _ in range(_MOST_BASES):
            style = self._styles.get(name)
            if style is None:
                return
            yield style
            name = _value(style, "basedOn")

    def _properties(self, name: str) -> list[Any]:
        return [style.find(W + "pPr") for style in self._chain(name)]

    def _style(self, name: str, sources: list[Any]) -> str:
        names = [_value(style, "name") for style in self._chain(name)] or [re.sub(r"(\d)$", r" \1", name)]
        outline = next((found for found in (_value(source, "outlineLvl") for source in sources) if found), "")
        if outline.isdecimal():
            return f"Heading{min(int(outline) + 1, 6)}" if int(outline) < 9 else ""
        for text in names:
            heading = _HEADING.fullmatch(text)
            if heading is not None:
                return f"Heading{min(int(heading[1]), 6)}"
            if text.casefold() in ("title", "quote", "intense quote", "block text"):
                return "Title" if text.casefold() == "title" else "Quote"
        return ""


def _number(sources: list[Any]) -> tuple[str, int] | None:
    """Return the list and the level that the first of these properties says that knows them."""
    level = next((found for found in (_value(source, "numPr", "ilvl") for source in sources) if found), "0")
    number = next((found for found in (_value(source, "numPr", "numId") for source in sources) if found), "")
    if number in ("", "0"):
        return None
    return number, min(int(level), 8) if level.isdecimal() else 0


def _value(element: Any | None, *names: str) -> str:
    found = element.find("/".join(W + name for name in names)) if element is not None else None
    return str(found.get(W + "val", "")) if found is not None else ""
