"""Astrology readings: a card or transit read for the asker's question, for sagedaily.io."""

from __future__ import annotations

import dspy
from pydantic import BaseModel, Field, computed_field

from .evidence import RULES, Claim, Evidence


class Reading(BaseModel):
    """A reading that leans on the canon."""

    subject: str = Field(description="the card, planet or transit that is read")
    sentences: list[Claim] = Field(
        description="the reading, one claim a sentence, speaking to the asker's question; empty if the canon lacks it"
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def reading(self) -> str:
        """The sentences as prose."""
        return " ".join(sentence.text for sentence in self.sentences)


class AstrologyReading(dspy.Signature):
    __doc__ = f"""Read the card or transit that the question names, speaking to what the asker wants to know.
Say what tradition says; promise nothing medical, legal or financial. {RULES}"""

    question: str = dspy.InputField(desc="the card or transit, and what the asker wants to know")
    passages: list[Evidence] = dspy.InputField(desc="passages of the canon, the only sources you may use")
    reading: Reading = dspy.OutputField(desc="the reading with its citations")
