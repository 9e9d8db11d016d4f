"""Which sentence of the passages states a claim, whatever the claim says that it cites.

Small language models repeat a sentence, or nearly, and set the number of another before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...retrieval.processes import ComputedOnce
from ...retrieval.text.sentences import SentenceSpan
from ...signatures.evidence import Citation, Evidence
from .quotes import may_be_cited
from .support.cited import CitedSentence, wording
from .support.claim_words import content_stems, read_words

LEAST_SHARED = 0.8
"""The share of a claim's words of weight that one sentence, or the title above it, must have for stating the claim."""
MORE_SHARED = 0.3
"""How much more of a claim's words another sentence must have than all that it cites, for stating it better."""
FEWEST_WORDS = 3
"""Of weight, that a claim must have for its words to tell which sentence states it."""


@dataclass(frozen=True)
class _Sentence:
    citation: Citation

    @ComputedOnce
    def plain(self) -> str:
        return wording(self.citation.quote)

    @ComputedOnce
    def words(self) -> frozenset[str]:
        return _words(self.citation.quote)

    @ComputedOnce
    def words_with_title(self) -> frozenset[str]:
        return self.words | _words(self.citation.title)


class Attribution:
    """The sentences of the passages of one call, each text read by ``read``."""

    def __init__(self, evidence: Iterable[Evidence], read: Callable[[str], list[SentenceSpan]]) -> None:
        self._evidence, self._spans = evidence, read

    @ComputedOnce
    def _sentences(self) -> list[_Sentence]:
        return list(self._read())

    def _read(self) -> Iterator[_Sentence]:
        for passage in self._evidence:
            for sentence in self._spans(passage.text):
                if may_be_cited(sentence.kind, passage.text[sentence.start : sentence.end]):
                    yield _Sentence(passage.citation(sentence.start, sentence.end))

    def verbatim(self, claim: str) -> list[Citation]:
        """Return the sentences that a claim is, word for word."""
        plain = wording(claim)
        return [sentence.citation for sentence in self._sentences if sentence.plain == plain]

    def nearest(self, claim: str, least: float = LEAST_SHARED) -> Citation | None:
        """Return the sentence that has most of a claim's words; ``None`` where none has that share of them."""
        said = _words(claim)
        if len(said) < FEWEST_WORDS or not self._sentences:
            return None
        # Of two that have as many, the one that says less beside.
        best = max(
            self._sentences,
            key=lambda sentence: (
                len(said & sentence.words_with_title),
                len(said & sentence.words) / (len(sentence.words) or 1),
            ),
        )
        return best.citation if len(said & best.words_with_title) >= least * len(said) else None

    def stated_better(self, claim: str, cited: Sequence[CitedSentence]) -> Citation | None:
        """Return a sentence that has at least half of a claim's words, and far more of them than all that is cited."""
        return self.nearest(claim, max(0.5, _share(claim, cited) + MORE_SHARED))


def shares(claim: str, cited: Sequence[CitedSentence]) -> list[float]:
    """Return the share of a claim's words of weight that each sentence has, in itself or in the title above it."""
    return [_share(claim, [sentence]) for sentence in cited]


def _share(claim: str, cited: Sequence[CitedSentence]) -> float:
    said = _words(claim)
    held = frozenset[str]().union(*(_words(sentence.text) | _words(sentence.title) for sentence in cited))
    return len(said & held) / (len(said) or 1)


def _words(text: str) -> frozenset[str]:
    return frozenset(content_stems(read_words(text)))
