"""The bge rerankers: their pinned revisions, how they are loaded, and a known answer to test an installation by.

A cross-encoder of one's own, such as `quincunx tune reranker` makes, is loaded the same way, from its folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..errors import BoundError, UsageError
from . import weights
from .cross_encoder import CrossEncoderReranker
from .precision.formats import PrecisionChoice
from .rerankers import Reranker

BGE: dict[str, tuple[str, str, int]] = {
    "base": ("BAAI/bge-reranker-base", "2cfc18c9415c912f9d8155881c133215df768a70", 512),
    "large": ("BAAI/bge-reranker-large", "55611d7bca2a7133960a6d3b71e083071bbfc312", 512),
    "v2-m3": ("BAAI/bge-reranker-v2-m3", "953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e", 8192),
}
"""Size → hub id, pinned revision, most tokens of a pair."""

DEFAULT_MAX_TOKENS = 512


def load_bge(
    size: Literal["base", "large", "v2-m3"],
    folder: Path | None = None,
    max_tokens: int | None = None,
    precision: PrecisionChoice = "auto",
) -> CrossEncoderReranker:
    """Load a bge reranker from ``folder``, else at the pinned revision from the hub or its cache.

    Raises:
        BoundError: ``max_tokens`` is over 512, or over 8192 for v2-m3.
        MissingWeightsError: no weights in the folder, or the hub's cannot be reached.
        UsageError: no bge reranker of that size.
    """
    if size not in BGE:
        raise UsageError(f"no bge reranker of size {size!r}; known: {', '.join(BGE)}")
    model, revision, most = BGE[size]
    wanted = DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens
    if wanted > most:
        raise BoundError(f"max_tokens must be at most {most} for {model} (got {wanted})")
    found, pinned = weights.locate(model, revision=None if folder else revision, folder=folder)
    return CrossEncoderReranker(found, model=model, revision=pinned, max_tokens=wanted, precision=precision)


def load_cross_encoder(
    folder: Path, max_tokens: int = DEFAULT_MAX_TOKENS, precision: PrecisionChoice = "auto"
) -> CrossEncoderReranker:
    """Load a cross-encoder of one's own; its identity is a hash over the folder. Raises as `load_bge` does."""
    found, pinned = weights.locate(folder.name, folder=folder)
    return CrossEncoderReranker(
        found, model=folder.name, revision=pinned, max_tokens=max_tokens, precision=precision
    )


KNOWN_QUESTION = "What is the capital of France?"
KNOWN_PASSAGES = ("The capital of France is Paris.", "The capital of Germany is Berlin.")
KNOWN_LOGITS = (6.157, -3.659)
"""Public raw logits of bge-reranker-base for the two passages; good to about 0.01."""


def known_answer(reranker: Reranker) -> list[tuple[float, float]]:
    """Return (expected, got) for the public example of bge-reranker-base, to test an installation by."""
    got = reranker.score(KNOWN_QUESTION, KNOWN_PASSAGES)
    return [(expected, float(score)) for expected, score in zip(KNOWN_LOGITS, got, strict=True)]
