"""The messages of a chat as a question and the turns before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ....signatures.conversation import Turn
from ..problems import Problem
from .footnotes import without_footnotes

RULES_ARE_FIXED = "system messages were not read: the rules of a program are its own"
NO_HISTORY = "earlier messages were not read: {} takes no history"
GREETING = "an assistant's message before any question was not read"

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class ChatMessage(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(extra="allow")

    role: Role
    content: str | list[dict[str, Any]] | None = Field(
        default=None, description="Text, or parts of type `text`.", examples=["What is Sage Daily?"]
    )


@dataclass
class Conversation:
    """What a chat asks."""

    question: str
    history: list[Turn]
    notes: list[str] = field(default_factory=list)
    """What of it is not read."""


def read_conversation(messages: Sequence[ChatMessage], program: str, *, takes_history: bool) -> Conversation:
    """Return the last message as the question, and those before it as turns, oldest first.

    Raises:
        Problem: the last message is not a user's; or one holds what is no text, or is a tool's.
    """
    if messages[-1].role != "user":
        raise _refused(
            len(messages) - 1, f"the last message is of role {messages[-1].role!r}: end with a user's"
        )
    turns: list[Turn] = []
    notes: list[str] = []
    for place, message in enumerate(messages):
        if message.role in ("tool", "function"):
            raise _refused(place, "programs use no tools: leave out messages of role 'tool'")
        text = _text(place, message)
        if message.role in ("system", "developer"):
            notes.append(RULES_ARE_FIXED)
        elif message.role == "user":
            turns.append(Turn(question=text))
        elif not turns:
            notes.append(GREETING)
        else:
            answered = " ".join(filter(None, [turns[-1].answer, without_footnotes(text)]))
            turns[-1] = Turn(question=turns[-1].question, answer=answered)
    *history, last = turns
    if history and not takes_history:
        history = []
        notes.append(NO_HISTORY.format(program))
    return Conversation(last.question, history, list(dict.fromkeys(notes)))


def _text(place: int, message: ChatMessage) -> str:
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    texts: list[str] = []
    for part in content:
        text = part.get("text", part.get("refusal"))
        if part.get("type") not in ("text", "refusal") or not isinstance(text, str):
            raise _refused(place, f"a part of type {str(part.get('type'))[:40]!r} is no text: send text only")
        texts.append(text)
    return "\n".join(texts)


def _refused(place: int, why: str) -> Problem:
    return Problem(400, "unsupported_message", f"messages.{place}: {why}", param="messages")
