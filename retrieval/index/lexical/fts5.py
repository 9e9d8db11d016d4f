"""The lexical stage over SQLite's full-text index FTS5, which computes BM25 itself."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from ..vectors.faiss_part import Numbers
from ..vectors.vector_index import TIES
from .bm25 import WORDS_BETWEEN, Pair, Term

TOKENIZER = "porter unicode61 categories ''L* M* N* Co''"
"""Marks are part of words: the vowels of many scripts are marks."""
MANY_ALLOWED = 5_000
"""Numbers of passages that are handed to SQLite at most."""


class FullTextIndex:
    """See `LexicalIndex`; over the connection of one read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def term(self, word: str) -> Term:
        """See `LexicalIndex`."""
        phrase = phrase_of(word)
        count = self._connection.execute("SELECT count(*) FROM lexical WHERE lexical MATCH ?", (phrase,))
        return Term(phrase, int(count.fetchone()[0]))

    def best(
        self, terms: Iterable[Term], limit: int, passages: int, allowed: Numbers | None = None
    ) -> list[tuple[int, float]]:
        """See `LexicalIndex`."""
        expression = _expression(terms)
        if allowed is not None and len(allowed) > MANY_ALLOWED:
            return self._best_of_all(expression, limit, passages, allowed)
        found = self._match(expression, allowed, "ORDER BY rank LIMIT ?", limit + TIES)
        last = found[min(limit, len(found)) - 1][1] if found else 0.0
        if len(found) == limit + TIES and found[-1][1] == last:
            return self._match(expression, allowed, "AND rank <= ? ORDER BY rank", -last)
        return [(number, score) for number, score in found if score >= last]

    def scores(self, terms: Iterable[Term], numbers: Sequence[int]) -> dict[int, float]:
        """See `LexicalIndex`."""
        return self._scores(_expression(terms), numbers)

    def near_scores(self, pairs: Sequence[Pair], numbers: Sequence[int]) -> dict[int, float]:
        """See `LexicalIndex`."""
        near = (f"NEAR({one.phrase} {other.phrase}, {WORDS_BETWEEN})" for one, other in pairs)
        return self._scores(" OR ".join(near), numbers)

    def count(self) -> int:
        """See `LexicalIndex`."""
        return int(self._connection.execute("SELECT count(*) FROM lexical").fetchone()[0])

    def _best_of_all(
        self, expression: str, limit: int, passages: int, allowed: Numbers
    ) -> list[tuple[int, float]]:
        """As `best`, where so many are allowed that to hand their numbers to SQLite takes longer than to drop others."""
        # So many hold enough of those that are allowed, if these are the same share of them as of all.
        wanted = 2 * (limit + TIES) * passages // len(allowed)
        while True:
            every = self._match(expression, None, "ORDER BY rank LIMIT ?", wanted)
            numbers = np.array([number for number, _ in every], dtype=np.int64)
            places = np.searchsorted(allowed, numbers).clip(max=len(allowed) - 1)
            found = [hit for hit, fits in zip(every, allowed[places] == numbers, strict=True) if fits]
            last = found[min(limit, len(found)) - 1][1] if found else 0.0
            if len(every) < wanted or (len(found) >= limit and every[-1][1] < last):
                return [(number, score) for number, score in found if score >= last]
            wanted *= 8

    def _scores(self, expression: str, numbers: Sequence[int]) -> dict[int, float]:
        return dict(self._match(expression, np.array(numbers, dtype=np.int64), "LIMIT ?", len(numbers)))

    def _match(
        self, expression: str, allowed: Numbers | None, tail: str, value: float
    ) -> list[tuple[int, float]]:
        if not expression:
            return []
        within, values = "", [expression]
        if allowed is not None:
            # The plus keeps SQLite from running the whole match again for each number.
            within = "AND +rowid IN (SELECT value FROM json_each(?)) "
            values.append(json.dumps(allowed.tolist()))
        rows = self._connection.execute(
            f"SELECT rowid, -rank FROM lexical WHERE lexical MATCH ? {within}{tail}", (*values, value)
        )
        return [(int(number), float(score)) for number, score in rows]


def phrase_of(word: str) -> str:
    """Return a word of `searched_words` as FTS5 is asked for it."""
    return f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'


def _expression(terms: Iterable[Term]) -> str:
    return " OR ".join(term.phrase for term in terms if term.passages)
