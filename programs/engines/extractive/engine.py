"""The extractive engine on DSPy's engine contract, sync and async."""

from __future__ import annotations

import asyncio
import functools
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
from pydantic_core import to_jsonable_python

from ....retrieval.models import weights
from ....retrieval.models.embedders import Embedder
from ....retrieval.models.profiles import shared_embedder
from ...registry import program_spec
from ...sentences import score_sentences
from .filling import fill_output
from .rewording import queries, standalone
from .typed_inputs import TypedInputs, UnreadableInputsError, read_typed_inputs

MODEL = "extractive/all-MiniLM-L6-v2"
REWORDERS: Mapping[str, Callable[[TypedInputs], Any]] = {"standalone": standalone, "queries": queries}
"""By the name of the output field: what is asked before anything is searched."""


class ExtractiveEngine:
    """Quotes the sentences of the given passages that bear on the question; declines when none does.

    It is asked by the programs themselves, with their inputs as they are (see `typed_inputs`): no prompt is read. Needs
    the weights of the ``embedded`` extra, to compare sentences with the question, and nothing else.
    """

    def __init__(self) -> None:
        weights.minilm_folder()

    def complete(self, request: Request) -> Response:
        """Answer a program; whatever else is asked is an ``InvalidRequestError``."""
        try:
            asked = read_typed_inputs(request.messages[-1].text or "")
        except UnreadableInputsError as error:
            raise InvalidRequestError(
                "the extractive engine answers only programs that quincunx.load returns, and this was asked by another "
                f"({error}). Set another language model, e.g. quincunx.lm('openai/gpt-4o-mini')"
            ) from error
        said = {asked.output: to_jsonable_python(extract(asked), round_trip=True)}
        return Response(
            id=None,
            model=MODEL,
            message=Message.assistant([TextPart(json.dumps(said, ensure_ascii=False))]),
            finish_reason="stop",
            usage=Usage(),
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


def extract(asked: TypedInputs) -> Any:
    """Return the output that is asked for, made of the question's own words or of sentences of the passages."""
    if asked.output in REWORDERS:
        return REWORDERS[asked.output](asked)
    spec = program_spec(asked.program)
    passages = score_sentences(asked.whole_question, asked.passages, _embedder())
    if spec.fill is not None:
        return spec.fill(passages, asked.whole_question)
    return fill_output(spec.output_type, passages)


@functools.cache
def _embedder() -> Embedder:
    return shared_embedder("embedded")


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
