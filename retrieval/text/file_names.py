"""File names as text: a name whose bytes are not UTF-8 is written readably, and can be told back into itself.

A byte that is not UTF-8 becomes ``\\xe9``; a name that holds such a sequence already gets its backslash doubled as
``\\x5c``, so that two names never become one.
"""

from __future__ import annotations

import os
import re

_ESCAPED = re.compile(r"[\udc80-\udcff]|\\(?=x(?:[89a-f][0-9a-f]|5c))")
_WRITTEN = re.compile(r"\\x([89a-f][0-9a-f]|5c)")


def readable(path: str | os.PathLike[str]) -> str:
    """Return a path as text that every encoding and JSON can hold; different paths stay different."""
    return _ESCAPED.sub(_escape, os.fspath(path))


def path_of(text: str) -> str:
    """Return the path that `readable` made the text of."""
    return os.fsdecode(b"".join(_bytes(text)))


def _escape(match: re.Match[str]) -> str:
    return "\\x5c" if match[0] == "\\" else f"\\x{ord(match[0]) - 0xDC00:02x}"


def _bytes(text: str) -> list[bytes]:
    parts, at = [], 0
    for match in _WRITTEN.finditer(text):
        parts += [text[at : match.start()].encode(), bytes.fromhex(match[1])]
        at = match.end()
    return [*parts, text[at:].encode()]
