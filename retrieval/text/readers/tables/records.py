"""A record, or a row of a table, as a document.

The document of a record is the field that is its text; that of a row is the row under the head of its table, so that
each cell stands with the name of its column. What else a record holds is metadata.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ....passages import Document, Metadata, Part
from ...encodings import without_half_pairs
from ..field_map import ID, TEXT, TITLE
from ..reader import SourceFile, UnreadableFileError

MOST_KEY = 200
"""Longest id of a record that becomes the key of its document."""
MOST_TITLE = 120
MOST_DEPTH = 64
"""Deepest nesting of a record."""

_NAMED = 5
"""Rows that a notice names."""
_ROW = re.compile(r"row-\d+")


class Tally:
    """Rows of which the same is to be said."""

    def __init__(self, what: str, place: str = "rows") -> None:
        """Take what is said of them, and what such rows are called in the file."""
        self.count = 0
        self._what, self._place = what, place
        self._first: list[int] = []

    def add(self, number: int) -> None:
        self.count += 1
        if len(self._first) < _NAMED:
            self._first.append(number)

    def notices(self, what: str | None = None) -> list[str]:
        """Return the notice, if there is anything to be said."""
        if not self.count:
            return []
        named = ", ".join(map(str, self._first)) + (
            f" and {self.count - _NAMED:,} more" if self.count > _NAMED else ""
        )
        return [f"{what or self._what}: {self._place} {named}"]


class Keys:
    """The keys of a file's documents: ids of its records, and ``row-<n>`` where a record has none that can be one."""

    def __init__(self, place: str = "rows", *, are_unique: bool = False) -> None:
        """Take what rows are called in the file, and whether it is known that no id stands there twice."""
        self.are_unique = are_unique
        self.twice = Tally("their ids stood before, so the numbers of the rows are taken", place)
        self._seen: set[str] = set()

    def key(self, id: Any, number: int) -> str:
        row = f"row-{number}"
        if isinstance(id, bool) or not isinstance(id, str | int | float):
            return row
        key = " ".join(str(id).split())
        if not key or len(key) > MOST_KEY or _ROW.fullmatch(key):
            return row
        if self.are_unique:
            return key
        if key in self._seen:
            self.twice.add(number)
            return row
        self._seen.add(key)
        return key


class Records:
    """Makes documents of the records of one file, and counts those that have no text."""

    def __init__(self, file: SourceFile, place: str = "rows") -> None:
        self.file = file
        self.keys = Keys(place)
        self.given = 0
        self._textless = Tally("records without a text were passed over", place)
        self._names: dict[str, None] = {}

    def document(self, record: Mapping[str, Any], number: int) -> Document | None:
        """Return the document of a record, whose values are JSON; ``None`` where it has no text."""
        text = text_of(self.file, record)
        if text is None:
            self._textless.add(number)
            if len(self._names) < 20:
                self._names |= dict.fromkeys(map(str, record))
            return None
        self.given += 1
        fields = self.file.fields
        key = self.keys.key(fields.value(ID, record), number)
        part = Part(0, "row", number)
        return self.file.document(
            title_of(self.file, record) or self.file.name,
            text,
            rest_of_record(self.file, record),
            key=key,
            parts=[part],
        )

    def finish(self) -> None:
        """Note what was passed over.

        Raises:
            UnreadableFileError: all of it, since no record has a text.
        """
        if self._textless.count and not self.given:
            raise UnreadableFileError("unmapped", unmapped(self.file, self._names))
        self.file.notices += [*self._textless.notices(), *self.keys.twice.notices()]


def unmapped(file: SourceFile, names: Mapping[str, Any]) -> str:
    """Return what to say where no field of that name is a text."""
    has = f" (it has {', '.join(list(names)[:12])}{' …' if len(names) > 12 else ''})" if names else ""
    said = file.fields.expressions.get(TEXT)
    wrong = "no field could be the text" if said is None else f"no record has a text in {said!r}"
    return f"{wrong}{has}: say --map text=FIELD"


def text_of(file: SourceFile, record: Mapping[str, Any]) -> str | None:
    """Return the text of a record; a field that was guessed must hold one, a mapped one may hold a number or texts."""
    found = file.fields.value(TEXT, record)
    if TEXT in file.fields.expressions:
        if isinstance(found, list) and found and all(isinstance(part, str) for part in found):
            found = "\n\n".join(found)
        elif isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
    return found.replace("\r\n", "\n") if isinstance(found, str) and found.strip() else None


def title_of(file: SourceFile, record: Mapping[str, Any]) -> str | None:
    """Return the title of a record, on one line."""
    return as_title(file.fields.value(TITLE, record))


def as_title(value: Any) -> str | None:
    """Return a value as a title: on one line, and cut at a word where it is long; ``None`` where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    title = " ".join(str(value).split())
    if len(title) > MOST_TITLE:
        title = f"{title[:MOST_TITLE].rpartition(' ')[0] or title[:MOST_TITLE]} …"
    return title or None


def rest_of_record(file: SourceFile, record: Mapping[str, Any]) -> Metadata:
    """Return the fields of a record but its text and its title, and those that are mapped."""
    rest = dict(record)
    for name in (TEXT, TITLE):
        value = file.fields.value(name, record)
        source = file.fields.field_used(name, record)
        if source is not None and (name == TEXT or as_title(value) == value):
            rest.pop(source, None)
    return {**rest, **file.fields.added(record)}


class NestedTooDeeplyError(ValueError):
    """A record is nested deeper than `MOST_DEPTH`."""


def as_json(value: Any, depth: int = 0) -> Any:
    """Return a value that was read as JSON as one that every reader of JSON can hold, and UTF-8 too.

    Whole numbers of more than 64 bits, NaN and the infinities become text; half a surrogate pair becomes ``?``.

    Raises:
        NestedTooDeeplyError: it is nested deeper than `MOST_DEPTH`.
    """
    if depth > MOST_DEPTH:
        raise NestedTooDeeplyError(f"it is nested more than {MOST_DEPTH} deep")
    match value:
        case str():
            return without_half_pairs(value)
        case bool() | None:
            return value
        case int():
            return value if -(1 << 63) <= value < 1 << 63 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return {as_json(name): as_json(item, depth + 1) for name, item in value.items()}
        case list():
            return [as_json(item, depth + 1) for item in value]
    raise TypeError(f"{type(value).__name__} is no JSON value")
