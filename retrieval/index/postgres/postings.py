"""The lexical stage over tables of postings: what SQLite's full-text index finds, and scores as it does."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from ..connection import AMONG, among
from ..lexical.bm25 import K1, WORDS_BETWEEN, B, Pair, Term, weight
from ..lexical.nearness import near_places
from ..lexical.tokens import Positions, Tokenizer
from ..vectors.faiss_part import Numbers
from ..vectors.vector_index import TIES
from .session import Session, is_allowed

TOKENIZER = Tokenizer()
LONGEST_TOKEN = 200
"""Characters of a token that are kept: what is longer is told apart by its digest, as no index in Postgres takes it."""
_ROUNDING = 1e-9
"""What two ways of adding up the same score may differ by, as a share of it."""


@dataclass(frozen=True)
class _Phrase:
    """A term by the numbers of its tokens: those that its first place may hold, its second, and so on."""

    tokens: tuple[tuple[int, ...], ...]

    @property
    def is_one_token(self) -> bool:
        return len(self.tokens) == 1


Hits = dict[int, tuple[int, tuple[int, ...]]]
"""By passage: how many tokens it has, and where a phrase begins in it."""


class Postings:
    """See `LexicalIndex`; over the session of one search."""

    def __init__(self, session: Session, passages: int, tokens: int) -> None:
        """Take how many passages there are, and how many tokens they have together."""
        self._session = session
        self._passages = passages
        self._average = tokens / passages if passages else 0.0
        self._phrases: dict[str, _Phrase | None] = {}
        self._hits: dict[str, Hits] = {}

    def term(self, word: str) -> Term:
        """See `LexicalIndex`."""
        phrase = self._phrase(word)
        if phrase is None:
            return Term(word, 0)
        if not phrase.is_one_token:
            return Term(word, len(self._places(word)))
        numbers = phrase.tokens[0]
        counted = "*" if len(numbers) == 1 else "DISTINCT passage"
        rows = self._session.execute(
            f"SELECT count({counted}) FROM postings WHERE term {AMONG}", (among(numbers),)
        )
        return Term(word, int(rows.fetchone()[0]))

    def best(
        self, terms: Iterable[Term], limit: int, passages: int, allowed: Numbers | None = None
    ) -> list[tuple[int, float]]:
        """See `LexicalIndex`."""
        searched = [term for term in terms if term.passages]
        if not searched or (allowed is not None and not len(allowed)):
            return []
        wanted = limit + TIES
        while True:
            found = self._scored(searched, allowed, wanted)
            ranked = sorted(found.items(), key=lambda hit: (-hit[1], hit[0]))
            last = ranked[min(limit, len(ranked)) - 1][1] if ranked else 0.0
            if len(ranked) < wanted or ranked[-1][1] < last * (1 - _ROUNDING):
                return [(number, score) for number, score in ranked if score >= last]
            wanted *= 8

    def scores(self, terms: Iterable[Term], numbers: Sequence[int]) -> dict[int, float]:
        """See `LexicalIndex`."""
        searched = [term for term in terms if term.passages]
        if not searched or not len(numbers):
            return {}
        return self._scored(searched, np.array(numbers, np.int64), len(numbers))

    def near_scores(self, pairs: Sequence[Pair], numbers: Sequence[int]) -> dict[int, float]:
        """See `LexicalIndex`."""
        words = {term.phrase: term for pair in pairs for term in pair if term.passages}
        held = self._held(words, numbers)
        found: dict[int, float] = {}
        for number in dict.fromkeys(numbers):
            total, near = 0.0, False
            for one, other in pairs:
                places = [held.get(term.phrase, {}).get(number) for term in (one, other)]
                if places[0] is None or places[1] is None:
                    continue
                counts = near_places(
                    places[0][1],
                    places[1][1],
                    (self._length(one.phrase), self._length(other.phrase)),
                    WORDS_BETWEEN,
                )
                for term, count in zip((one, other), counts, strict=True):
                    if count:
                        total += self._part(term, count, places[0][0])
                        near = True
            if near:
                found[number] = total
        return found

    def count(self) -> int:
        """See `LexicalIndex`."""
        return int(self._session.execute("SELECT count(*) FROM lengths").fetchone()[0])

    def _part(self, term: Term, times: int, tokens: int) -> float:
        """Return what a term adds to the score of a passage of so many tokens that holds it so often."""
        length = 1 - B + B * tokens / self._average
        return weight(term.passages, self._passages) * (times * (K1 + 1) / (times + K1 * length))

    def _scored(self, terms: Sequence[Term], allowed: Numbers | None, limit: int) -> dict[int, float]:
        """Return the scores of the best passages, at least so many if there are; the order is the server's but for rounding."""
        tokens, phrase_of_token, rows = list[int](), list[int](), list[tuple[int, int, int, int]]()
        for at, term in enumerate(terms):
            phrase = self._phrase(term.phrase)
            assert phrase is not None, "a term that passages hold has tokens"
            if phrase.is_one_token:
                tokens += phrase.tokens[0]
                phrase_of_token += [at] * len(phrase.tokens[0])
            else:
                rows += [
                    (at, number, length, len(places))
                    for number, (length, places) in self._places(term.phrase).items()
                ]
        weights = [weight(term.passages, self._passages) for term in terms]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        within = ""
        if allowed is not None:
            within = "WHERE " + is_allowed("passage", len(allowed)).replace("?", "%(allowed)s")
        found = self._session.connection.execute(
            f"""
            WITH hits AS (
                SELECT phrase, passage, max(tokens) AS tokens, sum(cardinality(places)) AS times
                FROM postings JOIN unnest(%(tokens)s::int[], %(phrases)s::int[]) AS asked (term, phrase) USING (term)
                {within} GROUP BY phrase, passage
                UNION ALL
                SELECT phrase, passage, tokens, times
                FROM unnest(%(at)s::int[], %(passages)s::bigint[], %(lengths)s::int[], %(times)s::bigint[])
                    AS others (phrase, passage, tokens, times) {within}
            )
            SELECT passage, max(tokens), array_agg(phrase), array_agg(times)
            FROM hits JOIN unnest(%(weights)s::float8[]) WITH ORDINALITY AS weights (weight, number) ON number = phrase + 1
            GROUP BY passage
            ORDER BY sum(weight * times * {K1 + 1}
                / (times + {K1} * ({1 - B} + {B} * tokens / %(average)s::float8))) DESC, passage
            LIMIT %(limit)s
            """.encode(),
            {
                "tokens": tokens,
                "phrases": phrase_of_token,
                **dict(zip(("at", "passages", "lengths", "times"), columns, strict=True)),
                "weights": weights,
                "average": self._average,
                "limit": limit,
                "allowed": None if allowed is None else allowed.tolist(),
            },
        )
        return {
            number: sum(
                self._part(terms[at], int(times), length)
                for at, times in sorted(zip(phrases, counts, strict=True))
            )
            for number, length, phrases, counts in found
        }

    def _phrase(self, word: str) -> _Phrase | None:
        """Return a word of `searched_words` by its tokens' numbers; ``None`` where one of them stands nowhere."""
        if word not in self._phrases:
            is_beginning = word.endswith("*")
            tokens = TOKENIZER.tokens(word.rstrip("*") if is_beginning else word)
            numbers = [self._term_numbers(token) for token in tokens[: len(tokens) - is_beginning]]
            if is_beginning and tokens:
                numbers.append(self._numbers_of_beginning(tokens[-1]))
            self._phrases[word] = _Phrase(tuple(numbers)) if numbers and all(numbers) else None
        return self._phrases[word]

    def _term_numbers(self, token: str) -> tuple[int, ...]:
        rows = self._session.execute("SELECT term FROM terms WHERE token = ?", (kept_token(token),))
        return tuple(number for (number,) in rows)

    def _numbers_of_beginning(self, beginning: str) -> tuple[int, ...]:
        rows = self._session.execute(
            "SELECT term FROM terms WHERE token >= ? AND token < ?",
            (beginning, beginning + chr(sys.maxunicode)),
        )
        return tuple(number for (number,) in rows)

    def _length(self, word: str) -> int:
        phrase = self._phrase(word)
        return 0 if phrase is None else len(phrase.tokens)

    def _places(self, word: str) -> Hits:
        """Return where a phrase of several tokens stands, in all passages."""
        if word not in self._hits:
            self._hits[word] = self._held([word], None)[word]
        return self._hits[word]

    def _held(self, words: Iterable[str], numbers: Sequence[int] | None) -> dict[str, Hits]:
        """Return where phrases stand, in these passages or in all."""
        phrases = {word: phrase for word in words if (phrase := self._phrase(word)) is not None}
        asked = {number for phrase in phrases.values() for place in phrase.tokens for number in place}
        within, values = "", [among(sorted(asked))]
        if numbers is not None:
            within, values = f" AND passage {AMONG}", [*values, among(int(number) for number in numbers)]
        places = defaultdict[int, dict[int, list[int]]](dict)
        lengths: dict[int, int] = {}
        for term, passage, length, held in self._session.execute(
            f"SELECT term, passage, tokens, places FROM postings WHERE term {AMONG}{within}", values
        ):
            places[passage][term] = held
            lengths[passage] = length
        return {
            word: {
                passage: (lengths[passage], begins)
                for passage, held in places.items()
                if (begins := tuple(_begins(phrase, held)))
            }
            for word, phrase in phrases.items()
        }


def _begins(phrase: _Phrase, held: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """Yield where a phrase begins in a passage, ascending."""
    first, *others = (
        {place for number in numbers for place in held.get(number, ())} for numbers in phrase.tokens
    )
    for begin in sorted(first):
        if all(begin + step in places for step, places in enumerate(others, start=1)):
            yield begin


def kept_token(token: str) -> str:
    """Return a token as the table has it."""
    if len(token) <= LONGEST_TOKEN:
        return token
    return f"{token[:LONGEST_TOKEN]}\0{sha256(token.encode()).hexdigest()}"


def add_postings(session: Session, words: Sequence[tuple[int, str]]) -> None:
    """Note the words of passages, given by their numbers; inside a transaction."""
    numbers = [number for number, _ in words]
    found = TOKENIZER.positions(text for _, text in words)
    tokens = sorted({kept_token(token) for positions in found for token in positions})
    session.connection.execute(
        "INSERT INTO terms (token) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (tokens,)
    )
    rows = session.execute(f"SELECT token, term FROM terms WHERE token {AMONG}", (among(tokens),))
    known = dict(rows)
    lengths = [sum(map(len, positions.values())) for positions in found]
    with session.connection.cursor() as cursor:
        with cursor.copy("COPY lengths (passage, tokens) FROM STDIN") as copy:
            for row in zip(numbers, lengths, strict=True):
                copy.write_row(row)
        with cursor.copy("COPY postings (term, passage, tokens, places) FROM STDIN") as copy:
            for number, length, positions in zip(numbers, lengths, found, strict=True):
                for term, places in _by_term(positions, known).items():
                    copy.write_row((term, number, length, places))


def _by_term(positions: Positions, known: Mapping[str, int]) -> dict[int, list[int]]:
    return {known[kept_token(token)]: places for token, places in positions.items()}


def remove_postings(session: Session, numbers: Sequence[int]) -> None:
    """Take back what `add_postings` noted; inside a transaction."""
    for table in ("postings", "lengths"):
        session.execute(f"DELETE FROM {table} WHERE passage {AMONG}", (among(numbers),))
