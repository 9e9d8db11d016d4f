"""The lines of a text file, whatever its encoding, without the whole of it in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from ..reader import MOST_LINE, MOST_STREAMED, SourceFile, UnreadableFileError

_CHUNK = 1024 * 1024
_EVERY = 1000
"""Lines between two looks at the clock."""


def encoding_of(file: SourceFile) -> str:
    """Return what a file is to be decoded with, and note it where it is not plain UTF-8.

    It is UTF-8 where all of it is; else the first piece of a mebibyte that is not says what it is.

    Raises:
        UnreadableFileError: it is larger than `MOST_STREAMED`, cannot be read or is no text.
    """
    file.require_size(MOST_STREAMED)
    try:
        with file.path.open("rb") as source:
            telling = _first_other_than_utf8(source)
    except OSError as error:
        raise UnreadableFileError("unreadable", error.strerror or str(error)) from error
    if telling is None:
        return "utf-8-sig"
    file.decoded(telling)
    if file.encoding is None:
        file.encoding = "utf-8, broken characters replaced"
    return file.encoding.split(" ")[0].rstrip(",")


def read_lines(file: SourceFile, encoding: str) -> Iterator[str]:
    """Yield the lines of a file with their ends; bytes that are not in its encoding are replaced.

    Raises:
        UnreadableFileError: a line is longer than `MOST_LINE`, or reading takes too long.
    """
    try:
        with file.path.open(encoding=encoding, errors="replace", newline="") as source:
            number = 0
            while line := source.readline(MOST_LINE + 1):
                number += 1
                if len(line) > MOST_LINE:
                    raise UnreadableFileError(
                        "too_large",
                        f"line {number} is longer than {MOST_LINE:,} characters: break it into several",
                    )
                if number % _EVERY == 0:
                    file.require_time()
                yield line
    except OSError as error:
        raise UnreadableFileError("unreadable", error.strerror or str(error)) from error


def _first_other_than_utf8(source: BinaryIO) -> bytes | None:
    """Return the first piece of a file, whole lines where it has several, that is no UTF-8 text; ``None`` if all is."""
    check = codecs.getincrementaldecoder("utf-8")()
    before = b""
    while chunk := source.read(_CHUNK):
        piece = before + chunk
        try:
            check.decode(chunk)
            is_text = b"\0" not in chunk
        except UnicodeDecodeError:
            is_text = False
        if not is_text:
            return _whole_lines(piece) if len(chunk) == _CHUNK else piece
        before = chunk[-4:]
    try:
        check.decode(b"", final=True)
    except UnicodeDecodeError:
        return piece
    return None


def _whole_lines(piece: bytes) -> bytes:
    """Return a piece up to its last line end; of text in pieces of two or four bytes, up to the last whole one."""
    if b"\0" in piece or piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return piece[: len(piece) // 4 * 4]
    end = piece.rfind(b"\n")
    return piece[: end + 1] if end >= 0 else piece
