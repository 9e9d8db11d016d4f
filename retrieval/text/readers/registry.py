"""The readers by the endings of file names: those of installed packages, quincunx's own among them, and those added."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points
from pathlib import PurePath
from typing import cast

from ...errors import UsageError
from .reader import Reader

GROUP = "quincunx.readers"
"""Of entry points: each is named as its reader and leads to a class, or a function, that makes a `Reader`."""

_added: list[Reader] = []


def add_reader(reader: Reader) -> None:
    """Read files of one more kind, or of a known kind otherwise, in this process.

    An installed package does the same for every process with an entry point of the group ``quincunx.readers`` that leads
    to the reader's class. Of two readers of one ending, the one added last counts, and one of another package before
    quincunx's own.

    Raises:
        UsageError: it is no `Reader`.

    Example:
        >>> class UpperReader:
        ...     name, version, suffixes = "upper", 1, (".upper",)
        ...     def read(self, file):
        ...         yield file.document(file.name, file.read_text().upper())
        >>> quincunx.add_reader(UpperReader())
    """
    _require_reader(reader, "add_reader takes a reader")
    _added.append(reader)
    _by_suffix.cache_clear()


def reader_of(path: str) -> Reader | None:
    """Return what reads a file of that name; ``None`` where nothing does."""
    return _by_suffix().get(PurePath(path).suffix.lower())


def read_suffixes() -> list[str]:
    """Return the endings of the files that are read, sorted."""
    return sorted(_by_suffix())


@functools.cache
def _by_suffix() -> dict[str, Reader]:
    return {suffix: reader for reader in (*_installed(), *_added) for suffix in reader.suffixes}


@functools.cache
def _installed() -> tuple[Reader, ...]:
    """Return the readers of installed packages, quincunx's own first."""
    points = sorted(
        entry_points(group=GROUP), key=lambda point: (not point.value.startswith("quincunx."), point.name)
    )
    readers = []
    for point in points:
        try:
            reader = point.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise UsageError(
                f"entry point {point.name!r} of the group {GROUP} leads to no reader ({point.value}: {error}): mend or "
                "remove the package that brings it"
            ) from error
        readers.append(
            _require_reader(reader, f"entry point {point.name!r} of the group {GROUP} leads to no reader")
        )
    return tuple(readers)


def _require_reader(reader: object, what: str) -> Reader:
    suffixes = getattr(reader, "suffixes", ())
    well = isinstance(reader, Reader) and not isinstance(suffixes, str)
    if not (well and suffixes and all(suffix == suffix.lower() and suffix[0] == "." for suffix in suffixes)):
        raise UsageError(
            f"{what}: it needs a name, a version, suffixes such as ('.srt',) and a method read (got {reader!r:.80})"
        )
    return cast(Reader, reader)
