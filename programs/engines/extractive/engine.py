"""The extractive engine on DSPy's engine contract, sync and async."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from dspy.lm15 import (
    InvalidRequestError,
    Message,
    Request,
    Response,
    TextPart,
    Usage,
    response_to_events,
)

from ....retrieval.models import weights
from ....retrieval.models.profiles import shared_embedder
from .filling import FILLERS
from .prompt import Ask, UnreadablePromptError, read_prompt
from .rewording import queries, standalone
from .selection import score_sentences

MODEL = "extractive/all-MiniLM-L6-v2"
REWORDERS: Mapping[str, Callable[[Ask], Any]] = {"standalone": standalone, "queries": queries}
"""By the name of the signature's output field."""


class ExtractiveEngine:
    """Quotes the sentences of the given passages that bear on the question; declines when none does.

    Needs the weights of the ``embedded`` extra, to compare sentences with the question, and nothing else.
    """

    def __init__(self) -> None:
        weights.minilm_folder()

    def complete(self, request: Request) -> Response:
        """Answer the prompt of one of the five programs; any other is an ``InvalidRequestError``."""
        try:
            ask = read_prompt(
                next((m.text or "" for m in reversed(request.messages) if m.role == "user"), "")
            )
            output = self._output(ask)
        except UnreadablePromptError as error:
            raise InvalidRequestError(
                f"the extractive engine answers only the prompts of quincunx's programs, and not this one: {error}. "
                "Set another language model, e.g. quincunx.lm('openai/gpt-4o-mini')"
            ) from error
        if ask.as_json:
            text = json.dumps({ask.output_field: output}, ensure_ascii=False)
        else:
            body = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
            text = f"[[ ## {ask.output_field} ## ]]\n{body}\n\n[[ ## completed ## ]]"
        return Response(
            id=None,
            model=MODEL,
            message=Message.assistant([TextPart(text)]),
            finish_reason="stop",
            usage=Usage(),
        )

    @staticmethod
    def _output(ask: Ask) -> Any:
        if ask.output_field in REWORDERS:
            return REWORDERS[ask.output_field](ask)
        if ask.output_field not in FILLERS:
            known = ", ".join(sorted([*FILLERS, *REWORDERS]))
            raise UnreadablePromptError(f"it asks for {ask.output_field!r}; known: {known}")
        passages = score_sentences(ask.whole_question, ask.passages, shared_embedder("embedded"))
        return FILLERS[ask.output_field](passages, ask.whole_question).model_dump(
            mode="json", round_trip=True
        )

    def stream(self, request: Request) -> Iterator[Any]:
        """Yield the whole answer as one stream."""
        yield from response_to_events(self.complete(request))

    def close(self) -> None:
        """Nothing is held open."""

    def dump_state(self) -> dict[str, Any]:
        """There is nothing to set, so nothing to save."""
        return {}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> ExtractiveEngine:
        return cls()


class AsyncExtractiveEngine:
    """The same, awaited."""

    def __init__(self, engine: ExtractiveEngine | None = None) -> None:
        self._engine = engine or ExtractiveEngine()

    async def complete(self, request: Request) -> Response:
        return await asyncio.to_thread(self._engine.complete, request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        for event in response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """Nothing is held open."""

    def dump_state(self) -> dict[str, Any]:
        return {}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> AsyncExtractiveEngine:
        return cls()
