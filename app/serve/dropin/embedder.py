"""The embedder that is served."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....retrieval.errors import BoundError
from ....retrieval.models.embedders import Embedder, Vectors, matryoshka_cut
from ....retrieval.models.profiles import shared_embedder
from ..problems import Problem
from .names import ModelNames
from .pace import Pace, characters, measure_pace
from .reranker import CHARACTERS_PER_TOKEN

InputType = Literal["query", "document"]
"""Whether texts are to search with or to be found: some models put another prefix before each."""


@dataclass(frozen=True)
class Embedded:
    """Vectors of texts, in the order in which they were sent."""

    vectors: Vectors
    tokens: int
    """Of all texts with their prefixes, without those that mark their ends."""


@dataclass(frozen=True)
class ServedEmbedder:
    """A profile's embedder, loaded and warmed."""

    embedder: Embedder
    names: ModelNames
    pace: Pace

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dims that its vectors may have, the largest first."""
        return (self.embedder.identity.dims, *getattr(self.embedder, "shorter", ()))

    def require_dims(self, dims: int | None) -> int:
        """Return the dims that were asked for, or else its own; raises a `Problem` for any that it has not."""
        if dims is None:
            return self.sizes[0]
        if dims not in self.sizes:
            raise Problem(
                400,
                "unsupported_dimensions",
                f"{self.names.name} has vectors of {', '.join(map(str, self.sizes))} dimensions (got {dims})",
                param="dimensions",
            )
        return dims

    async def embed(self, texts: Sequence[str], kind: InputType, dims: int) -> Embedded:
        """Embed texts in slices that each take a turn of the model; cancelled, it ends between two.

        Raises:
            Problem: a text is longer than the model reads.
        """
        vectors = np.empty((len(texts), dims), dtype=np.float32)
        tokens = 0
        for places in self.pace.slices(_sizes(self.embedder, texts)):
            vectors[places], more = await asyncio.to_thread(self._embed, texts, places, kind, dims)
            tokens += more
        return Embedded(vectors, tokens)

    def _embed(
        self, texts: Sequence[str], places: list[int], kind: InputType, dims: int
    ) -> tuple[Vectors, int]:
        some = [texts[place] for place in places]
        identity = self.embedder.identity
        prefix = identity.question_prefix if kind == "query" else identity.passage_prefix
        counts = [len(self.embedder.offsets(prefix + text)) for text in some]
        embed = self.embedder.embed_questions if kind == "query" else self.embedder.embed_passages
        try:
            vectors = embed(some)
        except BoundError as error:
            longest = max(range(len(some)), key=lambda i: counts[i])
            raise Problem(
                400,
                "context_length_exceeded",
                f"This model's maximum context length is {identity.max_tokens} tokens, and input {places[longest]} has "
                f"{counts[longest]} and those that mark its ends: send shorter texts",
                param="input",
            ) from error
        return (vectors if dims == identity.dims else matryoshka_cut(vectors, dims)), sum(counts)


def load_served_embedder(profile: str, others: tuple[str, ...]) -> ServedEmbedder:
    """Load a profile's embedder and measure how fast it reads.

    ``others`` are names under which it may be asked for beside its own.
    """
    embedder = shared_embedder(profile)
    pace = measure_pace(lambda texts: embedder.embed_passages(texts), lambda texts: _sizes(embedder, texts))
    return ServedEmbedder(embedder, ModelNames("embedder", embedder.identity.model, others), pace)


def _sizes(embedder: Embedder, texts: Sequence[str]) -> list[int]:
    """Return how much each text is to read, in characters: one takes no longer than the longest that the model reads whole."""
    return characters(texts, CHARACTERS_PER_TOKEN * embedder.identity.max_tokens)
