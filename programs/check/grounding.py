"""Holding an answer to its evidence: what cannot be supported is dropped and reported.

A citation stands when its id is one of this call's passages and its quote is found there. A claim stands
with at least one citation, if what it cites supports it (`support`), with no link but those that a passage it cites
holds, and unless its output forbids it; an entry of a list with at least one claim, an answer with at least one entry or claim. A pointer stands when
its passage is one of this call's. An answer left without a citation becomes a refusal, and keeps its pointers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from ...signatures.evidence import Citation, Claim, Evidence, Item, Pointer
from .claims import ClaimCheck, Dropped, SupportCheck
from .forms import declared_most, empty_output, empty_value
from .links import links

Output = TypeVar("Output", bound=BaseModel)
Cited = dict[str, Evidence]
"""The passages that something cites by id, the first cited first."""


@dataclass
class Grounded:
    """A model's answer after the check."""

    output: Any
    """Holds only what stands."""
    citations: list[Citation] = field(default_factory=list)
    """All that stand, in order of appearance, each once; quotes are spelt as the passage spells them."""
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return bool(self.citations)


def ground(output: Any, evidence: Sequence[Evidence], support: SupportCheck | None = None) -> Grounded:
    """Check an answer against the passages it was given; ``output`` is of a form that `forms` supports.

    Without ``support``, claims are held to their citations alone.
    """
    check = _Check({passage.id: passage for passage in evidence}, output, support or SupportCheck(layers=()))
    kept, cited = check.value(output, "")
    if cited and isinstance(kept, Item):
        validated = kept.validate_against(cited)
        if isinstance(validated, str):
            check.drop("", "unsupported", validated, output)
            cited = {}
        else:
            kept = validated
    if not cited:
        return Grounded(_refused(kept), dropped=check.dropped)
    citations = {(c.passage_id, c.quote, c.start): c for c in citations_of(kept)}
    return Grounded(kept, list(citations.values()), check.dropped)


def _refused(output: Any) -> Any:
    """Return an output that says nothing, and asks back what it asked."""
    if not isinstance(output, BaseModel):
        return []
    if isinstance(output, Claim):
        return empty_output(Claim)
    update = {
        name: value if _all(value, Pointer) else empty_value(info)
        for name, info in type(output).model_fields.items()
        for value in [getattr(output, name)]
    }
    return output.model_copy(update=update)


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(entry, kind) for entry in value)


def all_claims(value: Any) -> list[Claim]:
    """Return every claim inside an output, however deep, in order of appearance."""
    if isinstance(value, Claim):
        return [value] if value.text else []
    if isinstance(value, BaseModel):
        return [claim for name in type(value).model_fields for claim in all_claims(getattr(value, name))]
    if isinstance(value, list):
        return [claim for entry in value for claim in all_claims(entry)]
    return []


def citations_of(value: Any) -> list[Citation]:
    """Return every citation inside an output, however deep, in order of appearance."""
    return [citation for claim in all_claims(value) for citation in claim.citations]


class _Check(ClaimCheck):
    """Checks an output down to its claims."""

    def value(self, value: Any, where: str, most: int = 0) -> tuple[Any, Cited]:
        """Return an output, or a field of one, with only what stands in it, and what its claims cite."""
        if isinstance(value, Claim):
            claim, cited = self.claim(value, where)
            return claim or empty_output(Claim), cited
        if isinstance(value, list):
            return self.entries(value, where, most)
        if isinstance(value, Pointer):
            return self.pointer(value, where) or Pointer(passage_id=""), {}
        if isinstance(value, BaseModel):
            return self.model(value, where)
        return value, {}

    def entries(self, entries: list[Any], where: str, most: int) -> tuple[list[Any], Cited]:
        """Return the entries of a list that stand, and what their claims cite.

        ``most``: how many claims its field declares, where that is more than the check allows of any list.
        """
        if not _all(entries, BaseModel):
            return entries, {}
        kept, cited = [], Cited()
        allowed = len(entries) if self.support.most is None else max(self.support.most, most)
        for index, entry in enumerate(entries):
            if isinstance(entry, Claim) and index >= allowed:
                reason = f"it is number {index + 1}, and a list holds {allowed} claims at most"
                self.drop(f"{where}[{index}]", "too_many", reason, entry)
                continue
            standing, ids = self.entry(entry, f"{where}[{index}]")
            if standing is not None:
                kept.append(standing)
                cited |= ids
        return kept, cited

    def model(self, model: Output, where: str) -> tuple[Output, Cited]:
        """Return a model with only what stands in its fields, and what its claims cite."""
        cited: Cited = {}
        update: dict[str, Any] = {}
        for name, info in type(model).model_fields.items():
            place = f"{where}.{name}" if where else name
            update[name], ids = self.value(getattr(model, name), place, declared_most(info) or 0)
            cited |= ids
        return model.model_copy(update=update), cited

    def entry(self, entry: BaseModel, where: str) -> tuple[BaseModel | None, Cited]:
        """Return an entry of a list as it may stand, ``None`` where it may not, and what its claims cite."""
        if isinstance(entry, Claim):
            return self.claim(entry, where)
        if isinstance(entry, Pointer):
            return self.pointer(entry, where), {}
        kept, cited = self.model(entry, where)
        if not cited:
            self.drop(where, "unsupported", "none of its claims is supported", entry)
            return None, cited
        validated = kept.validate_against(cited) if isinstance(kept, Item) else kept
        if isinstance(validated, str):
            self.drop(where, "unsupported", validated, entry)
            return None, {}
        return validated, cited

    def pointer(self, pointer: Pointer, where: str) -> Pointer | None:
        passage = self.passage_of(pointer.passage_id)
        if passage is None:
            self.drop_foreign_id(pointer.passage_id, where, pointer)
            return None
        # A title is shown without a citation: one that leads somewhere gives way to the id.
        title = passage.id if links(passage.title) else passage.title or passage.id
        return pointer.model_copy(update={"passage_id": passage.id, "title": title})
