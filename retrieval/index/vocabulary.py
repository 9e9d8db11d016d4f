"""The words that an index holds, to find those that a misspelt word may have been meant for."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

from .bm25 import TOKENIZER

SHORTEST_WORD = 4
"""Letters of a word that is taken to be misspelt: shorter ones are near to too many."""
LONG_WORD = 7
"""Letters from which on a word may have two letters wrong, and not only one."""
MOST_NEAR = 2
"""Words that a misspelt one stands for."""


class Vocabulary:
    """The words of one generation of an index, as its full-text index stems them."""

    def __init__(self, passages: Mapping[str, int]) -> None:
        """``passages``: how many hold each word."""
        self._passages = passages
        self._words = list(passages)

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Vocabulary:
        """Read the words of letters alone, of 3 at least."""
        rows = connection.execute("SELECT term, doc FROM vocabulary").fetchall()
        return cls({word: int(count) for word, count in rows if len(word) > 2 and word.isalpha()})

    def near(self, word: str) -> list[str]:
        """Return the words that differ from this one by the fewest edits, at most two, those in most passages first.

        An edit is a letter put in, left out or changed, or two beside each other that changed places. None is near to a
        short word, or to one that holds anything but letters: of numbers and names of things every character counts.
        """
        if len(word) < SHORTEST_WORD or not word.isalpha():
            return []
        stem = _stem(word)
        most = 1 if len(word) < LONG_WORD else 2
        found = process.extract(stem, self._words, scorer=OSA.distance, score_cutoff=most, limit=None)
        if not found:
            return []
        least = min(distance for _, distance, _ in found)
        near = [name for name, distance, _ in found if distance == least]
        near.sort(key=lambda name: (name[0] != stem[0], -self._passages[name], name))
        return near[:MOST_NEAR]


def _stem(word: str) -> str:
    """Return a word as the full-text index keeps it."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE VIRTUAL TABLE one USING fts5 (word, tokenize = '{TOKENIZER}')")
        connection.execute("CREATE VIRTUAL TABLE stems USING fts5vocab (one, row)")
        connection.execute("INSERT INTO one VALUES (?)", (word,))
        return str(connection.execute("SELECT term FROM stems").fetchone()[0])
    finally:
        connection.close()
