"""The sentences of passages that can answer, scored by how much they bear on a question, and claims made of them.

A question, a heading, a rule, the head of a table, front matter and what holds no letter or figure answer nothing. A
heading, or a question that is answered below it, is read above each sentence that it heads: "40 euro." bears on what a
pallet costs when it stands under "How much does a pallet cost?".

A sentence bears on the question when the cosine of the two, the sentence read under its title and heading, reaches
`BEARS`; the figure was chosen on the three canons, where it separates questions from far afield.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..retrieval.models.cache import CachedEmbedder
from ..retrieval.models.embedders import MOST_UNREAD, Embedder, Vectors
from ..retrieval.processes import working
from ..retrieval.text.front_matter import read_front_matter
from ..retrieval.text.normal_form import normal_text
from ..retrieval.text.sentences import read_sentences
from ..retrieval.text.words import indexed_words, searched_words
from ..signatures.evidence import Citation, Claim, Evidence

BEARS = 0.30
"""Least cosine at which a sentence of all-MiniLM-L6-v2 bears on a question."""
SLACK = 0.15
"""How far below the best sentence another may score and still be quoted with it."""

_CLOSING = " \t\n*_`~\"'”’»)]}"
_QUESTION_MARKS = tuple("?？؟⸮⁇⁈՞\u037e")
_FENCE = re.compile(r"\s*(?:>\s*)*(?:`{3}|~{3})")
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)
_NO_HEAD = ("", 0)
_LINE_MARKS = re.compile(r"\s*\n[ \t>]*")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a passage."""

    passage: Evidence
    text: str
    """As it stands in the passage, without the marks before it."""
    place: int
    """Its place among those of the passage that can answer, from 0."""
    score: float
    """Cosine with the question, −1 to 1."""
    least: float = BEARS
    """The score from which on it bears on the question."""
    start: int = 0
    """Where it begins in the passage, in characters."""
    heads: tuple[int, ...] = ()
    """Where the lines begin that it stands under: its heading, the question it answers, the head of its table."""

    @property
    def shown(self) -> str:
        """Its text on one line."""
        return " ".join(_LINE_MARKS.sub(" ", self.text).split())

    @property
    def bears(self) -> bool:
        return self.score >= self.least


@dataclass(frozen=True)
class AnsweringSentence:
    """A sentence that can answer, before it is scored."""

    text: str
    reading: str
    """It with what heads it above."""
    start: int
    heads: tuple[int, ...]


ScoredPassages = Sequence[Sequence[Sentence]]
"""The scored sentences of each passage, passages and sentences in the order they were given."""


def score_sentences(question: str, passages: Sequence[Evidence], embedder: Embedder) -> ScoredPassages:
    """Return each passage's sentences that can answer, with their scores, in the order given."""
    cut = [list(read_answers(passage)) for passage in passages]
    readings = [sentence.reading for sentences in cut for sentence in sentences]
    if not readings:
        return [[] for _ in passages]
    if embedder.unread(question) > MOST_UNREAD:
        scores = iter(_shared_words(question, readings))
    else:
        scores = iter(_cosines(question, readings, embedder))
    return [
        [
            Sentence(passage, found.text, place, next(scores), start=found.start, heads=found.heads)
            for place, found in enumerate(sentences)
        ]
        for passage, sentences in zip(passages, cut, strict=True)
    ]


def _cosines(question: str, readings: Sequence[str], embedder: Embedder) -> list[float]:
    vectors = embed_fitting(readings, embedder)
    (asked,) = embedder.embed_questions([fitting(question, embedder)])
    with working():
        cosines: list[float] = (vectors @ asked).tolist()
    return cosines


def _shared_words(question: str, readings: Sequence[str]) -> list[float]:
    """Return the share of the question's words that each text has: what is left where the embedder has no tokens for them."""
    asked = [word.rstrip("*") for word in searched_words(question)]
    held = [set(indexed_words("", text, {})) for text in readings]
    return [sum(word in words for word in asked) / max(1, len(asked)) for words in held]


def embed_fitting(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """Return the vectors of texts (texts, dims), each read as far as the embedder reads."""
    embed = embedder.embed_sentences if isinstance(embedder, CachedEmbedder) else embedder.embed_passages
    return embed([fitting(text, embedder) for text in texts])


def read_answers(passage: Evidence) -> Iterator[AnsweringSentence]:
    """Yield the sentences of a passage that can answer, in order."""
    start = len(passage.text) - len(read_front_matter(passage.text).body)
    titles = [normal_text(part).casefold() for part in (passage.title, passage.title.split(" › ")[-1])]
    # A title may be all that there is to quote.
    alone = normal_text(passage.text[start:]).casefold() in titles
    heading = table = _NO_HEAD
    for span in read_sentences(passage.text[start:]):
        at = start + span.start
        text = passage.text[at : start + span.end]
        if span.kind == "paragraph":
            text = _whole_marks(text)
        if span.kind == "heading":
            heading, table = (text.strip("#=- \t\n"), at), _NO_HEAD
        elif span.kind == "head":
            table = (text.split("\n")[0], at)
        elif span.kind in ("paragraph", "html") and _is_question(text):
            heading = (text, at)
        elif _says_something(span.kind, text) and (alone or normal_text(text).casefold() not in titles):
            heads = [_NO_HEAD if normal_text(heading[0]).casefold() in titles else heading]
            if span.kind == "row":
                heads.append(table)
            heads = [head for head in heads if head[0]]
            reading = "\n".join([*filter(None, [passage.title]), *(head for head, _ in heads), text])
            yield AnsweringSentence(text, reading, at, tuple(place for _, place in heads))


def _is_question(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(_QUESTION_MARKS)


def _says_something(kind: str, text: str) -> bool:
    if kind == "rule" or (kind == "code" and _FENCE.match(text)):
        return False
    return any(character.isalnum() for character in (_TAG.sub("", text) if kind == "html" else text))


def _whole_marks(text: str) -> str:
    """Return a sentence without the half of a pair of marks that it was cut with: "**" of "**Why?** Since."."""
    for mark in ("**", "__"):
        if text.count(mark) % 2:
            text = text.removeprefix(mark).removesuffix(mark).strip()
    return text


def best(sentences: Sequence[Sentence], most: int) -> list[Sentence]:
    """Return the best-scored of those that bear on the question, in their given order.

    At most ``most``, none twice, and none that scores more than `SLACK` below the best.
    """
    bearing = distinct(sorted((s for s in sentences if s.bears), key=lambda s: -s.score))
    chosen = [sentence for sentence in bearing[:most] if sentence.score >= bearing[0].score - SLACK]
    return [sentence for sentence in sentences if sentence in chosen]


def distinct(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentences without those that say, in normal form and small letters, what one before them says."""
    first: dict[str, Sentence] = {}
    for sentence in sentences:
        first.setdefault(normal_text(sentence.shown).casefold(), sentence)
    return list(first.values())


def flattened(passages: ScoredPassages) -> list[Sentence]:
    """Return the sentences of all passages in one list."""
    return [sentence for sentences in passages for sentence in sentences]


def as_claims(sentences: Sequence[Sentence]) -> list[Claim]:
    """Return each sentence as a claim that cites itself."""
    return [
        Claim(text=sentence.shown, citations=[Citation(passage_id=sentence.passage.id, quote=sentence.text)])
        for sentence in sentences
    ]


def metadata_of(sentences: Sequence[Sentence]) -> Mapping[str, str]:
    """Return the metadata of the passage that these sentences are of; empty for none."""
    return sentences[0].passage.about if sentences else {}


def best_cosine(sentences: Sequence[Sentence]) -> float:
    """Return the best score of some sentences as a figure from 0 to 1, rounded to hundredths."""
    return round(min(1.0, max(0.0, max(sentence.score for sentence in sentences))), 2)


def fitting(text: str, embedder: Embedder) -> str:
    """Return as much of the text, from its start, as the embedder reads: enough to score it by."""
    most = embedder.identity.max_tokens - 8
    if text.isascii() and len(text) <= most:  # a token has a letter at least, where none becomes several
        return text
    tokens = embedder.offsets(text)
    return text if len(tokens) <= most else text[: tokens[most - 1][1]]
