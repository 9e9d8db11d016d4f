"""One claim held to its evidence: its citations, its links, what its output forbids, and whether what it cites supports it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ...retrieval.text.sentences import Span, read_sentences
from ...signatures.evidence import Citation, Claim, Evidence, Item
from .asked_number import asks_for_a_number, says_how_many
from .attribution import Attribution, shares
from .links import links
from .places import with_place
from .quotes import QuoteFault, QuoteRule, locate_quote, restore, whole_value
from .support.cited import CitedSentence, SupportRule, only_points, wording
from .support.layers import LAYERS, Layer
from .support.rules import check_support
from .support.similarity import SupportModel

Rule = Literal[
    QuoteRule,
    SupportRule,
    "foreign_id",
    "no_citation",
    "empty",
    "stray_link",
    "forbidden",
    "wrong_sentence",
    "beside_question",
    "too_long",
    "too_many",
    "unsupported",
]
"""Which rule a dropped part broke: stable, and free of what anybody wrote."""


_MISCITED = frozenset({"no_citation", "unsupported_detail", "other_subject", "mixed_passages", "low_support"})
"""Rules that a claim breaks when it cites another sentence than the one that states it."""
WRONG_SENTENCE = "the claim is stated by another sentence, which it cites"
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)\s*\.?\s*$")


@dataclass(frozen=True)
class Dropped:
    """One part of a model's answer that did not stand."""

    where: str
    """Its place in the output, e.g. ``tickers[2].reasons[0].citations[1]``."""
    rule: Rule
    reason: str
    value: Any
    """What the model wrote there, as JSON values."""


@dataclass(frozen=True)
class SupportCheck:
    """How claims are held to what they cite."""

    question: str = ""
    """What was asked."""
    further: str = ""
    """The other inputs, such as a ticker's name."""
    layers: Collection[Layer] = LAYERS
    model: SupportModel | None = None
    least_relevance: float | None = None
    """Least score of the question by a claim, as the model gives it; ``None`` where none is known."""
    longest: int | None = None
    """Most characters of a claim; ``None`` for any number."""
    most_cites: int | None = None
    """Most citations of a claim; ``None`` for any number."""
    most: int | None = None
    """Most claims of a list; ``None`` for any number."""

    @property
    def asked(self) -> str:
        """All inputs: a claim may name what they name."""
        return f"{self.question} {self.further}".strip()


class ClaimCheck:
    """Checks the claims of one output; what does not stand is noted under ``dropped``."""

    def __init__(self, evidence: Mapping[str, Evidence], output: Any, support: SupportCheck) -> None:
        self.evidence, self.output, self.support = evidence, output, support
        self.dropped: list[Dropped] = []
        self._sentences = cache(read_sentences)  # of each passage once, whatever cites it
        self._attribution = Attribution(evidence.values(), self._sentences)
        self._asks_for_a_number = asks_for_a_number(support.asked)

    def claim(self, claim: Claim, where: str) -> tuple[Claim | None, dict[str, Evidence]]:
        """Return a claim with the citations that stand, and the passages that they cite; ``None`` where it may not stand."""
        standing = {
            index: checked
            for index, citation in enumerate(claim.citations)
            if (checked := self._citation(citation, f"{where}.citations[{index}]")) is not None
        }
        bearing, fault = self._bearing(claim, list(standing.values()))
        for index, citation in standing.items():
            if citation not in bearing:
                self.drop(f"{where}.citations[{index}]", "wrong_sentence", WRONG_SENTENCE, citation)
        if fault is not None:
            self.drop(where, *fault, claim)
            return None, {}
        cited = self._passages(bearing)
        citations = [with_place(citation, cited[citation.passage_id]) for citation in bearing]
        return claim.model_copy(update={"citations": citations}), cited

    def _passages(self, citations: list[Citation]) -> dict[str, Evidence]:
        return {citation.passage_id: self.evidence[citation.passage_id] for citation in citations}

    def _bearing(
        self, claim: Claim, standing: list[Citation]
    ) -> tuple[list[Citation], tuple[Rule, str] | None]:
        """Return the citations that bear a claim, and what is wrong with it, if anything.

        A claim that is a sentence of the passages, word for word, cites that one. One that is not supported by what it cites
        cites the sentence that has its words instead, if that supports it; so does one that another sentence states far better.
        Where support is not asked for, all stay.
        """
        if not self.support.layers:
            return standing, self._fault(claim, standing)
        verbatim = self._attribution.verbatim(claim.text)
        if verbatim:
            own = [citation for citation in standing if any(_touches(citation, same) for same in verbatim)]
            bearing = own or verbatim[:1]
            return bearing, self._fault(claim, bearing)
        fault = self._fault(claim, standing)
        if fault is None:
            better = self._attribution.stated_better(claim.text, self._cited_sentences(standing))
        else:
            better = self._attribution.nearest(claim.text) if fault[0] in _MISCITED else None
        if better is not None and self._fault(claim, [better]) is None:
            return [better], None
        return (self._with_words(claim, standing) if fault is None else standing), fault

    def _with_words(self, claim: Claim, standing: list[Citation]) -> list[Citation]:
        """Return the citations that have words of the claim, as many as it may have, if they alone support it."""
        held = shares(claim.text, self._cited_sentences(standing))
        nearest = sorted(range(len(standing)), key=lambda index: -held[index])[: self.support.most_cites]
        kept = [citation for index, citation in enumerate(standing) if held[index] and index in nearest]
        if not kept or kept == standing or self._fault(claim, kept) is not None:
            return standing
        return kept

    def _fault(self, claim: Claim, standing: list[Citation]) -> tuple[Rule, str] | None:
        cited = self._passages(standing)
        if not standing:
            return "no_citation", "it has no citation that stands"
        if not any(map(str.isalnum, claim.text)):  # such as the "…" that the form of a reply shows
            return "empty", "it says nothing"
        if _asks(claim.text):
            return "empty", "it asks, and states nothing"
        if any(_is_title(claim.text, passage) for passage in cited.values()):
            return "heading_only", "it is nothing but the title of what it cites"
        if self._repeats_question(claim.text):
            return "empty", "it repeats the question, and no passage says it so"
        longest = self.support.longest
        if longest is not None and len(claim.text) > longest:
            return "too_long", f"it has {len(claim.text)} characters, and a claim has {longest} at most"
        own = set(links(claim.text))
        stray = sorted(own - {link for passage in cited.values() for link in _held(passage)}) if own else []
        if stray:
            return "stray_link", f"its link {stray[0]!r} stands in no passage that it cites"
        forbidden = self.output.forbidden(claim.text) if isinstance(self.output, Item) else None
        if forbidden:
            return "forbidden", forbidden
        found = check_support(
            claim.text,
            self._cited_sentences(standing),
            self.support.asked,
            layers=self.support.layers,
            model=self.support.model,
        )
        return self._beside_question(claim) if found is None else (found.rule, found.reason)

    def _repeats_question(self, text: str) -> bool:
        same = wording(text) in (wording(self.support.question), wording(self.support.asked))
        return same and not self._attribution.verbatim(text)

    def _beside_question(self, claim: Claim) -> tuple[Rule, str] | None:
        support = self.support
        if support.layers and self._asks_for_a_number and not says_how_many(claim.text):
            return "beside_question", "the question asks for a number, and it states none"
        if support.least_relevance is None or support.model is None or not support.asked:
            return None
        if only_points(claim.text):
            return None
        score = support.model(support.asked, [claim.text])
        if score >= support.least_relevance:
            return None
        return (
            "beside_question",
            f"it scores {score:.2f} of the {support.least_relevance:.2f} at least that bearing on the question takes",
        )

    def _cited_sentences(self, citations: list[Citation]) -> list[CitedSentence]:
        return [self._cited_sentence(citation, self.evidence[citation.passage_id]) for citation in citations]

    def _cited_sentence(self, citation: Citation, passage: Evidence) -> CitedSentence:
        """Return what a citation points to, in the whole sentences that it touches."""
        found = passage.place_of(citation)
        text = citation.quote
        if found is not None:
            touched = [
                sentence
                for sentence in self._sentences(passage.text)
                if sentence.start < found[1] and found[0] < sentence.end
            ]
            if touched:
                text = passage.text[touched[0].start : touched[-1].end]
        return CitedSentence(text, passage.title, passage.about, passage.id)

    def _citation(self, citation: Citation, where: str) -> Citation | None:
        passage = self.passage_of(citation.passage_id)
        if passage is None:
            self.drop_foreign_id(citation.passage_id, where, citation)
            return None
        found = locate_quote(citation.quote, passage.text)
        if not isinstance(found, QuoteFault):
            return passage.citation(*_own_place(citation, passage, found))
        value = whole_value(citation.quote, passage.about.values())
        if value is not None:
            return passage.citation(0, 0).model_copy(update={"quote": value, "start": None, "end": None})
        self.drop(where, found.rule, f"{found.reason} in passage {passage.id!r}", citation)
        return None

    def passage_of(self, id: str) -> Evidence | None:
        """Return the passage of that id, as it is or as the language model was told it."""
        return self.evidence.get(id) or self.evidence.get(restore(id))

    def drop_foreign_id(self, id: str, where: str, value: BaseModel) -> None:
        """Note that no such passage was given."""
        self.drop(where, "foreign_id", f"passage {id!r} was not among those given", value)

    def drop(self, where: str, rule: Rule, reason: str, value: Any) -> None:
        """Note what does not stand, and why."""
        self.dropped.append(Dropped(where, rule, reason, to_jsonable_python(value)))


def _touches(citation: Citation, other: Citation) -> bool:
    """Tell whether two citations share a place."""
    if citation.start is None or other.start is None or citation.end is None or other.end is None:
        return citation.passage_id == other.passage_id and citation.quote == other.quote
    return (
        citation.passage_id == other.passage_id and citation.start < other.end and other.start < citation.end
    )


def _asks(text: str) -> bool:
    """Tell whether a claim is a question."""
    return text.rstrip().endswith(("?", "？", "؟"))


def _is_title(text: str, passage: Evidence) -> bool:
    """Tell whether a claim is the title of a passage that holds more, with or without what stands behind it in brackets."""
    bare = _IN_BRACKETS.sub("", text).strip().rstrip(".").casefold()
    return bare == passage.title.strip().rstrip(".").casefold() and passage.text != passage.title


def _held(passage: Evidence) -> list[str]:
    """Return the addresses that a passage holds, in its title and metadata too."""
    return [link for text in (passage.title, passage.text, *passage.about.values()) for link in links(text)]


def _own_place(citation: Citation, passage: Evidence, found: Span) -> Span:
    """Return where a citation itself says that its quote begins, if it stands there; else where it was found first."""
    own = passage.place_of(citation)
    return own if own is not None and passage.text[slice(*own)] == citation.quote else found
