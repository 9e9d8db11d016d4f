"""The extractive engine on DSPy's engine contract, sync and async, and what it is asked: typed inputs, as JSON."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import dspy
from dspy.lm15 import (
    InvalidRequestError,
    Message,
    Request,
    Response,
    TextPart,
    Usage,
    response_to_events,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ....retrieval.models import weights
from ....retrieval.models.embedders import Embedder
from ....retrieval.models.profiles import shared_embedder
from ....signatures.conversation import Turn
from ....signatures.evidence import Evidence
from ...registry import program_spec
from ...sentences import score_sentences
from .declining import decide
from .filling import fill_output
from .rewording import queries, standalone

MODEL = "extractive/all-MiniLM-L6-v2"


class UnreadableInputsError(ValueError):
    """The message is not one that `TypedInputsAdapter` makes."""


class TypedInputs(BaseModel):
    """One question to the engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: str
    output: str
    """The output field that is asked for."""
    question: str
    details: dict[str, str] = {}
    """The other inputs that are text, by name in the order of the signature."""
    passages: list[Evidence] = []
    history: list[Turn] = []
    most: int = 1
    """How many queries a question is to be split into at most."""

    @property
    def whole_question(self) -> str:
        """The question with its details, such as the cards that were drawn."""
        return " ".join([self.question, *self.details.values()]).strip()


def read_typed_inputs(message: str) -> TypedInputs:
    """Return what a message asks; raises `UnreadableInputsError`."""
    try:
        return TypedInputs.model_validate_json(message)
    except ValidationError as error:
        raise UnreadableInputsError(str(error.errors(include_url=False)[0]["msg"])) from error


class TypedInputsAdapter(dspy.Adapter):
    """Hands a program's inputs to the extractive engine as JSON, and reads its JSON reply."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(
        self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {
            "program": self._program,
            "output": next(iter(signature.output_fields)),
            "question": inputs["question"].strip(),
            "details": {
                name: inputs[name].strip()
                for name in signature.input_fields
                if name != "question" and isinstance(inputs.get(name), str)
            },
            **{name: inputs[name] for name in ("passages", "history", "most") if name in inputs},
        }
        return [{"role": "user", "content": json.dumps(to_jsonable_python(asked), ensure_ascii=False)}]

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        said = json.loads(completion)
        return {
            name: TypeAdapter(info.annotation).validate_python(said[name])
            for name, info in signature.output_fields.items()
        }


class ExtractiveEngine:
    """Quotes the sentences of the given passages that bear on the question; declines when none does.

    It is asked by the programs themselves, with their inputs as they are (see `TypedInputs`): no prompt is read. Needs
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
    if asked.output == "standalone":
        return standalone(asked.question, asked.history)
    if asked.output == "queries":
        return queries(asked.question, asked.most)
    spec = program_spec(asked.program)
    scored = score_sentences(asked.whole_question, asked.passages, _embedder())
    passages = decide(asked.whole_question, scored, _embedder())
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
