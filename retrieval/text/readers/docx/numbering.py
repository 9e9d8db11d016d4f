"""The numbers of the lists and headings of a Word document, which stand in no text of it: they are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_LEVELS = 9
_MOST = 100_000
"""Highest number that is counted to."""
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
    (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True)
class Label:
    """What stands before an item."""

    text: str
    """Such as ``2.1`` or ``b)``; empty where it is a bullet."""
    value: int | None = None
    """The number, where nothing else stands there than a number and a point or a bracket."""


@dataclass(frozen=True)
class _Level:
    format: str
    text: str
    start: int


class Numbering:
    """The lists of a document, and how far each of them has counted."""

    def __init__(self, root: Any | None = None) -> None:
        """Read ``numbering.xml``, which a document may lack."""
        self._levels: dict[str, dict[int, _Level]] = {}
        self._starts: dict[str, dict[int, int]] = {}
        self._counted_by: dict[str, str] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[str] = set()
        if root is not None:
            self._read(root)

    def _read(self, root: Any) -> None:
        abstract = {
            element.get(W + "abstractNumId", ""): {
                _index(level): _level(level) for level in element.iter(W + "lvl")
            }
            for element in root.iter(W + "abstractNum")
        }
        linked = {
            _value(element, "styleLink"): element.get(W + "abstractNumId", "")
            for element in root.iter(W + "abstractNum")
        }
        links = {
            element.get(W + "abstractNumId", ""): _value(element, "numStyleLink")
            for element in root.iter(W + "abstractNum")
        }
        for number in root.iter(W + "num"):
            name, base = number.get(W + "numId", ""), _value(number, "abstractNumId")
            base = linked.get(links.get(base) or "-", base)
            overrides = list(number.iter(W + "lvlOverride"))
            self._counted_by[name] = base
            self._levels[name] = dict(abstract.get(base, {})) | {
                _index(override): _level(level)
                for override in overrides
                for level in override.iter(W + "lvl")
            }
            self._starts[name] = {
                _index(override): _number(override, "startOverride", 1)
                for override in overrides
                if override.find(W + "startOverride") is not None
            }

    def count(self, name: str, level: int) -> Label | None:
        """Count one more item of a list; ``None`` where the list is unknown or shows nothing before its items."""
        levels = self._levels.get(name, {})
        found = levels.get(level)
        if found is None:
            return None
        counts = self._counts.setdefault(self._counted_by[name], [None] * _LEVELS)
        if name not in self._begun:
            self._begun.add(name)
            for index, start in self._starts[name].items():
                counts[index] = start - 1
        before = counts[level]
        counts[level] = found.start if before is None else min(before + 1, _MOST)
        for deeper in range(level + 1, _LEVELS):
            counts[deeper] = None
        if found.format == "bullet":
            return Label("")
        text = re.sub(
            r"%([1-9])", lambda match: _shown(int(match[1]) - 1, levels, counts), found.text
        ).strip()
        if found.format == "none" or not text:
            return None
        plain = re.fullmatch(r"(\d{1,9})[.)]?", text)
        return Label(text, int(plain[1]) if plain else None)


def _shown(index: int, levels: dict[int, _Level], counts: list[int | None]) -> str:
    level = levels.get(index, _Level("decimal", "", 1))
    number = counts[index]
    return _formatted(level.start if number is None else number, level.format)


def _formatted(number: int, format: str) -> str:
    if number > 0 and format in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 9)
        return letter.upper() if format == "upperLetter" else letter
    if 0 < number < 4000 and format in ("lowerRoman", "upperRoman"):
        roman = ""
        for value, letters in _ROMAN:
            roman += letters * (number // value)
            number %= value
        return roman.upper() if format == "upperRoman" else roman
    return f"{number:02d}" if format == "decimalZero" else str(number)


def _level(element: Any) -> _Level:
    return _Level(
        _value(element, "numFmt") or "decimal", _value(element, "lvlText"), _number(element, "start", 0)
    )


def _index(element: Any) -> int:
    level = element.get(W + "ilvl", "0")
    return min(int(level), _LEVELS - 1) if level.isdecimal() and len(level) < 3 else 0


def _number(element: Any, name: str, otherwise: int) -> int:
    value = _value(element, name)
    return min(int(value), _MOST) if value.isdecimal() and len(value) < 10 else otherwise


def _value(element: Any, name: str) -> str:
    found = element.find(W + name)
    return str(found.get(W + "val", "")) if found is not None else ""
