"""One call of Ollama's ``/api/chat``, from the request to the last event, with nothing cut in silence.

The reply is always streamed from the server, also where the caller wants it whole: only so does a client
that leaves, or a deadline that passes, end the work on the server at once.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Self

from dspy import lm15

from ...retrieval.environment import ollama_host
from ...retrieval.errors import (
    BoundError,
    ModelOutputError,
    OllamaBusyError,
    OllamaCutOffError,
    OllamaError,
    OllamaModelMissingError,
    OllamaTimeoutError,
    OllamaUnreachableError,
    PromptTooLongError,
    QuincunxError,
)
from ...retrieval.models.addresses import one_line, without_secrets
from ...retrieval.models.ollama.client import (
    RequestInfo,
    RetryPolicy,
    client_errors,
    typed_error,
)
from ...retrieval.models.ollama.embedder import CONNECT_S
from .ollama_messages import (
    MESSAGE_TOKENS,
    PROMPT_TOKENS,
    ChatRequest,
    CountTokens,
    ModelFacts,
    Window,
    read_request,
    utf8_bytes,
    window,
)
from .outgoing import trace_headers

TIMEOUT_S = 300.0
SHOW_S = 30.0
"""Longest wait for what the server knows of a model, which it need not load for that."""

# The first that fits: subclasses before their parents.
_LM15: tuple[tuple[type[QuincunxError], type[lm15.LM15Error]], ...] = (
    (PromptTooLongError, lm15.ContextLengthError),
    (OllamaBusyError, lm15.ServerError),
    (OllamaModelMissingError, lm15.UnsupportedModelError),
    (OllamaTimeoutError, lm15.TimeoutError),
    (OllamaUnreachableError, lm15.TransportError),
    (BoundError, lm15.InvalidRequestError),
)


class OllamaChat:
    """Asks one Ollama server. Holds no connection between calls, so any thread and event loop may share it.

    A call ends within `deadline_s`: tries of ``timeout_s`` each, from the request to the last token,
    ``retries`` more of them after a full queue (503), a dead runner or a lost or refused connection, with
    pauses of ``backoff_s``, twice that, and so on. Once a piece of a stream was handed on, nothing is tried
    again.

    ``num_ctx`` is the window to ask for always; by default each call asks for the smallest of 4096, 8192, …
    that surely holds its prompt and its answer. ``keep_alive`` is how long the model stays loaded: seconds,
    or like "5m". ``count_tokens`` counts as the model's own tokenizer does; by default each byte counts as
    a token, the most that there can be.
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        timeout_s: float = TIMEOUT_S,
        num_ctx: int | None = None,
        keep_alive: float | str | None = None,
        retries: int = 3,
        backoff_s: float = 0.5,
        count_tokens: CountTokens | None = None,
    ) -> None:
        if num_ctx is not None and num_ctx < 1:
            raise BoundError(f"num_ctx must be at least 1 (got {num_ctx})")
        self._address = host or ollama_host()
        self.host = without_secrets(self._address)
        self.patience = RetryPolicy(timeout_s, retries, backoff_s)
        self.show_patience = RetryPolicy(min(timeout_s, SHOW_S), retries, backoff_s)
        self.num_ctx, self.keep_alive, self.count_tokens = num_ctx, keep_alive, count_tokens
        self._facts: dict[str, ModelFacts] = {}
        self._client()  # an address that is none is refused here

    @property
    def deadline_s(self) -> float:
        """Seconds within which a call has ended."""
        return self.patience.deadline_s + self.show_patience.deadline_s

    def __deepcopy__(self, memo: object) -> Self:
        """Copies of a program share it."""
        return self

    def settings(self) -> dict[str, Any]:
        """Return what may be saved: all but the host, which may hold a password, and ``count_tokens``."""
        return {
            "timeout_s": self.patience.timeout_s,
            "num_ctx": self.num_ctx,
            "keep_alive": self.keep_alive,
            "retries": self.patience.retries,
            "backoff_s": self.patience.backoff_s,
        }

    async def complete(self, request: lm15.Request) -> lm15.Response:
        with lm15_errors():
            ask = read_request(request)
            async with self._client() as client:
                window = await self._window(client, ask)

                async def send() -> lm15.Response:
                    async with aclosing(self._events(client, ask, window)) as events:
                        return await _whole(events, ask.model)

                return await self.patience.ask_async(send, self.host, ask.model)

    async def stream(self, request: lm15.Request) -> AsyncGenerator[Any, None]:
        """Yield a start event, deltas as they come, and an end event once the server said that it is done."""
        with lm15_errors():
            ask = read_request(request)
            async with self._client() as client:
                window = await self._window(client, ask)
                end = 0.0

                async def open_() -> tuple[Any, Any]:
                    nonlocal end
                    end = asyncio.get_running_loop().time() + self.patience.timeout_s
                    events = self._events(client, ask, window)
                    return await anext(events), events

                first, events = await self.patience.ask_async(open_, self.host, ask.model)
                async with aclosing(events):
                    yield first
                    while (event := await self._next(events, end, ask.model)) is not None:
                        yield event

    async def _next(self, events: Any, end: float, model: str) -> Any:
        try:
            async with asyncio.timeout_at(end):
                return await anext(events, None)
        except client_errors() as error:
            raise typed_error(error, RequestInfo(self.host, model, self.patience.timeout_s)) from error

    def _client(self) -> Any:
        import httpx
        import ollama

        seconds = self.patience.timeout_s
        try:
            return ollama.AsyncClient(
                self._address,
                headers=trace_headers(),
                timeout=httpx.Timeout(seconds, connect=min(CONNECT_S, seconds / 2)),
                verify=_certificates(),
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise typed_error(httpx.InvalidURL(str(error)), RequestInfo(self.host, "", seconds)) from error

    async def _window(self, client: Any, ask: ChatRequest) -> Window:
        facts = self._facts.get(ask.model)
        if facts is None:

            async def show() -> ModelFacts:
                # The client's own show() drops the model's system prompt and messages.
                reply = await client._request_raw("POST", "/api/show", json={"model": ask.model})
                return self._read_facts(reply.json(), ask.model)

            facts = await self.show_patience.ask_async(show, self.host, ask.model)
            self._facts[ask.model] = facts
        return window(ask, facts, self.num_ctx, self.count_tokens)

    def _read_facts(self, shown: Any, model: str) -> ModelFacts:
        info = shown.get("model_info") or {}
        context = info.get(f"{info.get('general.architecture')}.context_length", self.num_ctx)
        if not isinstance(context, int) or context < 1:
            raise OllamaError(
                f"Ollama at {self.host} gives no context length for {model!r} (got {one_line(context, 80)}): set num_ctx, "
                f"or fetch the model anew with `ollama pull {model}`"
            )
        own = shown.get("messages") or []
        texts = [shown.get("template"), shown.get("system"), *(message.get("content") for message in own)]
        added = sum(utf8_bytes(text) for text in texts if text)
        return ModelFacts(context, PROMPT_TOKENS + added + MESSAGE_TOKENS * (len(own) + 1))

    async def _events(self, client: Any, ask: ChatRequest, window: Window) -> AsyncGenerator[Any, None]:
        import ollama

        body = {
            "model": ask.model,
            "messages": ask.messages,
            "stream": True,
            "format": ask.format,
            "think": ask.think,
            "keep_alive": self.keep_alive,
            "options": ask.options | {"num_ctx": window.num_ctx, "num_predict": window.num_predict},
            # The client's own chat() cannot say these: cut nothing in silence, where a version knows how.
            "truncate": False,
            "shift": False,
        }
        body = {name: value for name, value in body.items() if value is not None}
        reply = _Reply(self.host, ask.model, window)
        chunks = await client._request(ollama.ChatResponse, "POST", "/api/chat", json=body, stream=True)
        async with aclosing(chunks):
            started = False
            try:
                async for chunk in chunks:
                    if not started:
                        started = True
                        yield lm15.StreamStartEvent(model=ask.model)
                    for delta in reply.take(chunk):
                        yield lm15.StreamDeltaEvent(delta=delta)
            except ollama.ResponseError as error:
                typed = typed_error(error, RequestInfo(self.host, ask.model, self.patience.timeout_s))
                if isinstance(typed, BoundError):
                    raise reply.too_long("refused the prompt") from error
                raise
        yield reply.end()


class _Reply:
    """What has come of one reply."""

    def __init__(self, host: str, model: str, window: Window) -> None:
        self.host, self.model, self.window = host, model, window
        self._part, self._kind = -1, ""
        self._said_something = False
        self._last: Any = None

    def take(self, chunk: Any) -> Iterator[Any]:
        """Yield the deltas of one line; a change between thinking and text begins a new part."""
        if chunk.done:
            self._last = chunk
        for kind, make in (("thinking", lm15.ThinkingDelta), ("content", lm15.TextDelta)):
            text = getattr(chunk.message, kind)
            if text:
                self._part += kind != self._kind
                self._kind = kind
                self._said_something |= kind == "content" and not text.isspace()
                yield make(text, part_index=self._part)

    def end(self) -> lm15.StreamEndEvent:
        """Return the end event of a reply that is whole; raise for one that is not."""
        last, window = self._last, self.window
        if last is None:
            raise OllamaCutOffError(
                f"the answer of {self.model!r} at {self.host} ended without being said to be done: ask again, and "
                "look into the log of `ollama serve`"
            )
        read, written = last.prompt_eval_count, last.eval_count
        if read and (read < window.least or read + (written or 0) > window.num_ctx):
            raise self.too_long(f"cut the prompt to {read} tokens")
        if last.done_reason == "length":
            raise OllamaCutOffError(
                f"the answer of {self.model!r} was cut off after {written or 0} tokens, at its limit (num_predict "
                f"{window.num_predict}, num_ctx {window.num_ctx}): set max_tokens above {window.num_predict}"
            )
        if not self._said_something:
            raise ModelOutputError(
                f"{self.model!r} at {self.host} gave an empty answer: ask again, or take another model"
            )
        return lm15.StreamEndEvent(
            finish_reason="stop", usage=lm15.Usage(input_tokens=read, output_tokens=written)
        )

    def too_long(self, what: str) -> PromptTooLongError:
        return PromptTooLongError(
            f"Ollama at {self.host} {what}, which has from {self.window.least} to {self.window.most} tokens by our "
            f"bounds, within num_ctx {self.window.num_ctx}: shorten it, or take a model with a longer context"
        )


async def _whole(events: AsyncIterator[Any], model: str) -> lm15.Response:
    parts: list[tuple[type[Any], list[str]]] = []
    usage = lm15.Usage()
    async for event in events:
        if event.type == "delta":
            if event.delta.part_index == len(parts):
                thinks = isinstance(event.delta, lm15.ThinkingDelta)
                parts.append((lm15.ThinkingPart if thinks else lm15.TextPart, []))
            parts[event.delta.part_index][1].append(event.delta.text)
        elif event.type == "end":
            usage = event.usage
    message = lm15.Message.assistant([kind("".join(texts)) for kind, texts in parts])
    return lm15.Response(id=None, model=model, message=message, finish_reason="stop", usage=usage)


@contextmanager
def lm15_errors() -> Iterator[None]:
    """Raise each typed error as the cause of the error by which DSPy knows its kind."""
    try:
        yield
    except QuincunxError as error:
        kind = next((kind for typed, kind in _LM15 if isinstance(error, typed)), lm15.ProviderError)
        raise kind(str(error), provider="ollama") from error


@functools.cache
def _certificates() -> Any:
    """Return the certificates to trust: reading them takes longer than a client may hold up its loop."""
    import httpx

    return httpx.create_ssl_context()
