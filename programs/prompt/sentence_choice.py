"""Which sentences of the passages a language model reads, where they are many: those nearest to the question.

Fewer sentences cost fewer tokens, and small models that read all of them pick worse ones (see ``bench/README.md``). The
nearest sentence of each passage is among them, and whatever heads a chosen one: a heading, a question, the head of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...retrieval.handle import SearchHandle
from ...retrieval.text.sentences import read_sentences
from ...signatures.evidence import Evidence
from ..sentences import flattened, score_sentences
from .numbered_passages import Place


@dataclass(frozen=True)
class ChosenSentences:
    """What a language model reads of some passages."""

    places: frozenset[Place]
    left_out: int
    """Sentences that can answer, and are not read."""


@dataclass(frozen=True)
class SentenceChoice:
    """Chooses at most ``most`` sentences, or one of each passage where those are more."""

    handle: SearchHandle
    """Of the index whose embedder tells what is near; it is loaded only where there is something to choose."""
    most: int

    def __call__(self, question: str, passages: Sequence[Evidence]) -> ChosenSentences | None:
        """Return the sentences to be read; ``None``: all of them."""
        if not question.strip() or sum(len(read_sentences(p.text)) for p in passages) <= self.most:
            return None
        given = tuple((passage.id, passage.title, passage.text) for passage in passages)
        embedder: Any = (
            self.handle.embedder
        )  # hashable, as every object is whose class does not say otherwise
        return _chosen(embedder, self.most, question, given)


@lru_cache(maxsize=256)  # the demos of a prompt are the same at every call
def _chosen(
    embedder: Any, most: int, question: str, given: Sequence[tuple[str, str, str]]
) -> ChosenSentences | None:
    passages = [Evidence(id=id, title=title, text=text) for id, title, text in given]
    scored = score_sentences(question, passages, embedder)
    best_first = sorted(flattened(scored), key=lambda sentence: -sentence.score)
    if len(best_first) <= most:
        return None
    of_each = [max(sentences, key=lambda sentence: sentence.score) for sentences in scored if sentences]
    others = [sentence for sentence in best_first if not any(sentence is best for best in of_each)]
    chosen = [*of_each, *others[: max(0, most - len(of_each))]]
    places = {(found.passage.id, at) for found in chosen for at in (found.start, *found.heads)}
    return ChosenSentences(frozenset(places), len(best_first) - len(chosen))
