"""The text of a page, whatever it is encoded in: pages say so themselves, in ways that other texts do not."""

from __future__ import annotations

import codecs
import re

from ..reader import SourceFile, UnreadableFileError

_DECLARED_WITHIN = 4096
"""Bytes from the beginning of a page within which it says its encoding."""
_DECLARED = re.compile(
    rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]+)|<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w:.-]+)",
    re.IGNORECASE,
)
_AS_BROWSERS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252", "iso-8859-9": "cp1254",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "sjis": "cp932", "windows-31j": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs", "macintosh": "mac_roman",
}  # fmt: skip
"""What browsers read names of encodings as."""
_SEVEN_BITS = "iso2022_jp"
"""What is valid UTF-8, too, and nonsense then."""
_ENCODINGS = re.compile(
    r"utf-?8|cp(?:125\d|932|949|874)|windows-(?:125\d|874)|iso-8859-\d+|koi8-[ru]|euc-jp|iso-2022-jp|gb18030|big5hkscs|mac_roman"
)


def decode_page(file: SourceFile, data: bytes) -> str:
    """Return a page as text: by its mark, as UTF-8 where it is that, by what it says itself, else by its bytes.

    Many a page that was saved anew is UTF-8 though it still says otherwise.
    """
    name = _declared(data[:_DECLARED_WITHIN])
    if name is None or b"\0" in data or data.startswith(codecs.BOM_UTF8):
        return file.decoded(data)
    try:
        text = data.decode(name if name == _SEVEN_BITS else "utf-8")
    except UnicodeDecodeError:
        text = _declared_text(file, data, name)
    return text.replace("\r\n", "\n")


def _declared_text(file: SourceFile, data: bytes, name: str) -> str:
    """Return a page that is not whole UTF-8 by what it says itself; where it is not that either, by its bytes.

    What says that it is UTF-8, and fits no encoding, is UTF-8 with broken characters.
    """
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        try:
            return file.decoded(data)
        except UnreadableFileError:
            if name != "utf-8":
                raise
        text = data.decode("utf-8", "replace")
        name = f"utf-8, {text.count(chr(0xFFFD))} broken characters replaced"
    file.encoding = name
    return text


def _declared(beginning: bytes) -> str | None:
    """Return the encoding that a page says it is in, by Python's name; ``None`` for unknown ones."""
    found = _DECLARED.search(beginning)
    if found is None:
        return None
    said = (found[1] or found[2]).decode("ascii", "replace").lower()
    name = _AS_BROWSERS.get(said, said)
    return codecs.lookup(name).name if _ENCODINGS.fullmatch(name) and _is_known(name) else None


def _is_known(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
