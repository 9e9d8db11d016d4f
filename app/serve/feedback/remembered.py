"""The last answers that were given, by id: what is needed to take what people say of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from ....programs.check.grounding import all_claims

if TYPE_CHECKING:
    from ....programs.answer import Answer
    from ....programs.trace import CallRecord

MOST_ANSWERS = 1000
MOST_CHARACTERS = 10_000_000
"""Of all that is kept; long questions push more answers out."""

_call_ids: ContextVar[list[str] | None] = ContextVar("call_ids", default=None)


@dataclass(frozen=True)
class GivenAnswer:
    """What is kept of an answer."""

    id: str
    program: str
    indexes: tuple[str, ...]
    """That were searched."""
    question: str
    searched: str
    """The question as it was searched for: made self-contained, where a conversation went before it."""
    answer: str
    """The claims that it made; empty for a refusal."""
    quotes: Mapping[str, str]
    """By id of each passage that it cites, the words it quotes of it first."""

    @property
    def characters(self) -> int:
        quoted = sum(len(id) + len(quote) for id, quote in self.quotes.items())
        return len(self.question) + len(self.searched) + len(self.answer) + quoted


@contextmanager
def noting_call_ids() -> Iterator[list[str]]:
    """Give the list that gets the id of each call of a program that is begun inside the block."""
    ids: list[str] = []
    token = _call_ids.set(ids)
    try:
        yield ids
    finally:
        _call_ids.reset(token)


def note_call_id(record: CallRecord) -> None:
    """Note a call that ended; one of a program's ``on_call`` callbacks."""
    ids = _call_ids.get()
    if ids is not None:
        ids.append(record.id)


class AnswerMemory:
    """Keeps the answers that were given or asked about last; may be used by any thread."""

    def __init__(self, answers: int = MOST_ANSWERS, characters: int = MOST_CHARACTERS) -> None:
        least = characters // answers
        self._kept: LRUCache[str, GivenAnswer] = LRUCache(
            characters, getsizeof=lambda given: max(given.characters, least)
        )
        self._lock = threading.Lock()

    def keep(self, id: str, answer: Answer, indexes: tuple[str, ...]) -> None:
        """Keep an answer under the id of its call."""
        quotes: dict[str, str] = {}
        for citation in answer.citations:
            quotes.setdefault(citation.passage_id, citation.quote)
        given = GivenAnswer(
            id=id,
            program=answer.program,
            indexes=indexes,
            question=answer.question,
            searched=answer.searched[0] if answer.searched else answer.question,
            answer=" ".join(dict.fromkeys(claim.text for claim in all_claims(answer.output))),
            quotes=quotes,
        )
        with self._lock:
            if given.characters <= self._kept.maxsize:
                self._kept[id] = given

    def find(self, id: str) -> GivenAnswer | None:
        """Return an answer by its id; ``None`` where it is not remembered any more."""
        with self._lock:
            found: GivenAnswer | None = self._kept.get(id)
            return found

    def __len__(self) -> int:
        return len(self._kept)
