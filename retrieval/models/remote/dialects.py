"""How each kind of server is asked to rerank, and what it answers.

Sources: the servers' own code and SDKs, as of 2026: Cohere's Python SDK (``/v2/rerank``), text-embeddings-inference's
router, vLLM's, infinity's and llama.cpp's servers, and Jina's API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ModelOutputError
from .settings import RerankDialect, ScoreKind

Body = Callable[[str, str, Sequence[str]], dict[str, Any]]
"""From model, question and texts."""


@dataclass(frozen=True)
class Dialect:
    """One kind of server."""

    name: RerankDialect
    path: str
    body: Body
    scores: ScoreKind
    """What it answers with, as far as the server alone decides that."""
    most_texts: int
    """In one request."""
    tells_model: bool = False
    """Whether it says by ``/info`` which model it serves, at which revision."""
    results: str | None = "results"
    """The field that holds the list of results; ``None`` where the reply is that list."""
    score: str = "relevance_score"

    def read(self, reply: Any, count: int, named: str) -> list[float]:
        """Return a score for each of ``count`` texts, in their order.

        Raises:
            ModelOutputError: the reply has another form, or not every index exactly once.
        """
        try:
            entries = reply if self.results is None else reply[self.results]
            pairs = [(entry["index"], float(entry[self.score])) for entry in entries]
        except (LookupError, TypeError, ValueError) as error:
            raise ModelOutputError(
                f"{named} does not answer as a {self.name} server ({type(error).__name__}: {error}): choose the dialect "
                "of the server"
            ) from error
        scores = dict(pairs)
        if len(pairs) != count or set(scores) != set(range(count)):
            wrong = sorted({i for i in range(count) if [index for index, _ in pairs].count(i) != 1})
            raise ModelOutputError(
                f"{named} scored {len(pairs)} texts of {count}, and not each once (first wrong: {wrong[:1] or 'an index'}): "
                "update the server, or choose its dialect"
            )
        return [scores[index] for index in range(count)]


def _cohere(model: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "query": question, "documents": list(texts), "max_tokens_per_doc": 4096}


def _tei(model: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    return {
        "query": question,
        "texts": list(texts),
        "truncate": False,
        "raw_scores": True,
        "return_text": False,
    }


def _plain(**more: Any) -> Body:
    return lambda model, question, texts: {
        "model": model,
        "query": question,
        "documents": list(texts),
        **more,
    }


DIALECTS: Mapping[RerankDialect, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("cohere", "/v2/rerank", _cohere, "probability", 1000),
        Dialect("tei", "/rerank", _tei, "logit", 32, tells_model=True, results=None, score="score"),
        Dialect("vllm", "/v1/rerank", _plain(use_activation=False), "logit", 256),
        Dialect("infinity", "/rerank", _plain(raw_scores=True, return_documents=False), "logit", 2048),
        Dialect("llamacpp", "/v1/rerank", _plain(), "logit", 256),
        Dialect("jina", "/v1/rerank", _plain(return_documents=False), "probability", 256),
    )
}
