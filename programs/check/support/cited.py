"""What a claim cites: whole sentences, each with its passage's title and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ....retrieval.processes import ComputedOnce
from ....retrieval.text.normal_form import normal_text
from .amounts import Amount, read_amounts
from .claim_words import Word, content_stems, is_english, read_words

SupportRule = Literal["unsupported_detail", "other_subject", "mixed_passages", "flipped", "low_support"]
"""Which rule a claim broke: stable, and free of what anybody wrote."""


@dataclass(frozen=True)
class CitedSentence:
    """A sentence that a claim cites."""

    text: str
    title: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    """The passage's metadata."""
    document_id: str | None = None


@dataclass(frozen=True)
class Fault:
    """Why a claim is not supported by what it cites."""

    rule: SupportRule
    reason: str
    """In plain words, for the user: names the word, the number, or the score and its bound."""


@dataclass(frozen=True)
class Case:
    """A claim with what it cites and the question, read once for all rules."""

    claim: str
    cited: Sequence[CitedSentence]
    question: str

    @ComputedOnce
    def words(self) -> tuple[Word, ...]:
        return read_words(self.claim)

    @ComputedOnce
    def told(self) -> tuple[Word, ...]:
        """The claim's words after a "Yes," or "No," that opens it."""
        if len(self.words) < 2 or self.words[0].lower not in ("yes", "no"):
            return self.words
        return (replace(self.words[1], before=""), *self.words[2:])

    @ComputedOnce
    def stems(self) -> list[str]:
        return content_stems(self.words)

    @ComputedOnce
    def sentences(self) -> list[str]:
        return [sentence.text for sentence in self.cited]

    @ComputedOnce
    def bearing(self) -> list[str]:
        """The sentences that the claim is told by: those that alone have two of its words, or the nearest of all."""
        shared = [set(content_stems(read_words(text))) & set(self.stems) for text in self.sentences]
        found = [
            text
            for at, text in enumerate(self.sentences)
            if len(shared[at] - set().union(*shared[:at], *shared[at + 1 :])) >= 2
        ]
        nearest = max(range(len(shared)), key=lambda at: len(shared[at]), default=None)
        return found or ([] if nearest is None else [self.sentences[nearest]])

    @ComputedOnce
    def says_nothing_new(self) -> bool:
        """Whether every word of weight stands in the sentences, or only points to them, as in "As the passage says."

        A claim without any such word, as "Yes.", says nothing by itself either.
        """
        told = {stem for text in self.sentences for stem in content_stems(read_words(text))}
        return set(self.stems) <= told | _POINTING

    @ComputedOnce
    def context(self) -> list[str]:
        """Titles and metadata values."""
        return [text for sentence in self.cited for text in (sentence.title, *sentence.about.values())]

    @ComputedOnce
    def evidence_words(self) -> list[Word]:
        return [word for text in (*self.sentences, *self.context) for word in read_words(text)]

    @ComputedOnce
    def evidence_stems(self) -> set[str]:
        return set(content_stems(self.evidence_words))

    @ComputedOnce
    def evidence_amounts(self) -> list[Amount]:
        return [amount for text in (*self.sentences, *self.context) for amount in read_amounts(text)]

    @ComputedOnce
    def is_english(self) -> bool:
        """Tell whether the claim and what it cites are: what words of grammar say is known of English alone."""
        return is_english(self.claim) and all(map(is_english, self.sentences))

    @ComputedOnce
    def is_quote(self) -> bool:
        """Tell whether the claim is one of its sentences, word for word."""
        return any(wording(self.claim) == wording(sentence) for sentence in self.sentences)


_POINTING = set(
    content_stems(read_words("passage passages page text source document quote says said states stated"))
)
"""Words by which a claim only points to what it cites."""


def only_points(claim: str) -> bool:
    """Tell whether a claim says nothing by itself, as "As the passage says." does."""
    return set(content_stems(read_words(claim))) <= _POINTING


def wording(text: str) -> str:
    """Return a text as it is compared word for word: without what begins and ends a sentence."""
    return normal_text(text).casefold().strip(" .!?。！？؟¿¡")
