"""An embedding model on servers that others run, asked as OpenAI's or text-embeddings-inference's are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import BoundError, ModelOutputError
from ...text.sentences import Span
from ..embedders import EmbedderIdentity, Progress, Vectors, no_progress, require_unit
from .calls import RemoteCalls, RemoteRequest, number_told, text_told
from .settings import EmbedDialect, RemoteServer
from .tokens import RemoteTokenizer

EMBEDDINGS = "/v1/embeddings"
BATCH = {"openai": 128, "tei": 32}
"""Texts in one request."""
ROUND = 32
"""Requests between two reports of progress."""


class RemoteEmbedder:
    """Embeds on servers of one kind (``dialect``) that offer the same model. Safe to share across threads.

    Prefixes are put to the texts here: a server that adds them again is found by `quincunx doctor`. Vectors are made to
    norm 1 here, for some servers cut to ``dims`` and leave it at that.

    Args:
        dims: asked of the server, where the model's vectors may be shortened; ``None`` for the full size.

    Raises:
        BoundError: no model, tokenizer or limit is named and the server does not tell it; or ``dims`` that it does not give.
        RemoteModelError: see `RemoteCalls`.
    """

    def __init__(
        self,
        server: RemoteServer,
        dialect: EmbedDialect = "openai",
        *,
        question_prefix: str = "",
        passage_prefix: str = "",
        dims: int | None = None,
    ) -> None:
        self._server, self._dialect = server, dialect
        self._calls = RemoteCalls(
            server, dialect, "correct QUINCUNX_EMBED_URL, QUINCUNX_EMBED_DIALECT or QUINCUNX_EMBED_KEY"
        )
        told = self._calls.one(RemoteRequest("/info")) if dialect == "tei" else {}
        self._model = server.model or text_told(told, "model_id")
        if not self._model:
            raise BoundError(f"an {dialect} server needs the name of its model: set QUINCUNX_EMBED_MODEL")
        max_tokens = server.max_tokens or number_told(told, "max_input_length")
        if server.tokenizer is None or max_tokens is None:
            raise BoundError(
                f"documents are cut, and long questions split, by the tokenizer of {self._model}, which its server does not "
                "offer: set QUINCUNX_EMBED_TOKENIZER to its tokenizer.json, and QUINCUNX_EMBED_MAX_TOKENS to what it reads"
            )
        self._tokenizer = RemoteTokenizer(server.tokenizer)
        self._asked_dims = dims
        self._batch = min(BATCH[dialect], number_told(told, "max_client_batch_size") or BATCH[dialect])
        self._question_prefix, self._passage_prefix = question_prefix, passage_prefix
        (probe,) = self._raw(["dimensions"])
        if dims is not None and len(probe) != dims:
            raise BoundError(
                f"{self._model} gave vectors of {len(probe)} dims where {dims} were asked for: its server does not shorten "
                "them, so leave dims out"
            )
        self.served_norm = float(np.linalg.norm(probe))
        """Of a vector as the server gave it."""
        self.identity = EmbedderIdentity(
            model=f"{dialect}/{self._model}",
            revision=server.revision or text_told(told, "model_sha"),
            dims=len(probe),
            question_prefix=question_prefix,
            passage_prefix=passage_prefix,
            pooling="of the server",
            normalised=True,
            max_tokens=max_tokens,
            library="remote 1",
            server_version=text_told(told, "version"),
        )

    def offsets(self, text: str) -> Sequence[Span]:
        return self._tokenizer.offsets(text)

    def unread(self, text: str) -> float:
        """Return 0: which of the tokens stand for what the model cannot read, is not known of a remote one."""
        return 0.0

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self._embed([self.identity.passage_prefix + text for text in texts], progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.question_prefix + text for text in texts], no_progress)

    def tokens_read(self, text: str) -> int | None:
        """Return how many tokens the server reads of a text as it is sent; ``None`` where it does not tell."""
        asked = {"model": self._model, "input": [text], "encoding_format": "float"}
        reply = self._calls.one(RemoteRequest(EMBEDDINGS, asked))  # a TEI server has this path too
        try:
            return int(reply["usage"]["prompt_tokens"])
        except (LookupError, TypeError, ValueError):
            return None

    def _embed(self, texts: list[str], progress: Progress) -> Vectors:
        self._require_length(texts)
        dims = self.identity.dims
        vectors = np.empty((len(texts), dims), dtype=np.float32)
        step = self._batch * ROUND
        for begin in range(0, len(texts), step):
            some = self._raw(texts[begin : begin + step])
            lengths = {len(vector) for vector in some}
            if lengths != {dims}:
                raise ModelOutputError(
                    f"{self.identity.model} gave vectors of {min(lengths - {dims})} dims, {dims} before: it is another "
                    "model now, or two servers have two"
                )
            vectors[begin : begin + len(some)] = _unit(np.array(some, dtype=np.float32), self.identity.model)
            progress(begin + len(some), len(texts))
        return require_unit(vectors, len(texts), dims, self.identity.model)

    def _raw(self, texts: Sequence[str]) -> list[list[float]]:
        parts = [list(texts[begin : begin + self._batch]) for begin in range(0, len(texts), self._batch)]
        replies = self._calls.all([self._request(part) for part in parts])
        return [
            vector
            for part, reply in zip(parts, replies, strict=True)
            for vector in self._read(reply, len(part))
        ]

    def _request(self, texts: list[str]) -> RemoteRequest:
        shortened = {} if self._asked_dims is None else {"dimensions": self._asked_dims}
        if self._dialect == "tei":
            return RemoteRequest(
                "/embed", {"inputs": texts, "normalize": True, "truncate": False, **shortened}
            )
        asked = {"model": self._model, "input": texts, "encoding_format": "float"}
        return RemoteRequest(EMBEDDINGS, asked | shortened)

    def _read(self, reply: Any, count: int) -> list[list[float]]:
        """Return the vectors in the order of the texts; raises `ModelOutputError` unless each has exactly one."""
        try:
            if self._dialect == "tei":
                pairs = list(enumerate(reply))
            else:
                pairs = [(entry["index"], entry["embedding"]) for entry in reply["data"]]
            vectors = {index: [float(value) for value in vector] for index, vector in pairs}
        except (LookupError, TypeError, ValueError) as error:
            raise ModelOutputError(
                f"{self._model} is not answered for as {self._dialect} does ({type(error).__name__}: {error}): choose the "
                "dialect of the server"
            ) from error
        if len(pairs) != count or set(vectors) != set(range(count)):
            raise ModelOutputError(
                f"{self._model} gave {len(pairs)} vectors for {count} texts, and not each text one: update the server, or "
                "choose its dialect"
            )
        return [vectors[index] for index in range(count)]

    def _require_length(self, texts: Sequence[str]) -> None:
        most = self.identity.max_tokens
        for text in texts:
            length = self._tokenizer.count(text)
            if length > most:
                raise BoundError(
                    f"a text of {length} tokens is over the {most} that {self._model} reads: {text[:60]!r}…. "
                    "Shorten it; documents are cut to fit by fewer tokens a chunk"
                )


def _unit(vectors: Vectors, model: str) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.all(np.isfinite(norms)) and np.all(norms > 0)):
        place = int(np.argmin(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        raise ModelOutputError(
            f"{model} gave a vector of norm {norms[place, 0]} for text {place}: it means nothing"
        )
    unit: Vectors = (vectors / norms).astype(np.float32)
    return unit
