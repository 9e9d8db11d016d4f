"""Holding an answer to its evidence: what cannot be supported is dropped and reported.

A citation stands when its id is one of this call's passages and its quote is found there. A claim stands
with at least one citation, and with no link but those that a passage it cites holds; an entry of a list with
at least one claim, an answer with at least one entry or claim. An answer left with none becomes a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from ..signatures.evidence import Citation, Claim, Evidence, Item
from .quoting import find_quote

Output = TypeVar("Output", bound=BaseModel)


@dataclass(frozen=True)
class Dropped:
    """One part of a model's answer that did not stand."""

    where: str
    """Its place in the output, e.g. ``tickers[2].reasons[0].citations[1]``."""
    reason: str
    value: Any
    """What the model wrote there, as JSON values."""


@dataclass
class Grounded:
    """A model's answer after the check."""

    output: BaseModel
    """Holds only what stands."""
    citations: list[Citation] = field(default_factory=list)
    """All that stand, in order of appearance, each once; quotes are spelt as the passage spells them."""
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return bool(self.citations)


_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'`]+", re.IGNORECASE)


def links(text: str) -> list[str]:
    """Return the addresses that stand in a text, without the punctuation after them."""
    return [link.rstrip(".,;:!?)]}…") for link in _LINK.findall(text)]


def ground(output: BaseModel, evidence: Sequence[Evidence]) -> Grounded:
    """Check an answer against the passages it was given."""
    check = _Check({passage.id: passage for passage in evidence})
    kept, cited = check.model(output, "")
    if cited and isinstance(kept, Item):
        settled = kept.settled({id: check.evidence[id] for id in cited})
        if isinstance(settled, str):
            check.drop("", settled, output)
            cited = set()
        else:
            kept = settled
    if not cited:
        return Grounded(_emptied(kept), dropped=check.dropped)
    citations = {(c.passage_id, c.quote): c for c in check.citations(kept)}
    return Grounded(kept, list(citations.values()), check.dropped)


def _emptied(output: Output) -> Output:
    """Return an output that says nothing."""
    blank: dict[str, Any] = {name: type(getattr(output, name))() for name in type(output).model_fields}
    return output.model_copy(update=blank)


class _Check:
    def __init__(self, evidence: Mapping[str, Evidence]) -> None:
        self.evidence = evidence
        self.dropped: list[Dropped] = []

    def model(self, model: Output, where: str) -> tuple[Output, set[str]]:
        """Return the model with only what stands in it, and the ids that it cites."""
        cited: set[str] = set()
        update: dict[str, list[BaseModel]] = {}
        for name in type(model).model_fields:
            value = getattr(model, name)
            if not (isinstance(value, list) and all(isinstance(entry, BaseModel) for entry in value)):
                continue
            kept = []
            for index, entry in enumerate(value):
                standing, ids = self.entry(entry, f"{where}{name}[{index}]")
                if standing is not None:
                    kept.append(standing)
                    cited |= ids
            update[name] = kept
        return model.model_copy(update=update), cited

    def entry(self, entry: BaseModel, where: str) -> tuple[BaseModel | None, set[str]]:
        if isinstance(entry, Claim):
            return self.claim(entry, where)
        kept, cited = self.model(entry, where + ".")
        if not cited:
            self.drop(where, "none of its claims is supported", entry)
            return None, cited
        settled = kept.settled({id: self.evidence[id] for id in cited}) if isinstance(kept, Item) else kept
        if isinstance(settled, str):
            self.drop(where, settled, entry)
            return None, set()
        return settled, cited

    def claim(self, claim: Claim, where: str) -> tuple[Claim | None, set[str]]:
        standing = []
        for index, citation in enumerate(claim.citations):
            checked = self.citation(citation, f"{where}.citations[{index}]")
            if checked is not None:
                standing.append(checked)
        if not standing or not claim.text.strip():
            self.drop(where, "it has no citation that stands" if not standing else "it says nothing", claim)
            return None, set()
        cited = {citation.passage_id for citation in standing}
        stray = sorted(
            set(links(claim.text)) - {link for id in cited for link in links(self.evidence[id].text)}
        )
        if stray:
            self.drop(where, f"its link {stray[0]!r} stands in no passage that it cites", claim)
            return None, set()
        return claim.model_copy(update={"citations": standing}), cited

    def citation(self, citation: Citation, where: str) -> Citation | None:
        passage = self.evidence.get(citation.passage_id)
        if passage is None:
            self.drop(where, f"passage {citation.passage_id!r} was not among those given", citation)
            return None
        quote = find_quote(citation.quote, passage.text)
        if quote is None:
            self.drop(where, f"the quote is not found in passage {passage.id!r}", citation)
            return None
        return Citation(passage_id=passage.id, quote=quote)

    def drop(self, where: str, reason: str, value: BaseModel) -> None:
        self.dropped.append(Dropped(where, reason, value.model_dump(mode="json")))

    def citations(self, model: BaseModel) -> list[Citation]:
        """Return every citation inside a model, in order of appearance."""
        if isinstance(model, Claim):
            return model.citations
        return [
            citation
            for name in type(model).model_fields
            if isinstance(value := getattr(model, name), list)
            for entry in value
            if isinstance(entry, BaseModel)
            for citation in self.citations(entry)
        ]
