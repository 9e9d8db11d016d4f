"""Chat-bridge answers: prose about tools and products, for the chat bridge of builddaily.io."""

from __future__ import annotations

import dspy
from pydantic import BaseModel, Field, computed_field

from .evidence import RULES, Claim, Evidence


class ChatReply(BaseModel):
    """An answer in prose, sentence by sentence."""

    sentences: list[Claim] = Field(
        description="the answer, one claim a sentence; empty if the passages lack it"
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answer(self) -> str:
        """The sentences as prose."""
        return " ".join(sentence.text for sentence in self.sentences)


class ChatBridge(dspy.Signature):
    __doc__ = f"""Answer the visitor's question about tools and products in a few plain sentences.
Mind names that look alike: answer about the one that was asked for. {RULES}"""

    question: str = dspy.InputField(desc="what the visitor asks")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    reply: ChatReply = dspy.OutputField(desc="the answer with its citations")
