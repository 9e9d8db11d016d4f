"""A cross-encoder, or what ranks as one, on servers that others run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import BoundError, ModelOutputError
from ..pairs import Truncation
from ..rerankers import Scores, require_scores
from .calls import RemoteCalls, RemoteRequest, number_told, text_told
from .dialects import DIALECTS
from .settings import RemoteServer, RerankDialect, ScoreKind
from .tokens import RemoteTokenizer

MOST_REQUEST_BYTES = 1_500_000
"""Of the texts of one request: TEI refuses more than 2 MB."""
SURE = 1e-7
"""A probability is taken as at least this far from 0 and 1, so that its logit is finite."""


@dataclass(frozen=True)
class RemoteRerankerIdentity:
    """Everything that changes the scores: the same weights on another kind of server give others."""

    server: RerankDialect
    model: str
    revision: str
    scores: ScoreKind
    max_tokens: int | None
    """To which pairs are cut here; ``None`` where the server alone decides what it reads."""


class RemoteReranker:
    """Reranks on servers of one kind (``dialect``) that offer the same model. Safe to share across threads.

    Raw scores are asked for where a server has them; probabilities become logits. Texts are sent in requests as large as
    the server takes, several at a time. With a tokenizer and ``max_tokens``, pairs are cut here as a local cross-encoder
    cuts them, and what was cut is known; without, a long text is the server's to refuse or, as Cohere and infinity do, to
    cut in silence.

    Args:
        scores: what the server answers with, where that depends on the model: llama.cpp gives logits of BERT kinds and
            probabilities of Qwen3.

    Raises:
        BoundError: no model is named and the server does not tell one; or ``max_tokens`` without a tokenizer.
        RemoteModelError: see `RemoteCalls`.
    """

    def __init__(
        self, server: RemoteServer, dialect: RerankDialect = "tei", scores: ScoreKind | None = None
    ) -> None:
        self._dialect = spoken = DIALECTS[dialect]
        self._calls = RemoteCalls(
            server, dialect, "correct QUINCUNX_RERANK_URL, QUINCUNX_RERANK_DIALECT or QUINCUNX_RERANK_KEY"
        )
        self._most_texts = spoken.most_texts
        told = self._calls.one(RemoteRequest("/info")) if spoken.tells_model else {}
        model = server.model or text_told(told, "model_id")
        if not model:
            raise BoundError(f"a {dialect} server needs the name of its model: set QUINCUNX_RERANK_MODEL")
        self._most_texts = min(
            self._most_texts, number_told(told, "max_client_batch_size") or self._most_texts
        )
        self._tokenizer = None if server.tokenizer is None else RemoteTokenizer(server.tokenizer)
        max_tokens = server.max_tokens or (number_told(told, "max_input_length") if self._tokenizer else None)
        if (self._tokenizer is None) != (max_tokens is None):
            raise BoundError(
                "texts are cut by a tokenizer to max_tokens: set both, QUINCUNX_RERANK_TOKENIZER and "
                "QUINCUNX_RERANK_MAX_TOKENS, or neither"
            )
        self.identity = RemoteRerankerIdentity(
            server=dialect,
            model=model,
            revision=server.revision or text_told(told, "model_sha"),
            scores=scores or spoken.scores,
            max_tokens=max_tokens,
        )

    @property
    def name(self) -> str:
        return f"{self.identity.model} ({self.identity.server})"

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        """Score passages against a question: raw scores, in the order given.

        Raises:
            ModelOutputError: not each passage has exactly one finite score, or a probability is none.
            QuincunxError: whatever `RemoteCalls.all` raises.
        """
        if not passages:
            return np.empty(0, dtype=np.float32)
        asked, kept, _ = self._fit(question, passages)
        parts = list(self._parts(kept))
        model = self._calls.server.model or self.identity.model
        replies = self._calls.all(
            [
                RemoteRequest(self._dialect.path, self._dialect.body(model, asked, [kept[i] for i in part]))
                for part in parts
            ]
        )
        scores = np.empty(len(kept), dtype=np.float64)
        for part, reply in zip(parts, replies, strict=True):
            scores[part] = self._dialect.read(reply, len(part), self.name)
        return require_scores(self._raw(scores).astype(np.float32), len(kept), self.name)

    def truncations(self, question: str, passages: Sequence[str]) -> list[Truncation] | None:
        """Return what is not read of each pair; ``None`` where the server alone decides that."""
        return None if self._tokenizer is None else self._fit(question, passages)[2]

    def _fit(self, question: str, passages: Sequence[str]) -> tuple[str, list[str], list[Truncation]]:
        if self._tokenizer is None or self.identity.max_tokens is None:
            return question, list(passages), []
        return self._tokenizer.fit(question, passages, self.identity.max_tokens)

    def _parts(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Yield the places of the texts that go into each request."""
        part: list[int] = []
        size = 0
        for place, text in enumerate(texts):
            length = len(text.encode())
            if part and (len(part) == self._most_texts or size + length > MOST_REQUEST_BYTES):
                yield part
                part, size = [], 0
            part.append(place)
            size += length
        yield part

    def _raw(
        self, scores: np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if self.identity.scores == "logit":
            return scores
        outside = scores[(scores < 0) | (scores > 1)]
        if outside.size:
            raise ModelOutputError(
                f"{self.name} gives {outside[0]:g} where a probability is declared: set QUINCUNX_RERANK_SCORES to logit"
            )
        sure = np.clip(scores, SURE, 1 - SURE)
        logits: np.ndarray[tuple[int], np.dtype[np.float64]] = np.log(sure / (1 - sure))
        return logits
