"""Catalyst precedents: past events that resemble one described now, for the archive of paiddaily.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import dspy
from pydantic import BaseModel, Field

from .evidence import RULES, Claim, Evidence, Item, names_cited


class Precedent(Item):
    """One past event held against the one described."""

    passage_id: str = Field(description="id of the passage about the past event")
    event: str = Field(description="the past event, with its date where the passage gives one")
    likeness: float = Field(
        ge=0, le=1, description="0: nothing in common; 1: the same event in the same market shape"
    )
    alike: list[Claim] = Field(description="what is alike, each with citations")
    differences: list[Claim] = Field(description="where the past event differs, each with citations")

    def settled(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A precedent must lean on the passage it is about, and is called what that passage is called."""
        fault = names_cited(self.passage_id, cited)
        return fault or self.model_copy(update={"event": cited[self.passage_id].title or self.event})


class PrecedentList(BaseModel):
    """Past events, the most alike first."""

    precedents: list[Precedent] = Field(
        description="most alike first; empty if nothing in the archive compares"
    )


class CatalystPrecedents(dspy.Signature):
    __doc__ = f"""Find past events that resemble the event and market shape that the question describes.
For each say how alike it is from 0 to 1, what is alike and where it differs. {RULES}"""

    question: str = dspy.InputField(desc="an event and the market around it")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    findings: PrecedentList = dspy.OutputField(desc="the precedents, most alike first")
