"""Joining the lines of a paragraph, and undoing the hyphens that its typesetter put at their ends.

A hyphen at the end of a line is taken away where a letter stands before it and a small letter begins the next line
(``com-`` ``mittee``), unless the part before has a hyphen already (``state-of-the-`` ``art``), or the document has,
within its lines, the word with the hyphen, or both of its parts as words but not the word without it (``well-``
``known``). Before anything else it stays, and the lines are joined without a space (``COVID-`` ``19``);
before a word such as ``and`` it stays with a space (``Ein-`` ``und Ausgang``, but ``black-`` ``and-white``). A range or an address that is divided behind
a dash or a slash goes on without a space, too (``737–`` ``9``). A soft hyphen at the end of a line is always
taken away. Lines of Chinese and Japanese are joined without a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SOFT_HYPHEN = "\xad"
HYPHENS = ("-", SOFT_HYPHEN)
_LAST = re.compile(r"([^\W\d_][\w'’-]*)-$")
_HYPHENATED = re.compile(r"\w-$")
_UNBROKEN = re.compile(r"\w–$|(?:://|www\.)\S*[/_=&?-]$")
"""Ends of lines at which a range or an address is divided."""
_FIRST = re.compile(r"[\w'’]+")
_COMPOUND = re.compile(r"[^\W\d_]\w*-\w+")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_BETWEEN = frozenset({"and", "or", "to", "und", "oder", "bzw", "bis", "et", "ou", "y", "o"})


class LineJoiner:
    """Joins the lines of one document."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Take the document's lines: how its words are written where they are not divided."""
        self._compounds: set[str] = set()
        self._words: set[str] = set()
        is_divided = False
        for line in lines:
            self._compounds.update(match.casefold() for match in _COMPOUND.findall(line))
            words = _FIRST.findall(line)[is_divided:]
            is_divided = line.endswith(HYPHENS)
            self._words.update(words[:-1] if is_divided else words)

    def glue(self, before: str, after: str) -> tuple[int, str]:
        """Return how many characters go off the end of a line, and what stands between it and the next one."""
        if before.endswith(SOFT_HYPHEN):
            return 1, ""
        first = _FIRST.match(after)
        if first is not None and _HYPHENATED.search(before):
            if first[0].casefold() in _BETWEEN:
                return 0, "" if after[first.end() :].startswith("-") else " "
            last = _LAST.search(before)
            return (0, "") if last is None or self._has_hyphen(last[1], first[0]) else (1, "")
        if first is not None and _UNBROKEN.search(before):
            return 0, ""
        if before and after and _WIDE.match(before[-1]) and _WIDE.match(after[0]):
            return 0, ""
        return 0, " " if before and after else ""

    def _has_hyphen(self, before: str, after: str) -> bool:
        """Return whether a word that was divided between two lines has a hyphen there anyhow."""
        if "-" in before or not after[0].islower() or f"{before}-{after}".casefold() in self._compounds:
            return True
        halves = before in self._words and after in self._words and min(len(before), len(after)) > 2
        return halves and f"{before}{after}" not in self._words

    def joined(self, lines: Iterable[str]) -> str:
        """Return lines as one."""
        text = ""
        for line in lines:
            cut, glue = self.glue(text, line)
            text = f"{text[: len(text) - cut]}{glue}{line}"
        return text.replace(SOFT_HYPHEN, "")
