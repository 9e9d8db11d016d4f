"""Language models on an Ollama server, as DSPy's engine contract wants them: sync and async.

    lm = quincunx.lm("ollama/llama3.2", host="http://localhost:11434", temperature=0.2)

Both engines run the same code of `OllamaChat`. The sync one runs it on an event loop in a thread of its
own, so that it too can end a call in time whatever the server does, and close the connection with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import dspy
from dspy.lm15 import Request, Response

from ...retrieval.errors import UsageError
from .background_loop import wait_for
from .ollama_chat import TIMEOUT_S, OllamaChat
from .ollama_messages import SUPPORTED_PARAMS, CountTokens


def ollama_lm(
    model: str,
    *,
    host: str | None = None,
    timeout_s: float = TIMEOUT_S,
    num_ctx: int | None = None,
    keep_alive: float | str | None = None,
    retries: int = 3,
    backoff_s: float = 0.5,
    count_tokens: CountTokens | None = None,
    cache: bool = False,
    **settings: Any,
) -> dspy.LM:
    """Return a `dspy.LM` for ``ollama/<model>``; see `OllamaChat` for what the settings mean.

    ``host`` is by default OLLAMA_HOST, else http://localhost:11434. DSPy's cache does not know the host, so
    that two servers would answer for each other; nor does it see a model change by `ollama pull`. It stays
    off, for single calls too.
    """
    if cache:
        raise UsageError(
            "cache=True is not for ollama/ models: DSPy's cache does not know which server answered. Leave it out"
        )
    if "num_retries" in settings:
        raise UsageError(
            f"num_retries={settings['num_retries']!r} would try again what the engine tried again already: "
            "set retries"
        )
    chat = OllamaChat(
        host=host,
        timeout_s=timeout_s,
        num_ctx=num_ctx,
        keep_alive=keep_alive,
        retries=retries,
        backoff_s=backoff_s,
        count_tokens=count_tokens,
    )
    made = dspy.LM(
        model,
        engine=OllamaEngine(chat),
        async_engine=AsyncOllamaEngine(chat),
        num_retries=0,
        cache=False,
        **settings,
    )
    made._cache_responses = (
        False  # what DSPy's DummyLM sets: cache=True of a single call has no effect either
    )
    return made


class _Engine:
    """What both engines tell DSPy of themselves."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = SUPPORTED_PARAMS

    def __init__(self, chat: OllamaChat | None = None, **settings: Any) -> None:
        """Ask as ``chat`` does, or as one made from settings."""
        self.chat = chat or OllamaChat(**settings)

    def dump_state(self) -> dict[str, Any]:
        """Return the settings without the host: where to ask is for the app to say, not for a file."""
        return self.chat.settings()

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> Self:
        """Return an engine that asks the server at OLLAMA_HOST, else at the default address."""
        known = OllamaChat().settings().keys()
        return cls(OllamaChat(**{name: state[name] for name in known if name in state}))


class OllamaEngine(_Engine):
    """Answers from an Ollama server. Safe to share across threads."""

    def complete(self, request: Request) -> Response:
        return wait_for(self.chat.complete(request))

    def stream(self, request: Request) -> Iterator[Any]:
        """Yield the events of one answer; closing the generator ends the work on the server."""
        events = self.chat.stream(request)

        async def following() -> Any:
            return await anext(events, None)

        async def close() -> None:
            await events.aclose()

        try:
            while (event := wait_for(following())) is not None:
                yield event
        finally:
            wait_for(close())

    def close(self) -> None:
        """No connection outlives its call."""


class AsyncOllamaEngine(_Engine):
    """Answers from an Ollama server without holding up the event loop, and without threads."""

    async def complete(self, request: Request) -> Response:
        return await self.chat.complete(request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        """Yield the events of one answer; closing the generator ends the work on the server."""
        events = self.chat.stream(request)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def aclose(self) -> None:
        """No connection outlives its call."""
