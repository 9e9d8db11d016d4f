"""Language models that answer by script, sync and async, and count what they are asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, TextPart, Usage, response_to_events

Reply = Callable[[str], str]


class Scripted:
    """Answers with what a function makes of the last message of the prompt."""

    def __init__(self, reply: Reply, usage: Usage | None = None, pause: float = 0.0) -> None:
        self.reply, self.usage, self.pause = reply, usage or Usage(), pause
        self.prompts: list[str] = []

    def complete(self, request: Request) -> Response:
        time.sleep(self.pause)
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        prompt = request.messages[-1].text or ""
        self.prompts.append(prompt)
        return Response(
            id=None,
            model="scripted",
            message=Message.assistant([TextPart(self.reply(prompt))]),
            finish_reason="stop",
            usage=self.usage,
        )


class AsyncScripted:
    """The same, awaited; it counts the calls that were cancelled."""

    def __init__(self, scripted: Scripted) -> None:
        self.scripted, self.cancelled = scripted, 0

    async def complete(self, request: Request) -> Response:
        try:
            await asyncio.sleep(self.scripted.pause)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.scripted.answer(request)

    async def stream(self, request: Request) -> Any:
        for event in response_to_events(await self.complete(request)):
            await asyncio.sleep(0)
            yield event


def scripted(reply: Reply, **settings: Any) -> tuple[dspy.LM, Scripted]:
    """Return a language model, and the engine that keeps its prompts."""
    engine = Scripted(reply, **settings)
    return dspy.LM("scripted/m", engine=engine, async_engine=AsyncScripted(engine), cache=False), engine


def in_markers(field: str, value: Any) -> str:
    """Write a reply as DSPy's chat adapter reads it."""
    body = value if isinstance(value, str) else json.dumps(value)
    return f"[[ ## {field} ## ]]\n{body}\n\n[[ ## completed ## ]]"


def asked_for(prompt: str) -> str:
    """Return the output field that a prompt asks for."""
    return prompt.rsplit("[[ ## ", 2)[1].split(" ")[0] if "[[ ## completed" in prompt else "json"


def field_of(prompt: str, name: str) -> str:
    """Return an input field as a prompt states it."""
    return prompt.split(f"[[ ## {name} ## ]]\n")[1].split("\n\n[[ ##")[0].split("\n\nRespond with")[0]


def record_of(program: Any, question: str) -> str:
    """Ask a program; here, so that another process can import it."""
    return json.dumps(program(question=question).record())
