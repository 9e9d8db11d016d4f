"""Passages as a language model reads them: a label for each, and a number for each sentence.

Numbers run on from one passage to the next. Rows of tables, lines of code and entries of lists count as sentences;
headings, heads of tables and what holds no letter or figure stand among them without a number. Every line of a rendered
text begins with a label, a number or a dash of ours, whatever the passages hold, so that no passage can number anything
itself. Where sentences were chosen (`sentence_choice`), the others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from ...retrieval.text.sentences import SentenceSpan, read_sentences
from ...signatures.evidence import Citation, Evidence
from ..check.quotes import QuoteFault, locate_quote, may_be_cited, neutralise

Place = tuple[str, int]
"""Of a sentence: the id of its passage, and where it begins there."""

_LABEL = re.compile(r"\s*\[?[Pp]?(\d{1,4})\]?\s*")


@dataclass(frozen=True)
class NumberedSentence:
    """One sentence of a passage: ``passage.text[start:end]``."""

    passage: Evidence
    start: int
    end: int


class NumberedPassages:
    """The passages of one call or of one demo, and what their labels and numbers stand for."""

    def __init__(self, passages: Sequence[Evidence], chosen: Container[Place] | None = None) -> None:
        self._passages, self._chosen = list(passages), chosen
        self.sentences: list[NumberedSentence] = []
        """That of number n is at place n − 1."""
        self.text = "\n\n".join("\n".join(lines) for lines in self._render())
        """What the language model reads."""

    def _render(self) -> Iterator[list[str]]:
        # What all of them have tells none from another.
        told = [set(passage.about.items()) for passage in self._passages]
        common = set.intersection(*told) if len(told) > 1 else set()
        for place, passage in enumerate(self._passages, start=1):
            shown = [
                f"{name}: {value}"
                for name, value in passage.about.items()
                if value and (name, value) not in common
            ]
            about = "; ".join(shown)
            yield [
                f"P{place} {_line(passage.title)}" + (f" ({_line(about)})" if about else ""),
                *(
                    self._number(passage, sentence)
                    for sentence in read_sentences(passage.text)
                    if self._chosen is None or (passage.id, sentence.start) in self._chosen
                ),
            ]

    def _number(self, passage: Evidence, sentence: SentenceSpan) -> str:
        text = _line(passage.text[sentence.start : sentence.end])
        if not may_be_cited(sentence.kind, passage.text[sentence.start : sentence.end]):
            return f"- {text}"
        self.sentences.append(NumberedSentence(passage, sentence.start, sentence.end))
        return f"[{len(self.sentences)}] {text}"

    def citation(self, number: int | str) -> Citation:
        """Return what a number stands for; one that no sentence has is the id of no passage."""
        if isinstance(number, int) and 1 <= number <= len(self.sentences):
            sentence = self.sentences[number - 1]
            return sentence.passage.citation(sentence.start, sentence.end)
        return Citation(passage_id=f"[{number}]", quote="")

    def numbers(self, citation: Citation) -> list[int]:
        """Return the numbers of the sentences that a quote touches; none where it stands nowhere."""
        passage = next((passage for passage in self._passages if passage.id == citation.passage_id), None)
        found = None if passage is None else locate_quote(citation.quote, passage.text)
        if found is None or isinstance(found, QuoteFault):
            return []
        return [
            number
            for number, sentence in enumerate(self.sentences, start=1)
            if sentence.passage is passage and sentence.start < found[1] and found[0] < sentence.end
        ]

    def passage_id(self, label: str) -> str:
        """Return the id of the passage of that label, such as ``P2``; what is no label stays as it is."""
        found = _LABEL.fullmatch(label)
        place = int(found[1]) - 1 if found else -1
        return self._passages[place].id if 0 <= place < len(self._passages) else label

    def label(self, passage_id: str) -> str:
        """Return the label of a passage; the id of one that is not there stays as it is."""
        ids = [passage.id for passage in self._passages]
        return f"P{ids.index(passage_id) + 1}" if passage_id in ids else passage_id


def _line(text: str) -> str:
    """Return a text on one line, without markers of fields."""
    return neutralise(" ".join(text.split()))
