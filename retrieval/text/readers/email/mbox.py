"""The messages of an mbox file, one at a time, so that the file may be larger than the memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..reader import UnreadableFileError

MOST_BYTES = 64 * 1024 * 1024
"""Largest message, with its attachments."""
_MOST_PIECE = 1024 * 1024
"""Bytes that are read at once of one line."""
_EVERY = 1000
"""Lines between two looks at the clock."""
_DATED = re.compile(rb"From .*\b\d{1,2}:\d\d\b.*\b(?:19|20)\d\d\b")
_SENDER = re.compile(rb"From (?:-|\S+@\S+|MAILER-DAEMON)\s*$")
_HEADER = re.compile(rb"[!-9;-~]+:|>From ")
_ESCAPED = re.compile(rb">+From ")


@dataclass(frozen=True)
class Held:
    """One message."""

    number: int
    """From 1."""
    data: bytes | None
    """``None`` where the message is larger than `MOST_BYTES`."""


def read_mbox(path: Path, require_time: Callable[[], None]) -> Iterator[Held]:
    """Yield the messages of a file.

    A message begins where a line after an empty one says ``From``, a sender and a time, or a sender alone, and a header
    follows; a sentence that begins with From is none. ``require_time`` is called again and again. Of ``>From`` at the beginning of a line one ``>`` is taken off.

    Raises:
        UnreadableFileError: the file begins with no message, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            yield from _messages(stream, require_time)
    except OSError as error:
        raise UnreadableFileError("unreadable", error.strerror or str(error)) from error


def _messages(stream: BinaryIO, require_time: Callable[[], None]) -> Iterator[Held]:
    number, size, count = 0, 0, 0
    lines: list[bytes] = []
    after_blank, at_start = True, True
    line = stream.readline(_MOST_PIECE)
    while line:
        count += 1
        if count % _EVERY == 0:
            require_time()
        following = stream.readline(_MOST_PIECE)
        if at_start and after_blank and _begins(line, following):
            if number:
                yield _held(number, lines, size)
            number, size, lines = number + 1, 0, []
        elif number:
            if at_start and _ESCAPED.match(line):
                line = line[1:]
            size += len(line)
            if size <= MOST_BYTES:
                lines.append(line)
        elif line.strip():
            raise UnreadableFileError(
                "damaged", "no mbox file: its first line does not say From and a sender"
            )
        after_blank = at_start and not line.strip(b"\r\n")
        at_start = line.endswith(b"\n")
        line = following
    if number:
        yield _held(number, lines, size)


def _begins(line: bytes, following: bytes) -> bool:
    is_separator = line.startswith(b"From ") and (_DATED.match(line[:1000]) or _SENDER.match(line[:1000]))
    return bool(is_separator) and _HEADER.match(following[:1000]) is not None


def _held(number: int, lines: list[bytes], size: int) -> Held:
    return Held(number, b"".join(lines) if size <= MOST_BYTES else None)
