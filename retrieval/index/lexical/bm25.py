"""The lexical stage: BM25 over SQLite's full-text index.

Functions over the connection of one read transaction. Source of the formula: SQLite's FTS5 documentation, ``bm25()``.
"""

from __future__ import annotations

import heapq
import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from ..vectors.faiss_part import Numbers
from ..vectors.vector_index import TIES

TOKENIZER = "porter unicode61 categories ''L* M* N* Co''"
"""Marks are part of words: the vowels of many scripts are marks."""
MANY_ALLOWED = 5_000
"""Numbers of passages that are handed to SQLite at most."""
WORDS_BETWEEN = 5
"""Words that may stand between two that count as near each other. Of 3, 5, 8 and 16, MRR@5 differed by .005 on five sets."""
MOST_PAIRS = 40
"""Pairs of words that are looked for at once: those of the rarest words."""
K1, LEAST_IDF = 1.2, 1e-6
"""Of FTS5's BM25: how soon a repeated word counts no more, and the weight of a word that most passages hold."""


@dataclass(frozen=True)
class Term:
    """A word that is searched for, in the full-text index's own words, and how many passages hold it."""

    phrase: str
    passages: int


def make_term(connection: sqlite3.Connection, word: str) -> Term:
    """Return a word of `searched_words` as a term."""
    phrase = f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'
    count = connection.execute("SELECT count(*) FROM lexical WHERE lexical MATCH ?", (phrase,)).fetchone()[0]
    return Term(phrase, int(count))


def best_passages(
    connection: sqlite3.Connection,
    terms: Iterable[Term],
    limit: int,
    passages: int,
    allowed: Numbers | None = None,
) -> list[tuple[int, float]]:
    """Return (number, score) of the passages that hold one of the terms, best first, of an index of so many passages.

    All that tie with the last one are in. Only ``allowed`` numbers are looked at, where given.
    """
    expression = _expression(terms)
    if allowed is not None and len(allowed) > MANY_ALLOWED:
        return _best_of_all(connection, expression, limit, passages, allowed)
    found = _match(connection, expression, allowed, "ORDER BY rank LIMIT ?", limit + TIES)
    last = found[min(limit, len(found)) - 1][1] if found else 0.0
    if len(found) == limit + TIES and found[-1][1] == last:
        return _match(connection, expression, allowed, "AND rank <= ? ORDER BY rank", -last)
    return [(number, score) for number, score in found if score >= last]


def _best_of_all(
    connection: sqlite3.Connection, expression: str, limit: int, passages: int, allowed: Numbers
) -> list[tuple[int, float]]:
    """As `best_passages`, where so many are allowed that to hand their numbers to SQLite takes longer than to drop others."""
    # So many hold enough of those that are allowed, if these are the same share of them as of all.
    wanted = 2 * (limit + TIES) * passages // len(allowed)
    while True:
        every = _match(connection, expression, None, "ORDER BY rank LIMIT ?", wanted)
        numbers = np.array([number for number, _ in every], dtype=np.int64)
        places = np.searchsorted(allowed, numbers).clip(max=len(allowed) - 1)
        found = [hit for hit, fits in zip(every, allowed[places] == numbers, strict=True) if fits]
        last = found[min(limit, len(found)) - 1][1] if found else 0.0
        if len(every) < wanted or (len(found) >= limit and every[-1][1] < last):
            return [(number, score) for number, score in found if score >= last]
        wanted *= 8


def scores_of(
    connection: sqlite3.Connection, terms: Iterable[Term], numbers: Sequence[int]
) -> dict[int, float]:
    """Return the score of those of these passages that hold one of the terms."""
    allowed = np.array(numbers, dtype=np.int64)
    return dict(_match(connection, _expression(terms), allowed, "LIMIT ?", len(numbers)))


def proximities(
    connection: sqlite3.Connection,
    pairs: Sequence[tuple[Term, Term]],
    numbers: Sequence[int],
    passages: int,
) -> dict[int, float]:
    """Return how near to each other pairs of words stand in those of these passages where any do, over 0 to 1.

    That is BM25 over the words where they stand near the other one of their pair, as a share of the greatest there could be,
    see `upper_bound`. Source: Metzler and Croft 2005, A Markov Random Field Model for Term Dependencies, whose unordered
    windows these are.
    """
    bounds = [(upper_bound(pair, passages), pair) for pair in pairs]
    searched = heapq.nlargest(MOST_PAIRS, bounds, key=itemgetter(0))
    expression = " OR ".join(
        f"NEAR({one.phrase} {other.phrase}, {WORDS_BETWEEN})" for _, (one, other) in searched
    )
    bound = sum(each for each, _ in searched)
    allowed = np.array(numbers, dtype=np.int64)
    found = _match(connection, expression, allowed, "LIMIT ?", len(numbers))
    return {number: score / bound for number, score in found}


def upper_bound(terms: Iterable[Term], passages: int) -> float:
    """Return what no passage's score for these terms can pass, of an index of so many passages.

    BM25 gives a word at most (k1 + 1) times its weight, ln((N − n + ½) / (n + ½)) of N passages of which n hold
    it, as FTS5 has them; a word that none holds gives nothing.
    """
    weights = [
        max(LEAST_IDF, math.log((passages - term.passages + 0.5) / (term.passages + 0.5)))
        for term in terms
        if term.passages
    ]
    return (K1 + 1) * sum(weights)


def _expression(terms: Iterable[Term]) -> str:
    return " OR ".join(term.phrase for term in terms if term.passages)


def _match(
    connection: sqlite3.Connection, expression: str, allowed: Numbers | None, tail: str, value: float
) -> list[tuple[int, float]]:
    if not expression:
        return []
    within, values = "", [expression]
    if allowed is not None:
        # The plus keeps SQLite from running the whole match again for each number.
        within = "AND +rowid IN (SELECT value FROM json_each(?)) "
        values.append(json.dumps(allowed.tolist()))
    rows = connection.execute(
        f"SELECT rowid, -rank FROM lexical WHERE lexical MATCH ? {within}{tail}", (*values, value)
    )
    return [(int(number), float(score)) for number, score in rows]
