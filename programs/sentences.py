"""The sentences of passages, scored by how much they bear on a question, and claims made of them.

A sentence bears on the question when the cosine of the two, the sentence read under its passage's title,
reaches `BEARS`; the figure was chosen on the three canons, where it separates questions from far afield.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..retrieval.models.embedders import Embedder
from ..signatures.evidence import Citation, Claim, Evidence

BEARS = 0.30
"""Least cosine at which a sentence of all-MiniLM-L6-v2 bears on a question."""
SLACK = 0.15
"""How far below the best sentence another may score and still be quoted with it."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a passage."""

    passage: Evidence
    text: str
    place: int
    """Its place in the passage, from 0."""
    score: float
    """Cosine with the question, −1 to 1."""

    @property
    def bears(self) -> bool:
        return self.score >= BEARS


ScoredPassages = Sequence[Sequence[Sentence]]
"""The scored sentences of each passage, passages and sentences in the order they were given."""


def score_sentences(question: str, passages: Sequence[Evidence], embedder: Embedder) -> ScoredPassages:
    """Return each passage's sentences with their scores, in the order given."""
    cut = [
        [piece.strip() for piece in _SENTENCE_END.split(passage.text) if piece.strip()]
        for passage in passages
    ]
    readings = [
        f"{passage.title}\n{text}" for passage, texts in zip(passages, cut, strict=True) for text in texts
    ]
    if not readings:
        return [[] for _ in passages]
    vectors = embedder.embed_passages([_fitting(reading, embedder) for reading in readings])
    scores = iter((vectors @ embedder.embed_questions([_fitting(question, embedder)])[0]).tolist())
    return [
        [Sentence(passage, text, place, next(scores)) for place, text in enumerate(texts)]
        for passage, texts in zip(passages, cut, strict=True)
    ]


def best(sentences: Sequence[Sentence], most: int) -> list[Sentence]:
    """Return the best-scored of those that bear on the question, in their given order.

    At most ``most``, and none that scores more than `SLACK` below the best.
    """
    bearing = sorted(
        (sentence for sentence in sentences if sentence.bears), key=lambda sentence: -sentence.score
    )
    chosen = [sentence for sentence in bearing[:most] if sentence.score >= bearing[0].score - SLACK]
    return [sentence for sentence in sentences if sentence in chosen]


def flattened(passages: ScoredPassages) -> list[Sentence]:
    """Return the sentences of all passages in one list."""
    return [sentence for sentences in passages for sentence in sentences]


def as_claims(sentences: Sequence[Sentence]) -> list[Claim]:
    """Return each sentence as a claim that cites itself."""
    return [
        Claim(text=sentence.text, citations=[Citation(passage_id=sentence.passage.id, quote=sentence.text)])
        for sentence in sentences
    ]


def metadata_of(sentences: Sequence[Sentence]) -> Mapping[str, str]:
    """Return the metadata of the passage that these sentences are of; empty for none."""
    return sentences[0].passage.about if sentences else {}


def best_cosine(sentences: Sequence[Sentence]) -> float:
    """Return the best score of some sentences as a figure from 0 to 1, rounded to hundredths."""
    return round(min(1.0, max(0.0, max(sentence.score for sentence in sentences))), 2)


def _fitting(text: str, embedder: Embedder) -> str:
    """Return as much of the text, from its start, as the embedder reads: enough to score it by."""
    most = embedder.identity.max_tokens - 8
    tokens = embedder.offsets(text)
    return text if len(tokens) <= most else text[: tokens[most - 1][1]]
