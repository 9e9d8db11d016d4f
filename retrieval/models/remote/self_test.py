"""What only asking shows of a server: the order of its scores, their kind, a prompt of its own, texts cut in silence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...errors import BoundError
from ..bge import KNOWN_PASSAGES, KNOWN_QUESTION
from ..findings import Finding
from .embedder import RemoteEmbedder
from .reranker import RemoteReranker

FILLER = "Nothing of what stands here has to do with what was asked. " * 1500
"""Some 18,000 tokens: more than a reranker reads that is not told to cut."""
ROOM = 16
"""Tokens for the end of a long text, and for those that the model adds."""
MOST_OF_A_LETTER = 4
"""Tokens of a text of one letter, those that the model adds included."""


def try_reranker(reranker: RemoteReranker) -> Iterator[Finding]:
    """Try a reranker; raises what `RemoteReranker.score` raises."""
    scores = [float(score) for score in reranker.score(KNOWN_QUESTION, KNOWN_PASSAGES)]
    yield Finding(
        "known order",
        scores[0] > scores[1],
        f"Paris {scores[0]:.3f}, Berlin {scores[1]:.3f}, asked for the capital of France",
        "export QUINCUNX_RERANK_DIALECT=…   # that of the server; and see that its model is a reranker",
    )
    told = reranker.identity.scores
    doubtful = told == "logit" and all(0 <= score <= 1 for score in scores)
    yield Finding(
        "kind of score",
        not doubtful,
        "both lie from 0 to 1, as probabilities do" if doubtful else f"{told}, as declared",
        "export QUINCUNX_RERANK_SCORES=probability",
    )
    try:
        plain, with_answer = reranker.score(KNOWN_QUESTION, [FILLER, FILLER + KNOWN_PASSAGES[0]])
    except BoundError:
        yield Finding("long texts", True, "refused by the server, not cut")
        return
    cuts = reranker.truncations(KNOWN_QUESTION, [FILLER])
    if cuts is not None:
        yield Finding("long texts", True, f"cut here to {reranker.identity.max_tokens} tokens, and reported")
    else:
        yield Finding(
            "long texts",
            bool(plain != with_answer),
            "cut in silence by the server" if plain == with_answer else "read to their end",
            "export QUINCUNX_RERANK_TOKENIZER=… QUINCUNX_RERANK_MAX_TOKENS=…   # so that they are cut here, and reported",
        )


def try_embedder(embedder: RemoteEmbedder) -> Iterator[Finding]:
    """Try an embedder; raises what `RemoteEmbedder.embed_passages` raises."""
    norm = embedder.served_norm
    yield Finding("norm as served", True, f"{norm:.4f}" + ("" if abs(norm - 1) < 1e-3 else ", made 1 here"))
    read = embedder.tokens_read("a")
    if read is not None:
        yield Finding(
            "prompt of the server",
            read <= MOST_OF_A_LETTER,
            f"a text of one letter is read as {read} tokens",
            "start the server without a prompt of its own: prefixes are put to the texts here",
        )
    spans = embedder.offsets(FILLER)
    most = embedder.identity.max_tokens - len(embedder.offsets(embedder.identity.passage_prefix)) - ROOM
    filler = FILLER[: spans[min(most, len(spans)) - 1][1]]
    try:
        ends = embedder.embed_passages([f"{filler} Paris", f"{filler} dogs"])
    except BoundError as error:
        yield Finding(
            "long texts", False, str(error), "export QUINCUNX_EMBED_MAX_TOKENS=…   # what the server reads"
        )
        return
    cut = bool(np.allclose(ends[0], ends[1], atol=1e-6))
    yield Finding(
        "long texts",
        not cut,
        "cut in silence by the server"
        if cut
        else f"read to their end, up to {embedder.identity.max_tokens} tokens",
        "export QUINCUNX_EMBED_MAX_TOKENS=…   # what the server reads, so that a longer text is refused here",
    )
