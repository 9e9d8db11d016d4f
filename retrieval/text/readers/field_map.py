"""Which field of a record is a document's text, title or id, and which becomes a field of its metadata.

Said by ``--map NAME=FIELD``: ``text``, ``title`` and ``id`` are what a document has, any other name is a field of the
metadata. FIELD is a field of the record (a column, a key of an object, a field of front matter, a property of a document),
with dots between the keys of objects in objects and with ``|`` between fields of which the first that is there counts:
``title=headline|name``, ``author=meta.author.name``. A text in quotes stands for itself: ``team='HR'``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import UsageError

TEXT, TITLE, ID = "text", "title", "id"

GUESSED: Mapping[str, tuple[str, ...]] = {
    TEXT: ("text", "body", "content", "page_content", "description", "answer"),
    TITLE: ("title", "name", "headline", "subject", "question"),
    ID: ("_id", "id"),
}
"""Fields that are looked for, in this order, where nothing was said."""


@dataclass(frozen=True)
class FieldMap:
    """Fields by what they are mapped to."""

    expressions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, str] | Iterable[str] | str) -> FieldMap:
        """Read ``NAME=FIELD`` texts, or fields by name.

        Raises:
            UsageError: what is no such text, or a name that stands twice.
        """
        if isinstance(given, Mapping):
            pairs = list(given.items())
        else:
            pairs = [_pair(text) for text in ([given] if isinstance(given, str) else given)]
        found: dict[str, str] = {}
        for name, expression in pairs:
            if not (
                isinstance(name, str) and isinstance(expression, str) and name.strip() and expression.strip()
            ):
                raise UsageError(f"map {name!r}={expression!r}: say NAME=FIELD, such as text=body")
            if name.strip() in found:
                raise UsageError(
                    f"map {name!r} stands twice: say it once, with | between fields, as in title=name|headline"
                )
            found[name.strip()] = expression.strip()
        return cls(found)

    @property
    def metadata_names(self) -> list[str]:
        """The fields of the metadata that are mapped."""
        return [name for name in self.expressions if name not in (TEXT, TITLE, ID)]

    def value(self, name: str, record: Mapping[str, Any], *, guess: bool = True) -> Any:
        """Return the field of a record that is mapped to a name; ``None`` where it has none.

        Where nothing was said of the name, and ``guess``, the first field counts that usually is such a one.
        """
        return self._find(name, record, guess)[1]

    def field_used(self, name: str, record: Mapping[str, Any]) -> str | None:
        """Return the field of a record that `value` takes, where it takes a whole one."""
        return self._find(name, record, guess=True)[0]

    def _find(self, name: str, record: Mapping[str, Any], guess: bool) -> tuple[str | None, Any]:
        """Return a field of the record, where a whole one is meant, and the value that is mapped to a name."""
        expression = self.expressions.get(name)
        if expression is not None:
            return _evaluate(expression, record)
        for wanted in GUESSED.get(name, (name,)) if guess else ():
            field_name = _first_named(wanted, record)
            if field_name is not None and not _is_missing(record[field_name]):
                return field_name, record[field_name]
        return None, None

    def added(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the metadata that are mapped, and that a record has."""
        values = {name: _evaluate(self.expressions[name], record)[1] for name in self.metadata_names}
        return {name: value for name, value in values.items() if not _is_missing(value)}


def _pair(text: str) -> tuple[str, str]:
    name, equals, expression = str(text).partition("=")
    if not equals:
        raise UsageError(f"map {text!r}: say NAME=FIELD, such as text=body")
    return name, expression


def _evaluate(expression: str, record: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return the value of the first alternative that is there, and the field of the record that is all of it."""
    for alternative in (part.strip() for part in expression.split("|")):
        quoted = len(alternative) > 1 and alternative[0] == alternative[-1] and alternative[0] in "'\""
        found = alternative[1:-1] if quoted else _at(alternative, record)
        if not _is_missing(found):
            return alternative if not quoted and alternative in record else None, found
    return None, None


def _at(name: str, record: Mapping[str, Any]) -> Any:
    """Return the value of a field, or of a path of keys with dots between."""
    if name in record:
        return record[name]
    found: Any = record
    for key in name.split("."):
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            return None
    return found


def _first_named(name: str, record: Mapping[str, Any]) -> str | None:
    """Return the field of that name, however it is capitalised."""
    return name if name in record else next((key for key in record if str(key).casefold() == name), None)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
