"""Which sentence of the passages states a claim, whatever the claim says that it cites.

Small language models repeat a sentence, or nearly, and set the number of another before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...retrieval.text.sentences import read_sentences
from ...signatures.evidence import Citation, Evidence
from .quotes import may_be_cited
from .support.cited import wording
from .support.claim_words import content_stems, read_words

LEAST_SHARED = 0.8
"""The share of a claim's words of weight that one sentence, or the title above it, must have for stating the claim."""
FEWEST_WORDS = 3
"""Of weight, that a claim must have for its words to tell which sentence states it."""


@dataclass(frozen=True)
class _Sentence:
    citation: Citation
    title: str

    @cached_property
    def plain(self) -> str:
        return wording(self.citation.quote)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(content_stems(read_words(self.citation.quote)))

    @cached_property
    def words_with_title(self) -> frozenset[str]:
        return self.words | set(content_stems(read_words(self.title)))


class Attribution:
    """The sentences of the passages of one call."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._evidence = evidence

    @cached_property
    def _sentences(self) -> list[_Sentence]:
        return list(self._read())

    def _read(self) -> Iterator[_Sentence]:
        for passage in self._evidence:
            for sentence in read_sentences(passage.text):
                if may_be_cited(sentence.kind, passage.text[sentence.start : sentence.end]):
                    yield _Sentence(passage.citation(sentence.start, sentence.end), passage.title)

    def verbatim(self, claim: str) -> list[Citation]:
        """Return the sentences that a claim is, word for word."""
        plain = wording(claim)
        return [sentence.citation for sentence in self._sentences if sentence.plain == plain]

    def shares(self, claim: str, citations: Sequence[Citation]) -> list[int]:
        """Return how many of a claim's words of weight each citation has, in its sentence or the title above it."""
        said = frozenset(content_stems(read_words(claim)))
        return [len(said & _Sentence(citation, citation.title).words_with_title) for citation in citations]

    def nearest(self, claim: str) -> Citation | None:
        """Return the sentence that has most of a claim's words; ``None`` where none has enough of them."""
        said = frozenset(content_stems(read_words(claim)))
        if len(said) < FEWEST_WORDS or not self._sentences:
            return None
        shared = [
            (len(said & sentence.words_with_title), len(said & sentence.words) / (len(sentence.words) or 1))
            for sentence in self._sentences
        ]
        best = max(range(len(shared)), key=shared.__getitem__)
        return self._sentences[best].citation if shared[best][0] >= LEAST_SHARED * len(said) else None
