"""What of a passage's metadata can be compared: its fields, and their values by kind.

A field is the path of keys to a value: `author.name` is the key ``name`` of the object under ``author``. A list stands for
its elements, and objects in a list are looked into; lists within lists are ignored. Values are compared by kind:

- ``truth``: true and false.
- ``number``: an integer of 64 bits, or else a double; neither NaN nor infinite.
- ``text``: letters in Unicode's composed form (NFC), so that é is é however it was typed.
- ``date`` and ``instant``: beside ``text``, of a text that is an ISO date, or begins with one: the date as it is written,
  and the time in microseconds, where a plain date is its midnight and a time without a zone is UTC.
- ``none``: nothing to compare, but the field is there: null, an empty list or object, or a value of no other kind.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from .errors import FilterError

Kind = Literal["none", "truth", "number", "text", "date", "instant"]
Path = tuple[str, ...]

KEYWORDS = frozenset({"and", "or", "not", "in"})
"""Words of the text form of filters: unquoted, no field has such a name."""
LONG_TEXT = 200
"""Characters up to which a text is compared as it is; a longer one by its beginning and digest."""

_PLAIN = re.compile(r"[\w.-]+")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\S+)?", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class FieldName:
    """A field as a filter names it. ``str`` of it is its text form, and reads back to an equal one."""

    keys: Path
    plain: bool
    """Named by one word without quotes: its dots may be steps of the path, or stand within a key."""
    optional: bool = False
    """No document of the index needs to have it."""

    @classmethod
    def of(cls, *keys: object, optional: bool = False) -> FieldName:
        """Name a field by the keys of its path; one key with dots may be such a path, too.

        Raises:
            FilterError: a key that none can be.
        """
        named: list[str] = []
        for key in keys:
            if not isinstance(key, str) or not key or _SURROGATE.search(key):
                got = f"{key!r:.80}" if isinstance(key, str) else type(key).__name__
                raise FilterError(f"a field's name is text of at least one letter (got {got})")
            named.append(unicodedata.normalize("NFC", key))
        if not named:
            raise FilterError("a field's name is text of at least one letter (got none)")
        return cls(tuple(named), len(named) == 1 and _is_plain(named[0]), optional)

    def reaches(self, path: Path) -> bool:
        """Whether it names this path."""
        return self.keys[0] == ".".join(path) if self.plain else self.keys == path

    def __str__(self) -> str:
        mark = "?" if self.optional else ""
        if self.plain:
            return self.keys[0] + mark
        *first, last = self.keys
        steps = [key if _is_plain(key) and "." not in key else _quoted(key) for key in first]
        return ".".join([*steps, _quoted(last)]) + mark


def path_text(path: Path) -> str:
    """Return a path as a filter can name it."""
    return str(
        FieldName.of(".".join(path))
        if all(_is_plain(key) and "." not in key for key in path)
        else FieldName(path, False)
    )


def comparable_values(metadata: Mapping[str, Any]) -> Iterator[tuple[Path, Kind, Any]]:
    """Yield (path, kind, value) of all there is to compare, and of every field at least that it is there."""
    for key, value in metadata.items():
        yield from _values((unicodedata.normalize("NFC", str(key)),), value)


def comparable(value: object) -> tuple[Kind, Any]:
    """Return what a value that is no list or object equals another by."""
    if isinstance(value, bool):
        return "truth", value
    if isinstance(value, int):
        try:
            return "number", value if abs(value) < 2**63 else float(value)
        except OverflowError:  # larger than any number that a filter can name
            return "number", math.inf if value > 0 else -math.inf
    if isinstance(value, float) and math.isfinite(value):
        return "number", value
    if isinstance(value, str) and not _SURROGATE.search(value):
        text = unicodedata.normalize("NFC", value)
        return "text", text if len(text) <= LONG_TEXT else _shortened(text)
    return "none", 0


def instant(text: str) -> int | None:
    """Return the time that an ISO date, or date and time, names, in microseconds; ``None`` for another text."""
    try:
        time = datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
    except ValueError:
        return None
    if time is None:
        return None
    since = time.replace(tzinfo=None) - datetime.min - (time.utcoffset() or timedelta())
    return since // timedelta(microseconds=1)


def _values(path: Path, value: object) -> Iterator[tuple[Path, Kind, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _values((*path, unicodedata.normalize("NFC", str(key))), inner)
        return
    elements = value if isinstance(value, list | tuple) else (value,)
    if not elements:
        yield path, "none", 0
    for element in elements:
        if isinstance(element, Mapping) and element:
            yield from _values(path, element)
            continue
        kind, comparing = comparable(element)
        yield path, kind, comparing
        moment = instant(element) if isinstance(element, str) else None
        if moment is not None:
            yield path, "date", str(element)[:10]
            yield path, "instant", moment


def _is_plain(key: str) -> bool:
    return bool(_PLAIN.fullmatch(key)) and key.lower() not in KEYWORDS


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


def _shortened(text: str) -> str:
    return f"{text[: LONG_TEXT // 2]}\0{hashlib.sha256(text.encode()).hexdigest()}"
