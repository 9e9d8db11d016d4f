"""The text of a file whatever it is encoded in: UTF-8, else what its byte order mark or its bytes say."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import CharsetMatch, from_bytes

UTF8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", UTF8),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32 (by its mark)"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32 (by its mark)"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16 (by its mark)"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16 (by its mark)"),
)
_IN_USE = (
    "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "euc_jp", "gb18030",
    "big5", "cp949", "iso8859_2",
)  # fmt: skip
"""The encodings that are looked for, the most common first: of those that fit a text alike, the first is taken."""
_CHAOS, _COHERENCE = 0.02, 0.1
"""How far two encodings may lie apart, in charset-normalizer's measures, and still fit alike."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BROKEN = 0.05
"""Most broken characters of a UTF-8 text, as a share of those beyond ASCII: more, and it is another encoding."""


@dataclass(frozen=True)
class Decoded:
    """A text, and what it was encoded in where that was not plain UTF-8."""

    text: str
    encoding: str | None = None


class NotTextError(ValueError):
    """The bytes are no text."""


def decode(data: bytes) -> Decoded:
    """Return the text of a file, the same for the same bytes.

    Raises:
        NotTextError: they hold NUL bytes, or fit no encoding.
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(_without_nul(data.decode(codec)), None if name == UTF8 else name)
            except UnicodeDecodeError as error:
                raise NotTextError(f"begins as {codec}, but byte {error.start} is not") from error
    wide = _unmarked_utf16(data)
    if wide is not None:
        return wide
    if b"\0" in data:
        raise NotTextError(f"byte {data.index(0)} is NUL: no text")
    try:
        return Decoded(data.decode(UTF8))
    except UnicodeDecodeError:
        return _broken_utf8(data) or _detected(data)


def without_half_pairs(text: str) -> str:
    """Return a text without halves of surrogate pairs, which escapes can make and no encoding holds; they become ``?``."""
    return text if text.isascii() else text.encode(UTF8, "replace").decode()


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise NotTextError(f"character {text.index(chr(0))} is NUL: no text")
    return text


def _unmarked_utf16(data: bytes) -> Decoded | None:
    """Return a UTF-16 text without its mark: every second byte of Latin letters is NUL then, and no other is."""
    if len(data) < 4 or len(data) % 2:
        return None
    even, odd = data[::2].count(0), data[1::2].count(0)
    if min(even, odd) or max(even, odd) < 0.4 * len(data) / 2:
        return None
    codec = "utf-16-le" if odd else "utf-16-be"
    try:
        return Decoded(data.decode(codec), codec)
    except UnicodeDecodeError:
        return None


def _broken_utf8(data: bytes) -> Decoded | None:
    """Return a text that is UTF-8 but for a few bytes, which are replaced."""
    text = data.decode(UTF8, "replace")
    beyond = sum(char > "\x7f" for char in text)
    broken = text.count("\ufffd")
    if broken > _BROKEN * beyond:
        return None
    return Decoded(text, f"utf-8, {broken} broken characters replaced")


def _detected(data: bytes) -> Decoded:
    matches = list(from_bytes(data, cp_isolation=list(_IN_USE)))
    for encoding in _by_fit(matches) or ["cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return Decoded(text, encoding)
    raise NotTextError("fits no encoding: no text")


def _by_fit(matches: list[CharsetMatch]) -> list[str]:
    """Return the encodings that fit about as well as the best one, the most common first."""
    fits: dict[str, CharsetMatch] = {}
    for match in matches:
        for name in (match.encoding, *match.could_be_from_charset):
            if name in _IN_USE:
                fits.setdefault(name, match)
    calm = min((match.chaos for match in fits.values()), default=0.0) + _CHAOS
    near = {name: match for name, match in fits.items() if match.chaos <= calm}
    most = max((match.coherence for match in near.values()), default=0.0) - _COHERENCE
    return sorted((name for name in near if near[name].coherence >= most), key=_IN_USE.index)
