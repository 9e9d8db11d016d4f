"""The tokens that SQLite's FTS5 makes of words, for an index that lies elsewhere and shall find the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ...processes import Lock
from .fts5 import TOKENIZER

Positions = dict[str, list[int]]
"""Where each token stands in a text, ascending, counted in tokens."""


class Tokenizer:
    """Splits and stems as the full-text index does; safe to share across threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def positions(self, texts: Iterable[str]) -> list[Positions]:
        """Return the tokens of each text."""
        with self._lock:
            connection = self._connection = self._connection or _made()
            numbered = list(enumerate(texts, start=1))
            found: list[Positions] = [{} for _ in numbered]
            connection.execute("BEGIN")
            try:
                connection.executemany("INSERT INTO lexical (rowid, words) VALUES (?, ?)", numbered)
                for token, text, at in connection.execute("SELECT term, doc, offset FROM tokens"):
                    # The token of a mark that stands alone is empty, which this table gives as NULL.
                    found[text - 1].setdefault(token or "", []).append(at)
            finally:
                connection.execute("ROLLBACK")
        for positions in found:
            for places in positions.values():
                places.sort()
        return found

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of one text, in its order."""
        [positions] = self.positions([text])
        return [token for _, token in sorted((at, token) for token in positions for at in positions[token])]


def _made() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(
        f"CREATE VIRTUAL TABLE lexical USING fts5 (words, tokenize = '{TOKENIZER}');"
        "CREATE VIRTUAL TABLE tokens USING fts5vocab (lexical, instance);"
    )
    return connection
