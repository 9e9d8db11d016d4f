"""The words of a PDF page and where they stand, in coordinates of the page as a program shows it."""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass
from typing import Any

BREAK_HYPHEN = "\x02"
"""What PDFium gives in place of a hyphen at the end of a line."""
_SPACES = frozenset(" \t\r\n\x0b\x0c\x85\xa0\u2028\u2029\u3000") | {
    chr(code) for code in range(0x2000, 0x200B)
}
_UNPRINTED = frozenset({*map(chr, range(0x20)), "\x7f", "\u200b", "\ufeff"})
_SPELLED_OUT = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st",
    BREAK_HYPHEN: "-", "\u2010": "-", "\u2011": "-", "\ufffe": "-", "\uffff": "\ufffd",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageWord:
    """Letters between white space, in points from the lower left corner of the page, upright."""

    text: str
    left: float
    right: float
    base: float
    """Height of the line that it stands on."""
    size: float
    turn: int = 0
    """Quarter turns by which it stands askew on the page, counted against the clock; its place is as if it did not."""


class Places:
    """Numbers to the hundredth of a point, each held once: a document has millions of words, and few places for them."""

    def __init__(self) -> None:
        self._known: dict[float, float] = {}

    def __call__(self, number: float) -> float:
        number = round(number, 2)
        return self._known.setdefault(number, number)


def read_page_words(page: Any, textpage: Any, places: Places) -> list[PageWord]:
    """Return the words of a page in the order in which the file holds them."""
    from pypdfium2 import raw  # type: ignore[import-untyped]

    count = textpage.count_chars()
    box = page.get_bbox()
    width, height = box[2] - box[0], box[3] - box[1]
    rotation = raw.FPDFPage_GetRotation(page) % 4
    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    matrix = raw.FS_MATRIX()
    handle = textpage.raw

    def word(text: str, first: int, last: int) -> PageWord:
        raw.FPDFText_GetCharOrigin(handle, first, x, y)
        raw.FPDFText_GetMatrix(handle, first, matrix)
        size = raw.FPDFText_GetFontSize(handle, first)
        along_x, along_y = (-matrix.a, -matrix.b) if size < 0 else (matrix.a, matrix.b)
        size = abs(size) * math.hypot(matrix.c, matrix.d)
        turn = round(math.atan2(along_y, along_x) / (math.pi / 2)) % 4
        corners = [(x.value - box[0], y.value - box[1])]
        for index in {first, last}:
            if raw.FPDFText_GetCharBox(handle, index, left, right, bottom, top):
                corners += [
                    (left.value - box[0], bottom.value - box[1]),
                    (right.value - box[0], top.value - box[1]),
                ]
        origin, *placed = (_turned(corner, turn, width, height) for corner in corners)
        along = [place[0] for place in placed] or [origin[0]]
        return PageWord(
            sys.intern(text),
            places(min(along)),
            places(max(along)),
            places(origin[1]),
            places(size or 1.0),
            (turn - rotation) % 4,
        )

    words: list[PageWord] = []
    chars: list[str] = []
    first = 0
    get = raw.FPDFText_GetUnicode
    high = 0
    for index in range(count):
        code = get(handle, index)
        if 0xD800 <= code < 0xDC00 and index + 1 < count and 0xDC00 <= get(handle, index + 1) < 0xE000:
            high = code
            continue
        if high:
            code, high = 0x10000 + ((high - 0xD800) << 10) + code - 0xDC00, 0
        char = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
        if char in _SPACES:
            if chars:
                words.append(word("".join(chars), first, index - 1))
                chars = []
            continue
        is_break = char == BREAK_HYPHEN and raw.FPDFText_IsHyphen(handle, index) == 1
        if char in _UNPRINTED and not is_break:
            continue
        if not chars:
            first = index
        chars.append(_SPELLED_OUT.get(char, char))
        if is_break:
            words.append(word("".join(chars), first, index))
            chars = []
    if chars:
        words.append(word("".join(chars), first, count - 1))
    return words


def _turned(place: tuple[float, float], turns: int, width: float, height: float) -> tuple[float, float]:
    """Return a place on a page once the page is turned clockwise by quarters."""
    x, y = place
    match turns:
        case 1:
            return y, width - x
        case 2:
            return width - x, height - y
        case 3:
            return height - y, x
    return x, y
