"""The fields of an index's metadata: what a filter can name, and with what kinds of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..metadata import Kind, path_text
from ..storage.home import require_index
from .contents import read_index
from .reader import IndexReader

_SHOWN: tuple[Kind, ...] = ("truth", "number", "text", "date", "none")
"""What values are said to be; an ``instant`` is the time of a ``date``."""
_EXAMPLES = 3
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True)
class IndexField:
    """One field of the metadata.

    Example:
        >>> fields = {field.name: field for field in quincunx.index_fields("paiddaily")}
        >>> fields["date"].kinds["date"] == fields["date"].documents
        True
    """

    name: str
    """As a filter names it: ``author``, ``file.kind``."""
    documents: int
    """How many documents have it."""
    kinds: dict[str, int]
    """How many documents have values of a kind: ``truth``, ``number``, ``text``, ``date`` (a text that is one, too), ``none``."""
    examples: tuple[Any, ...]
    """Its commonest values, those of one kind alone."""


def index_fields(name: str) -> list[IndexField]:
    """Return the fields of an index's metadata, by name.

    Raises:
        UnknownIndexError: no index of that name. IndexStateError: it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> written = Path("menu.md").write_text("---\\nprice: 3.5\\nsince: 2026-01-31\\n---\\nTea.")
        >>> built = quincunx.build_index("menu", "menu.md")
        >>> [(field.name, field.kinds) for field in quincunx.index_fields("menu")][-2:]
        [('price', {'number': 1}), ('since', {'text': 1, 'date': 1})]
    """
    return read_index(require_index(name), lambda reading: list(_fields(reading)))


def _fields(reading: IndexReader) -> Iterator[IndexField]:
    table = reading.metadata
    for path in sorted(table.fields(), key=path_text):
        counts = table.counts(path)
        kinds = [kind for kind in _SHOWN if counts.get(kind)]
        commonest = max(kinds, key=lambda kind: counts[kind])
        counts_of: dict[str, int] = {kind: counts[kind] for kind in kinds}
        values = [_shown(value, commonest) for value in table.commonest(path, commonest, _EXAMPLES)]
        examples = () if commonest == "none" else tuple(values)
        yield IndexField(path_text(path), counts_of[commonest], counts_of, examples)


def _shown(value: Any, kind: str) -> Any:
    if kind == "truth":
        return bool(value)
    if isinstance(value, str):
        text = value.split("\0")[0]
        return text if len(text) <= _LONGEST_EXAMPLE else text[:_LONGEST_EXAMPLE] + "…"
    return value
