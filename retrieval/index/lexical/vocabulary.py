"""The words that an index holds, to find those that a misspelt word may have been meant for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

from ..connection import Connection

SHORTEST_WORD = 4
"""Letters of a word that is taken to be misspelt: shorter ones are near to too many."""
LONG_WORD = 7
"""Letters from which on a word may have two letters wrong, and not only one."""
MOST_NEAR = 2
"""Words that a misspelt one stands for."""


class Vocabulary:
    """The words of an index as they are spelt, those too that left it with their documents."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = list(words)

    @classmethod
    def read(cls, connection: Connection) -> Vocabulary:
        return cls(word for (word,) in connection.execute("SELECT word FROM words ORDER BY word"))

    def near(self, word: str, passages: Callable[[str], int]) -> list[str]:
        """Return the words that differ from this one by the fewest edits, at most two; those in most passages first.

        An edit is a letter put in, left out or changed, or two beside each other that changed places. None is near to a
        short word, or to one that holds anything but letters: of numbers and names of things every character counts.

        Args:
            passages: says how many passages hold a word; one that none holds is near to nothing.
        """
        if len(word) < SHORTEST_WORD or not word.isalpha():
            return []
        most = 1 if len(word) < LONG_WORD else 2
        found = process.extract(word, self._words, scorer=OSA.distance, score_cutoff=most, limit=None)
        for edits in range(1, most + 1):
            counts = {name: passages(name) for name, distance, _ in found if distance == edits}
            held = [name for name, count in counts.items() if count]
            if held:
                return sorted(held, key=lambda name: (name[0] != word[0], -counts[name], name))[:MOST_NEAR]
        return []
