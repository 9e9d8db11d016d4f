"""A server of the loopback that reranks and embeds as TEI, vLLM, infinity, llama.cpp, Cohere, Jina and OpenAI do.

Shapes, limits and errors are those of the servers' own sources: what each calls its fields, that results come sorted by score,
whether scores are logits or probabilities, how many texts a request may hold, what becomes of a text that is too long. It counts
words as tokens. What a server does wrong on request is said by `Flaw`.
"""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from loopback_server import JsonHandler, loopback_server

Reply = tuple[int, Any]
"""Status and body."""
Score = Callable[[str, Sequence[str]], Sequence[float]]
"""Logits of texts for a question."""
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
MODEL = "tiny"


class Flaw(enum.Enum):
    """What a server does wrong."""

    CUTS_SILENTLY = "reads the beginning of a long text and says nothing"
    ADDS_A_PROMPT = "puts a prompt of its own before each text"
    SHORTENS_WITHOUT_NORM = "cuts vectors to dimensions and leaves it at that"
    IGNORES_DIMENSIONS = "gives whole vectors whatever was asked for"


def overlap(question: str, texts: Sequence[str]) -> list[float]:
    """Logits that grow with the words that a text shares with the question, no two alike."""
    asked = _words(question)
    return [len(asked & _words(text)) - 2 + (len(text) % 97) / 1000 for text in texts]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of eight dims: how often letters stand in a text, of norm 1."""
    counts = [[1.0 + text.lower().count(letter) for letter in "aeionrst"] for text in texts]
    return [[value / math.hypot(*row) for value in row] for row in counts]


@dataclass
class ModelServer:
    """A server that runs."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """Path, headers in lower case and body of each request so far."""


@contextmanager
def model_server(
    dialect: str,
    *,
    score: Score = overlap,
    embed: Embed = letters,
    most_tokens: int = 512,
    flaws: Sequence[Flaw] = (),
    key: str | None = None,
) -> Iterator[ModelServer]:
    """Serve one model as a server of that kind does, until the block ends."""

    running = ModelServer()

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.read_body()))

        def _answer(self, body: Any) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            running.requests.append((self.path, headers, body))
            status, told = self._reply(headers, body)
            with suppress(BrokenPipeError):  # of a client that waits no longer
                self.send_json(status, told)

        def _reply(self, headers: dict[str, str], body: Any) -> Reply:
            if key is not None and headers.get("authorization") != f"Bearer {key}":
                return 401, {"message": "invalid api token"}
            speak = _SPOKEN[dialect].get(self.path)
            if speak is None:
                return 404, {"detail": "Not Found"}
            return speak(_Served(score, embed, most_tokens, flaws), body)

    with loopback_server(Handler) as running.url:
        yield running


@dataclass(frozen=True)
class _Served:
    score: Score
    embed: Embed
    most_tokens: int
    flaws: Sequence[Flaw]

    def too_long(self, *texts: str) -> int:
        """Return by how many tokens the longest text is too long; 0 for none."""
        return max(0, *(len(text.split()) - self.most_tokens for text in texts))

    def cut(self, text: str) -> str:
        words = text.split()
        return text if len(words) <= self.most_tokens else " ".join(words[: self.most_tokens])


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def _sorted(scores: Sequence[float], name: str) -> list[dict[str, Any]]:
    places = sorted(range(len(scores)), key=lambda place: -scores[place])
    return [{"index": place, name: scores[place]} for place in places]


def _cohere(served: _Served, body: Any) -> Reply:
    scores = served.score(body["query"], [served.cut(text) for text in body["documents"]])
    results = _sorted([_probability(score) for score in scores], "relevance_score")
    return 200, {"id": "1", "results": results, "meta": {"api_version": {"version": "2"}}}


def _tei_info(served: _Served, body: Any) -> Reply:
    return 200, {
        "model_id": MODEL, "model_sha": "abc", "max_input_length": served.most_tokens, "max_client_batch_size": 32,
        "version": "1.8.0",
    }  # fmt: skip


def _tei_refusal(served: _Served, texts: Sequence[str], *, truncate: bool) -> Reply | None:
    if len(texts) > 32:
        error = f"batch size {len(texts)} > maximum allowed batch size 32"
        return 422, {"error": error, "error_type": "Validation"}
    if served.too_long(*texts) and not truncate and Flaw.CUTS_SILENTLY not in served.flaws:
        error = f"Input validation error: `inputs` must have less than {served.most_tokens} tokens"
        return 413, {"error": error, "error_type": "Validation"}
    return None


def _tei_rerank(served: _Served, body: Any) -> Reply:
    refusal = _tei_refusal(served, body["texts"], truncate=body.get("truncate", True))
    if refusal:
        return refusal
    scores = served.score(body["query"], [served.cut(text) for text in body["texts"]])
    raw = body.get("raw_scores", False)
    return 200, _sorted([score if raw else _probability(score) for score in scores], "score")


def _tei_embed(served: _Served, body: Any) -> Reply:
    refusal = _tei_refusal(served, body["inputs"], truncate=body.get("truncate", True))
    return refusal or (200, _vectors(served, body["inputs"], body.get("dimensions")))


def _vllm(served: _Served, body: Any) -> Reply:
    if served.too_long(*body["documents"]):
        message = f"This model's maximum context length is {served.most_tokens} tokens."
        return 400, {"error": {"message": message, "type": "BadRequestError", "code": 400}}
    scores = served.score(body["query"], body["documents"])
    if body.get("use_activation", True):
        scores = [_probability(score) for score in scores]
    results = _sorted(scores, "relevance_score")
    for result in results:
        result["document"] = {"text": body["documents"][result["index"]]}
    return 200, {"id": "rerank-1", "model": body["model"], "usage": {"total_tokens": 1}, "results": results}


def _infinity(served: _Served, body: Any) -> Reply:
    if len(body["documents"]) > 2048:
        return 422, {"detail": [{"msg": "List should have at most 2048 items after validation"}]}
    scores = served.score(body["query"], [served.cut(text) for text in body["documents"]])
    if not body.get("raw_scores", False):
        scores = [_probability(score) for score in scores]
    return 200, {"object": "rerank", "results": _sorted(scores, "relevance_score"), "model": body["model"]}


def _llamacpp(served: _Served, body: Any) -> Reply:
    if served.too_long(*body["documents"]):
        message = f"input is too large to process. increase the physical batch size (current batch size: {served.most_tokens})"
        return 500, {"error": {"code": 500, "message": message, "type": "server_error"}}
    scores = served.score(body["query"], body["documents"])
    return 200, {"model": body["model"], "object": "list", "results": _sorted(scores, "relevance_score")}


def _jina(served: _Served, body: Any) -> Reply:
    scores = served.score(body["query"], [served.cut(text) for text in body["documents"]])
    results = _sorted([_probability(score) for score in scores], "relevance_score")
    return 200, {"model": body["model"], "usage": {"total_tokens": 1}, "results": results}


def _openai(served: _Served, body: Any) -> Reply:
    texts = body["input"]
    if not all(texts) or len(texts) > 2048:
        return 400, {"error": {"message": "'$.input' is invalid.", "type": "invalid_request_error"}}
    if served.too_long(*texts) and Flaw.CUTS_SILENTLY not in served.flaws:
        message = f"This model's maximum context length is {served.most_tokens} tokens"
        return 400, {"error": {"message": message, "type": "invalid_request_error"}}
    vectors = _vectors(served, texts, body.get("dimensions"))
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    prompt = 7 * (Flaw.ADDS_A_PROMPT in served.flaws)
    read = sum(len(text.split()) + 2 + prompt for text in texts)
    return 200, {"object": "list", "data": data[::-1], "usage": {"prompt_tokens": read}}


def _vectors(served: _Served, texts: Sequence[str], dims: int | None) -> list[list[float]]:
    vectors = [list(vector) for vector in served.embed([served.cut(text) for text in texts])]
    if dims is None or Flaw.IGNORES_DIMENSIONS in served.flaws:
        return vectors
    cut = [vector[:dims] for vector in vectors]
    if Flaw.SHORTENS_WITHOUT_NORM in served.flaws:
        return cut
    return [[value / math.hypot(*vector) for value in vector] for vector in cut]


_SPOKEN: dict[str, dict[str, Callable[[_Served, Any], Reply]]] = {
    "cohere": {"/v2/rerank": _cohere},
    "tei": {
        "/info": _tei_info,
        "/rerank": _tei_rerank,
        "/embed": _tei_embed,
        "/v1/embeddings": _openai,
    },
    "vllm": {"/v1/rerank": _vllm, "/v2/rerank": _vllm, "/rerank": _vllm},
    "infinity": {"/rerank": _infinity},
    "llamacpp": {"/v1/rerank": _llamacpp},
    "jina": {"/v1/rerank": _jina},
    "openai": {"/v1/embeddings": _openai},
}
