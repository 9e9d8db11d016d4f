"""What the passages of an index are embedded in.

A new index of much text is embedded in the fastest number format that keeps the order of float32 here, a small one in
float32. Later changes of it are embedded as it was, on whatever machine: its identity says in what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import BoundError
from ..text.sentences import Span
from .cache import CachedEmbedder
from .embedders import (
    NOT_EMBEDDED_IN,
    Embedder,
    EmbedderIdentity,
    NetworkFacts,
    Progress,
    Vectors,
    no_progress,
)
from .precision.formats import Precision, PrecisionChoice
from .precision.probe_texts import QUESTIONS
from .rerankers import Scores

BULK_BYTES = 2_000_000
"""Of the documents, as JSON, from which on a new index is worth a probe: some 2,500 passages."""


@runtime_checkable
class FormatEmbedder(Embedder, Protocol):
    """An embedder that can embed passages in several number formats."""

    @property
    def wanted_precision(self) -> PrecisionChoice:
        """What its user asked for."""
        ...

    @property
    def network(self) -> NetworkFacts | None:
        """What the probe must know of it; ``None`` where it reads in float32 alone."""
        ...

    def embed_in(
        self, precision: Precision, texts: Sequence[str], progress: Progress = no_progress
    ) -> Vectors:
        """Embed texts to be found, in this format."""
        ...


def embedder_for_index(embedder: Embedder, made_by: EmbedderIdentity | None, size: int) -> Embedder:
    """Return the embedder in the format for an index: one made by ``made_by``, or a new one of so many bytes."""
    inner = embedder.inner if isinstance(embedder, CachedEmbedder) else embedder
    if not isinstance(inner, FormatEmbedder):
        return embedder
    precision = inner.wanted_precision
    if precision == "auto":
        if made_by is not None and replace(made_by, precision="fp32") == inner.identity:
            precision = made_by.precision
        else:
            precision = fastest_faithful_of(inner) if size >= BULK_BYTES else "fp32"
    return embedder if precision == "fp32" else embedding_in(inner, precision)


def embedding_in(embedder: Embedder, precision: Precision) -> Embedder:
    """Return an embedder that embeds passages in this format.

    Raises:
        BoundError: it embeds in float32 alone.
    """
    if precision == "fp32":
        return embedder
    if not isinstance(embedder, FormatEmbedder):
        raise BoundError(f"{embedder.identity.model} embeds in fp32 alone (asked for {precision})")
    return _InFormat(embedder, precision)


class _InFormat:
    """An embedder whose passages are embedded in one number format, as its identity says."""

    def __init__(self, embedder: FormatEmbedder, precision: Precision) -> None:
        self._embedder, self._precision = embedder, precision
        self.identity = replace(embedder.identity, precision=precision)

    def offsets(self, text: str) -> Sequence[Span]:
        return self._embedder.offsets(text)

    def unread(self, text: str) -> float:
        return self._embedder.unread(text)

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self._embedder.embed_in(self._precision, texts, progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_questions(texts)


def fastest_faithful_of(embedder: FormatEmbedder) -> Precision:
    """Return the fastest format that keeps the order of float32 here, as was measured now or before."""
    from .precision.choice import fastest_faithful
    from .precision.probe import ScorePairs, measure_formats
    from .precision.remembered import known_or_measured, probe_key

    network = embedder.network
    if network is None:
        return "fp32"
    questions = dict(zip(QUESTIONS, embedder.embed_questions(QUESTIONS), strict=True))

    @contextmanager
    def reading_in(precision: Precision) -> Iterator[ScorePairs]:
        def compare(pairs: Sequence[tuple[str, str]]) -> Scores:
            texts = [_shortened(text, embedder) for _, text in pairs]
            return np.asarray(embedder.embed_in(precision, texts) @ questions[pairs[0][0]])

        yield compare

    name = embedder.identity.model
    trials = known_or_measured(
        probe_key(network.weights, network.device, embedder.identity.max_tokens),
        lambda: measure_formats(network.device, network.width, reading_in, name, leaving=NOT_EMBEDDED_IN),
    )
    return fastest_faithful(trials)


def _shortened(text: str, embedder: Embedder) -> str:
    """Return as much of a text as the probe may take time for, whatever the tokenizer makes of a word."""
    from .precision.probe import PAIR_TOKENS

    spans = embedder.offsets(text)
    return text if len(spans) <= PAIR_TOKENS else text[: spans[PAIR_TOKENS - 1][1]]
