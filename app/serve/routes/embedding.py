"""Embeddings as OpenAI offers them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from ....retrieval.models.embedders import Vectors
from ..connection import LargeJSON, while_connected
from ..dropin.embedder import Embedded, InputType, ServedEmbedder
from ..problems import Problem
from .admission import TAKES_TURN, ReadyService
from .texts import require_count, require_length

router = APIRouter(prefix="/v1", tags=["embeddings"])

EncodingFormat = Literal["float", "base64"]


class EmbeddingsBody(BaseModel):
    """A request as OpenAI's ``embeddings.create`` sends it."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="See /v1/models.", examples=["text-embedding-3-small"])
    input: str | list[str] | list[int] | list[list[int]] = Field(
        description="One text or several. Token ids are refused: they mean nothing to another tokenizer.",
        examples=[["What is Sage Daily?"]],
    )
    encoding_format: EncodingFormat = Field(
        default="float", description="`base64` of little-endian float32, as OpenAI's SDK asks for."
    )
    dimensions: int | None = Field(default=None, description="Where the model's vectors may be shortened.")
    input_type: InputType = Field(
        default="document", description="Whether the texts are to search with (`query`) or to be found."
    )
    user: str | None = Field(default=None, description="Taken and not used.")


class EmbeddingEntry(BaseModel):
    """One text's vector, of norm 1."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsList(BaseModel):
    """Vectors in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[EmbeddingEntry]
    model: str
    usage: EmbeddingsUsage


@router.post(
    "/embeddings",
    summary="Embed texts as OpenAI does.",
    dependencies=[TAKES_TURN],
    response_model=EmbeddingsList,
)
async def embed_as_openai(body: EmbeddingsBody, request: Request, service: ReadyService) -> LargeJSON:
    """A text that is longer than the model reads ends with an error; nothing is cut."""
    embedder, limits = service.embedder, service.settings.limits
    assert embedder is not None  # a service that is ready has loaded it
    embedder.names.require(body.model)
    dims = embedder.require_dims(body.dimensions)
    texts = _texts(body.input)
    require_count(limits.texts, "texts", len(texts))
    require_length(limits, **{f"input.{i}": text for i, text in enumerate(texts)})
    work = _response(embedder, texts, body, dims)
    return await while_connected(request, work, limits.seconds)


async def _response(embedder: ServedEmbedder, texts: list[str], body: EmbeddingsBody, dims: int) -> LargeJSON:
    embedded = await embedder.embed(texts, body.input_type, dims)
    return await asyncio.to_thread(_told, embedded, body.encoding_format, embedder.names.name)


def _told(embedded: Embedded, encoding: EncodingFormat, model: str) -> LargeJSON:
    vectors = _encoded(embedded.vectors, encoding)
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens}
    return LargeJSON({"object": "list", "data": data, "model": model, "usage": usage})


def _encoded(vectors: Vectors, encoding: EncodingFormat) -> list[Any]:
    if encoding == "float":
        values: list[Any] = vectors.tolist()
        return values
    return [base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii") for vector in vectors]


def _texts(given: str | list[str] | list[int] | list[list[int]]) -> list[str]:
    """Return the texts to embed; raises a `Problem` for what holds none."""
    texts = [given] if isinstance(given, str) else given
    if not texts:
        raise Problem(400, "empty_input", "input holds no text: send at least one", param="input")
    found: list[str] = []
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise Problem(
                400,
                "unsupported_input",
                "input holds token ids, which only the tokenizer that made them can read: send texts (in LangChain's "
                "OpenAIEmbeddings, check_embedding_ctx_length=False)",
                param="input",
            )
        if not text:
            raise Problem(400, "empty_input", f"input {place} is empty: leave it out", param="input")
        found.append(text)
    return found
