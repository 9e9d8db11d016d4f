"""Conversations: their turns, and making a follow-up question self-contained before anything is searched."""

from __future__ import annotations

import dspy
from pydantic import BaseModel, Field


class Turn(BaseModel):
    """One earlier exchange of a conversation; programs take a list of them, oldest first.

    Example:
        >>> before = quincunx.Turn(question="What is Sage Daily?", answer="A site with tarot readings.")
        >>> answer = quincunx.load("chat_bridge")(question="Who runs it?", history=[before])
        >>> answer.searched
        ['What is Sage Daily? Who runs it?']
    """

    question: str = Field(description="what was asked")
    answer: str = Field(default="", description="what was answered; empty if nothing was")


class Rephrase(dspy.Signature):
    """Rewrite the last question so that it can be understood without the conversation before it.
    Replace words such as "it", "that one" or "the second" by what they stand for. Keep the language and
    the meaning; answer nothing, add nothing. A question that stands alone already is returned as it is."""

    history: list[Turn] = dspy.InputField(desc="the conversation so far, oldest first")
    question: str = dspy.InputField(desc="the last question")
    standalone: str = dspy.OutputField(desc="the last question, self-contained, on one line")
