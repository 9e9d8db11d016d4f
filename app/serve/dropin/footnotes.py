"""A typed answer as prose with footnotes, sentence by sentence, for clients that show only text.

One rule lays out every output: its claims are sentences with the numbers of what they cite; an entry of a list begins with
a line of its facts; what an output computes, such as a question to ask back, follows; the sources stand at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ....programs.answer import Answer
from ....programs.call.sentence_stream import prose_field
from ....programs.check.forms import claim_fields, output_form
from ....signatures.evidence import Citation, Claim, Pointer
from ...render.answers import HEADINGS

SOURCES = "Sources:"
_OWN_SOURCES = re.compile(rf"\n*^{SOURCES}\n(?:- \[\d+\] .*(?:\n|\Z))+\Z", re.MULTILINE)
_OWN_NUMBERS = re.compile(r"(?: \[\d+\])+(?=\s|\Z)")
_LINKS = re.compile(r"(\\*)(?:\[(?=.*\][(\[:])|<(?=[A-Za-z/!?]))")
"""What Markdown reads as the beginning of a link, an image or HTML."""
_OF_THE_WEB = ("https://", "http://")


@dataclass
class FootnotedText:
    """The text of one answer, written from its beginning to its end; every method returns what it added."""

    annotations: list[dict[str, Any]] = field(default_factory=list)
    """Each number in the text that leads to an address of the web, as OpenAI tells of citations."""
    _length: int = 0
    _told: list[Claim] = field(default_factory=list)
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """By passage and place in it."""
    _sources: list[str] = field(default_factory=list)

    def tell(self, claim: Claim) -> str:
        """Add a sentence of a paragraph."""
        self._told.append(claim)
        return self._add(" " if self._length else "") + self._sentence(claim)

    def finish(self, answer: Answer) -> str:
        """Add all of an answer that was not told yet."""
        pieces = list(self._body(answer)) if answer.answered else list(self._refusal(answer))
        if self._sources:
            pieces.append(self._add("\n\n" + "\n".join([SOURCES, *self._sources])))
        return "".join(pieces)

    def _body(self, answer: Answer) -> Iterator[str]:
        output = answer.output
        if not tells_early(type(output)):
            yield from self._blocks(output)
            return
        told = list(self._told)
        for claim in _claims(output):
            if claim in told:
                told.remove(claim)
            else:
                yield self.tell(claim)
        for line in _computed(output):
            yield self._paragraph(line)

    def _refusal(self, answer: Answer) -> Iterator[str]:
        yield self._add(plain(answer.refusal or ""))
        for line in _computed(answer.output):
            yield self._paragraph(line)

    def _blocks(self, output: Any) -> Iterator[str]:
        """Yield an output of any form, paragraph by paragraph."""
        if isinstance(output, Claim):
            yield self._paragraph("") + self._sentence(output)
        elif isinstance(output, list):
            if output and isinstance(output[0], Claim):
                yield self._claims_paragraph("", output)
                return
            for entry in output:
                yield from self._blocks(entry)
        elif isinstance(output, BaseModel):
            if facts := _facts(output):
                yield self._paragraph(facts)
            for heading, value in _parts(output):
                if isinstance(value, list) and value and isinstance(value[0], Claim):
                    yield self._claims_paragraph(heading, value)
                else:
                    yield from self._blocks(value)
            for line in _computed(output):
                yield self._paragraph(line)

    def _claims_paragraph(self, heading: str, claims: Sequence[Claim]) -> str:
        pieces = [self._paragraph(heading)]
        for number, claim in enumerate(claims):
            pieces += [self._add(" " if number or heading else ""), self._sentence(claim)]
        return "".join(pieces)

    def _paragraph(self, text: str) -> str:
        return self._add(("\n\n" if self._length else "") + text)

    def _sentence(self, claim: Claim) -> str:
        pieces = [self._add(plain(claim.text))]
        numbered: dict[int, Citation] = {}
        for citation in claim.citations:
            numbered.setdefault(self._number(citation), citation)
        for number, citation in numbered.items():
            pieces.append(self._add(" "))
            start = self._length
            pieces.append(self._add(f"[{number}]"))
            if citation.link.startswith(_OF_THE_WEB):
                self.annotations.append(
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": start,
                            "end_index": self._length,
                            "title": citation.title,
                            "url": citation.url,
                        },
                    }
                )
        return "".join(pieces)

    def _number(self, citation: Citation) -> int:
        key = (citation.passage_id, citation.place)
        if key not in self._numbers:
            number = self._numbers[key] = len(self._numbers) + 1
            name = plain(citation.title or citation.passage_id)
            where = [part for part in (citation.place, _address(citation)) if part]
            self._sources.append(f"- [{number}] " + ", ".join([name, *map(plain, where)]))
        return self._numbers[key]

    def _add(self, text: str) -> str:
        self._length += len(text)
        return text


def tells_early(output: type) -> bool:
    """Whether the sentences of an output may be told as they come: they are one paragraph, which is its beginning."""
    if prose_field(output) is None:
        return False
    return not any(_is_fact(info.annotation) for info in output.model_fields.values())  # type: ignore[attr-defined]


def plain(text: str) -> str:
    """Return a text on one line, in which Markdown sees no link, image or HTML."""
    # After an odd number of backslashes it is escaped already.
    return _LINKS.sub(
        lambda found: found[0] if len(found[1]) % 2 else f"{found[1]}\\{found[0][-1]}", _line(text)
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def without_footnotes(text: str) -> str:
    """Return the text of an earlier answer as it was before the numbers and sources were put to it."""
    return _OWN_NUMBERS.sub("", _OWN_SOURCES.sub("", text)).strip()


def _address(citation: Citation) -> str:
    if citation.link.startswith(_OF_THE_WEB):
        return citation.link
    return citation.path


def _claims(output: BaseModel) -> list[Claim]:
    claims: list[Claim] = getattr(output, prose_field(type(output)) or "", [])
    return claims


def _parts(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """Yield the values that hold claims, each with what stands before it where there are several."""
    parts = [(name, getattr(model, name)) for name, _, _ in claim_fields(type(model))]
    held = [(name, value) for name, value in parts if value]
    for name, value in held:
        heading = HEADINGS.get(name, name.replace("_", " "))
        yield (f"{heading[0].upper()}{heading[1:]}:" if len(held) > 1 else ""), value


def _is_fact(annotation: Any) -> bool:
    return output_form(annotation) is None and annotation in (str, int, float)


def _facts(model: BaseModel) -> str:
    """Return a line of what a model says of itself beside its claims: the first that is a text names it."""
    facts = {
        name: value
        for name in type(model).model_fields
        if name != "passage_id"
        and isinstance(value := getattr(model, name), str | int | float)
        and value != ""
    }
    named = next((name for name, value in facts.items() if isinstance(value, str)), None)
    parts = [f"**{plain(str(facts[named]))}**"] if named is not None else []
    parts += [
        f"{name.replace('_', ' ')} {plain(str(value))}" for name, value in facts.items() if name != named
    ]
    return " · ".join(parts)


def _computed(output: Any) -> Iterator[str]:
    """Yield what an output computes that its claims do not say, then titles that it points to and has not named."""
    if not isinstance(output, BaseModel):
        return
    prose = {
        " ".join(claim.text for claim in value)
        for name, _, form in claim_fields(type(output))
        if form == "claims"
        for value in [getattr(output, name)]
    }
    said = [getattr(output, name) for name in type(output).model_computed_fields]
    lines = [plain(text) for text in said if isinstance(text, str) and text and text not in prose]
    yield from lines
    pointed = [
        plain(pointer.title or pointer.passage_id)
        for name in type(output).model_fields
        if isinstance(value := getattr(output, name), list)
        for pointer in value
        if isinstance(pointer, Pointer)
    ]
    unnamed = [title for title in dict.fromkeys(pointed) if not any(title in line for line in lines)]
    if unnamed:
        yield "See also: " + ", ".join(unnamed)
