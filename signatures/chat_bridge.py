"""Chat-bridge answers: prose about tools and products, for the chat bridge of builddaily.io."""

from __future__ import annotations

import dspy
from pydantic import Field, computed_field

from .conversation import Turn
from .evidence import Claim, Evidence, Item, Pointer


class ChatReply(Item):
    """An answer in prose, sentence by sentence, and what to ask back where a name fits several things."""

    sentences: list[Claim] = Field(
        description="the answer, one claim a sentence; empty if the passages lack it"
    )
    between: list[Pointer] = Field(
        default_factory=list,
        description="only when the question's name fits several products: the passages it may mean; else empty",
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answer(self) -> str:
        """The sentences as prose."""
        return " ".join(sentence.text for sentence in self.sentences)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def follow_up(self) -> str:
        """The question to ask back, made of the pages' own titles; empty when nothing is ambiguous."""
        titles = list(dict.fromkeys(pointer.title for pointer in self.between))
        return f"Do you mean {', '.join(titles[:-1])} or {titles[-1]}?" if len(titles) > 1 else ""


class ChatBridge(dspy.Signature):
    """Answer the visitor's question about tools and products in a few plain sentences.
    Mind names that look alike: answer about the one that was asked for. When you cannot tell which one is meant,
    list the passages it may mean under `between`."""

    history: list[Turn] = dspy.InputField(desc="the conversation so far, oldest first; often empty")
    question: str = dspy.InputField(desc="what the visitor asks")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    reply: ChatReply = dspy.OutputField(desc="the answer with its citations")
