"""What documents say that they are about, and are not: names that are matched exactly, whatever else is like them.

A document's metadata may state its ``subject``, ``aliases`` of that, and what it is ``not_to_be_confused_with``: texts, or
lists of texts; where it states aliases and no subject, its title is that. Of the names that stand in a question the longest counts: "Sage Daily" names Sage Daily, and not Sage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...passages import Document, confusable_names, stated_names
from ...text.normal_form import UNSPACED, normal_text
from ..connection import AMONG, Connection, among

NAMES_SQL = """
CREATE TABLE names (
    name TEXT NOT NULL, passage INTEGER NOT NULL, own INTEGER NOT NULL, PRIMARY KEY (name, passage, own)
) WITHOUT ROWID;
CREATE INDEX names_of_passage ON names (passage);
"""
LONGEST_NAME = 8
"""Most words of a name that is looked for."""
LONGEST_UNSPACED = 20
"""Most characters of a name in a script without spaces."""

_AT_ENDS = "\"'()[]{}<>,;:!?*_`~“”‘’«»…。，、；：！？（）「」『』"
_POSSESSIVE = re.compile(r"'s?$")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")


@dataclass(frozen=True)
class NamedPassages:
    """The passages that a question speaks of by a name: numbers."""

    own: frozenset[int] = frozenset()
    """Of documents whose subject, or an alias of it, the question names."""
    others: frozenset[int] = frozenset()
    """Of documents that say they are not to be confused with what it names, and that it does not name."""


class NamesTable:
    """Writes and reads the names over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, document: Document, passages: Sequence[int]) -> None:
        """Note the names that a document states, for its passages, given by their numbers."""
        own = set(_compared(stated_names(document.title, document.metadata)))
        others = set(_compared(confusable_names(document.metadata))) - own
        stated = [(name, 1) for name in own] + [(name, 0) for name in others]
        self._connection.executemany(
            "INSERT INTO names VALUES (?, ?, ?)",
            [(name, number, is_own) for name, is_own in stated for number in passages],
        )

    def remove(self, passages: Sequence[int]) -> None:
        """Take back what `add` noted."""
        self._connection.executemany(
            "DELETE FROM names WHERE passage = ?", [(number,) for number in passages]
        )

    def named_in(self, text: str) -> NamedPassages:
        """Return the passages that a text names; none where no document states a name."""
        if self._connection.execute("SELECT 1 FROM names LIMIT 1").fetchone() is None:
            return NamedPassages()
        spans = dict[tuple[int, int], str]()
        for span, name in _possible_names(text):
            spans.setdefault(span, name)
        known = self._known(set(spans.values()))
        found = {span: name for span, name in spans.items() if name in known}
        rows = [row for name in set(_longest(found)) for row in known[name]]
        own = frozenset(number for number, is_own in rows if is_own)
        return NamedPassages(own, frozenset(number for number, is_own in rows if not is_own) - own)

    def _known(self, names: Iterable[str]) -> Mapping[str, list[tuple[int, bool]]]:
        known: dict[str, list[tuple[int, bool]]] = {}
        rows = self._connection.execute(
            f"SELECT name, passage, own FROM names WHERE name {AMONG}", (among(names),)
        )
        for name, passage, own in rows:
            known.setdefault(name, []).append((passage, bool(own)))
        return known


def names_in(text: str, names: Iterable[str]) -> list[str]:
    """Return those of some names that stand in a text, the longest at each place."""
    known = {compared: name for name in names for compared in _compared([name])}
    found = {span: name for span, name in _possible_names(text) if name in known}
    return list(dict.fromkeys(known[name] for name in _longest(found)))


def _longest(found: Mapping[tuple[int, int], str]) -> list[str]:
    """Return the names that were found, by their spans, but those that lie in another."""
    return [name for span, name in found.items() if not any(_lies_in(span, other) for other in found)]


def _compared(names: Iterable[str]) -> Iterator[str]:
    """Yield names as they are compared."""
    for name in names:
        compared = " ".join(_bare(word) for word in normal_text(name).casefold().split())
        if compared.strip():
            yield compared


def _possible_names(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield each run of words that may be a name, with its span: in words, and in characters of scripts without spaces."""
    plain = normal_text(text).casefold()
    words = [(match.span(), _bare(match[0])) for match in re.finditer(r"\S+", plain)]
    for first in range(len(words)):
        for last in range(first, min(first + LONGEST_NAME, len(words))):
            span = words[first][0][0], words[last][0][1]
            name = " ".join(word for _, word in words[first : last + 1])
            yield span, name
            # A dot at the end may belong to the name or to the sentence, and so may the ending of a genitive.
            for less in {name.rstrip("."), _POSSESSIVE.sub("", name.rstrip("."))} - {name}:
                yield (span[0], span[1] - 1), less
    for run in _UNSPACED_RUN.finditer(plain):
        for begin in range(run.start(), run.end()):
            for end in range(begin + 1, min(begin + LONGEST_UNSPACED, run.end()) + 1):
                yield (begin, end), plain[begin:end]


def _bare(word: str) -> str:
    return word.strip(_AT_ENDS)


def _lies_in(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]
