"""More items than memory should hold, kept in their order: in memory while they are few, then in a temporary file."""

from __future__ import annotations

import json
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any, Generic, TypeVar

from ..errors import StorageError

Item = TypeVar("Item")
Mark = tuple[int, int]
"""How far a spool reached: in bytes, and in items."""

IN_MEMORY = 16 * 1024 * 1024
"""Bytes up to which no file is made."""
_AT_ONCE = 64 * 1024
"""Bytes that are read at once, beside the rest of the last line."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)
_DECODER = json.JSONDecoder()


class Spool(Generic[Item]):
    """Items as lines of JSON, in a file that lies in no folder and is gone with the spool.

    It can be read back as often as wanted, also while another reading goes on; not by several threads at once.
    """

    def __init__(self, encode: Callable[[Item], Any], decode: Callable[[Any], Item]) -> None:
        """Take what makes a JSON value of an item, and an item of that value: lists, not tuples, and texts as keys."""
        self._encode, self._decode = encode, decode
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the spool
        self._end = self._count = 0
        self._is_at_end = True
        weakref.finalize(self, _close, self._file)

    def append(self, item: Item) -> int:
        """Add an item and return its place, by which `at` finds it.

        Raises:
            StorageError: the temporary folder does not take it.
            TypeError, ValueError, RecursionError: it holds what is no JSON value, or is nested too deeply.
        """
        # Half of a surrogate pair is no UTF-8, but what came in comes out.
        line = _ENCODER.encode(self._encode(item)).encode("utf-8", "surrogatepass") + b"\n"
        place = self._end
        try:
            if not self._is_at_end:
                self._file.seek(place)
            self._is_at_end = False
            if place + len(line) > IN_MEMORY:
                self._file.rollover()  # before a long line stands in memory once more
            self._file.write(line)
        except OSError as error:
            raise _refused(error) from error
        self._is_at_end = True
        self._end += len(line)
        self._count += 1
        return place

    def at(self, place: int) -> Item:
        """Return the item at a place that `append` returned."""
        return self._decoded(self._lines(place, 1)[0])

    def __iter__(self) -> Iterator[Item]:
        place = 0
        while place < self._end:
            lines = self._lines(place, _AT_ONCE)
            place += sum(map(len, lines))
            lines.reverse()
            while lines:  # none is held while its item, which may be large, is at work
                yield self._decoded(lines.pop())

    def __len__(self) -> int:
        return self._count

    def mark(self) -> Mark:
        """Return how far it reaches now."""
        return self._end, self._count

    def cut_back(self, mark: Mark) -> None:
        """Forget what was appended since a mark."""
        self._end, self._count = mark
        self._is_at_end = False
        try:
            self._file.truncate(self._end)
        except OSError as error:
            raise _refused(error) from error

    def _lines(self, place: int, size: int) -> list[bytes]:
        """Return whole lines from a place on, of that many bytes at least, where there are so many."""
        self._is_at_end = False
        try:
            self._file.seek(place)
            return self._file.readlines(size)
        except OSError as error:  # what was written last may not have been in the file yet
            raise _refused(error) from error

    def _decoded(self, line: bytes) -> Item:
        return self._decode(_DECODER.raw_decode(line.decode("utf-8", "surrogatepass"))[0])


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what a full disk did not take is gone anyway
        file.close()


def _refused(error: OSError) -> StorageError:
    try:
        what = f"temporary folder {tempfile.gettempdir()}"
    except OSError:
        what = "no temporary folder"
    return StorageError(
        f"{what}: {error.strerror or error}; nothing was changed. Free some space there, or name another folder by the "
        "variable TMPDIR, and run the same command again"
    )
