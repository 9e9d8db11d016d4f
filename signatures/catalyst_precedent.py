"""Catalyst precedents: past events that resemble one described now, for the archive of paiddaily.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import dspy
from pydantic import Field

from .evidence import Claim, Evidence, Item, SetByCheck, joined, names_cited, newest_date


class Precedent(Item):
    """One past event held against the one described."""

    passage_id: str = Field(description="id of the passage about the past event")
    event: Annotated[str, SetByCheck()] = Field(
        default="", description="the past event's name, as the passage's title has it"
    )
    date: Annotated[str, SetByCheck()] = Field(
        default="", description="its date, YYYY-MM-DD; empty if the passage gives none"
    )
    likeness: float = Field(
        ge=0, le=1, description="0: nothing in common; 1: the same event in the same market shape"
    )
    alike: list[Claim] = Field(description="what is alike, each with citations")
    differences: list[Claim] = Field(
        default_factory=list, description="where the past event differs, each with citations"
    )
    followed: list[Claim] = Field(
        default_factory=list, description="what the price did afterwards, each with citations"
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A precedent is alike in something, leans on the passage it is about, and has its title and date."""
        fault = names_cited(self.passage_id, cited)
        if fault:
            return fault
        if not self.alike:
            return f"nothing that is alike in passage {self.passage_id!r} is supported"
        passage = cited[self.passage_id]
        return self.model_copy(
            update={
                "event": passage.title or self.passage_id,
                "date": newest_date({self.passage_id: passage}),
            }
        )


class PrecedentList(Item):
    """Past events, the most alike first."""

    precedents: list[Precedent] = Field(
        description="most alike first; empty if nothing in the archive compares"
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """An event stands once: what is said of it again joins its first entry. Most alike first."""
        precedents = joined(self.precedents, "passage_id")
        return self.model_copy(update={"precedents": sorted(precedents, key=lambda entry: -entry.likeness)})


class CatalystPrecedents(dspy.Signature):
    """Find past events that resemble the event and market shape that the question describes.
    For each say how alike it is from 0 to 1, what is alike, where it differs and what followed."""

    question: str = dspy.InputField(desc="an event, and the market around it")
    market: str = dspy.InputField(desc="the market shape, where it is told apart from the event; often empty")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    findings: PrecedentList = dspy.OutputField(desc="the precedents, most alike first")
