"""Astrology readings: a card or transit read for the asker's question, for sagedaily.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import dspy
from pydantic import Field, computed_field

from .evidence import Claim, Evidence, Item
from .promises import promise


class Reading(Item):
    """A reading that leans on the canon."""

    subject: str = Field(default="", description="the card, planet or transit that is read")
    sentences: list[Claim] = Field(
        description="the reading, one claim a sentence, speaking to the asker's question; empty if the canon lacks it"
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A reading is about a subject of the passages that it cites: the one it names, or else the first cited's."""
        named = [passage.about.get("subject") or passage.title for passage in cited.values()]
        known = [name for name in named if name.casefold() == self.subject.strip().casefold()]
        return self.model_copy(update={"subject": (known or named)[0]})

    @classmethod
    def may_refuse_whole(cls) -> bool:
        """It has a subject whatever it cites."""
        return False

    def forbidden(self, claim: str) -> str | None:
        """A reading promises no outcome in health, law or money."""
        kind = promise(claim)
        return f"it makes a {kind} promise" if kind else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def reading(self) -> str:
        """The sentences as prose."""
        return " ".join(sentence.text for sentence in self.sentences)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def notice(self) -> str:
        """What a reading is not."""
        return "What tradition says of the cards and planets. No medical, legal or financial advice."


class AstrologyReading(dspy.Signature):
    """Read the card or transit that was drawn, speaking to what the asker wants to know.
    Mind the spread position and whether a card is reversed. Say what tradition says; promise nothing medical, legal
    or financial."""

    drawn: str = dspy.InputField(
        desc="the cards, each with its spread position, or the transit; empty when the question names them"
    )
    question: str = dspy.InputField(desc="what the asker wants to know")
    passages: list[Evidence] = dspy.InputField(desc="passages of the canon, the only sources you may use")
    reading: Reading = dspy.OutputField(desc="the reading with its citations")
