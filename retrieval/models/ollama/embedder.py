"""nomic-embed-text v1.5 through an Ollama server, with everything that the official client leaves unchecked."""

from __future__ import annotations

import importlib.metadata
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...environment import ollama_host
from ...errors import (
    BoundError,
    ModelOutputError,
    OllamaError,
    OllamaModelMissingError,
    UnsupportedModelError,
)
from ...processes import after_fork_in_child
from ...text.sentences import Span
from ..addresses import one_line, without_secrets
from ..embedders import BATCH, EmbedderIdentity, Progress, Vectors, matryoshka_cut, no_progress, require_unit
from ..nomic import NOMIC_DIMS, NOMIC_PASSAGE_PREFIX, NOMIC_QUESTION_PREFIX
from .client import (
    RequestInfo,
    RetryPolicy,
    client_errors,
    typed_error,
)

T = TypeVar("T")

MODEL = "nomic-embed-text"
FULL_DIMS = 768
ARCHITECTURE = "nomic-bert"
CONNECT_S = 5.0
PULL_SILENCE_S = 300.0
"""Longest wait for the next line of a pull: checking the digest of a large file is silent."""

_PIECE = re.compile(r"[^\W가-힣]{1,4}|\S")
_SPECIAL = 2
"""Tokens that the model adds to each text: [CLS] and [SEP]."""


class OllamaEmbedder:
    """nomic-embed-text v1.5 on an Ollama server. Safe to share across threads.

    Each request carries at most `embedders.BATCH` texts and ends within `deadline_s`: tries of
    ``timeout_s`` each, ``retries`` more of them after a full queue (503), a dead runner or a lost
    connection, with pauses of ``backoff_s``, twice that, and so on. A text over the context raises
    `BoundError`, as one within two tokens of it does: whether the server cut that one cannot be told. All
    other trouble is an `OllamaError` or, for vectors that cannot be, a `ModelOutputError`.

    ``dims`` below 768 are made here as the model's card says: layer norm over the 768, cut, L2.
    """

    def __init__(
        self,
        *,
        model: str = MODEL,
        host: str | None = None,
        dims: int = FULL_DIMS,
        timeout_s: float = 60.0,
        retries: int = 3,
        backoff_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if "v2-moe" in model.lower():
            raise UnsupportedModelError(_unlike(model, "its experts are another model than v1.5"))
        if dims not in NOMIC_DIMS:
            raise BoundError(f"dims must be one of {', '.join(map(str, NOMIC_DIMS))} (got {dims})")
        self.shorter = tuple(size for size in NOMIC_DIMS if size < dims == FULL_DIMS)
        """Dims that its vectors may be cut to by `matryoshka_cut`, the largest first."""
        self._patience = RetryPolicy(timeout_s, retries, backoff_s, sleep)
        address = host or ollama_host()
        self._host, self._model = without_secrets(address), model

        # Two processes that share a connection would get each other's answers.
        self._connect = partial(_client, address, timeout_s)
        self._client = self._connect()
        after_fork_in_child(self._reconnect)
        self.identity = EmbedderIdentity(
            model=f"ollama/{model}",
            # Asked for in this order, so that a server that lacks the model says so by name.
            max_tokens=self._context_length(),
            revision=self._digest(),
            server_version=self._version(),
            dims=dims,
            question_prefix=NOMIC_QUESTION_PREFIX,
            passage_prefix=NOMIC_PASSAGE_PREFIX,
            pooling="mean",
            normalised=True,
            library=f"ollama {importlib.metadata.version('ollama').split('.')[0]}",
        )

    def _reconnect(self) -> None:
        self._client = self._connect()

    @property
    def deadline_s(self) -> float:
        """Seconds within which one request of up to `embedders.BATCH` texts has ended."""
        return self._patience.deadline_s

    def offsets(self, text: str) -> Sequence[Span]:
        """Return spans that stand in for tokens, for Ollama offers no tokenizer.

        A span is a run of at most four word characters, or one other character that is not white space
        (a Hangul syllable too: the model reads it as its two or three letters). Each is at most about
        four tokens, so a passage of the default 200 tokens stays far under the 2,048 that nomic reads.
        """
        return [match.span() for match in _PIECE.finditer(text)]

    def unread(self, text: str) -> float:
        """Return 0, for Ollama offers no tokenizer."""
        return 0.0

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self._embed([self.identity.passage_prefix + text for text in texts], progress)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.question_prefix + text for text in texts], no_progress)

    def _embed(self, texts: list[str], progress: Progress) -> Vectors:
        for text in texts:
            least = plain_words(text) + _SPECIAL
            if least > self.identity.max_tokens:
                raise self._too_long(text, f"of at least {least} tokens ")
        vectors = np.empty((len(texts), self.identity.dims), dtype=np.float32)
        done = 0
        for batch in self._batches(texts):
            vectors[done : done + len(batch)] = self._shorten(self._request(batch))
            done += len(batch)
            progress(done, len(texts))
        return require_unit(vectors, len(texts), self.identity.dims, self.identity.model)

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        """Yield the texts in order, at most `BATCH` together, and one that may be too long alone.

        Some versions ignore ``truncate: false``. Only of a request with one text does the reply's token
        count tell that it was cut.
        """
        batch: list[str] = []
        for text in texts:
            alone = self._may_be_too_long(text)
            if batch and (alone or len(batch) == BATCH):
                yield batch
                batch = []
            batch.append(text)
            if alone:
                yield batch
                batch = []
        if batch:
            yield batch

    def _may_be_too_long(self, text: str) -> bool:
        return 4 * len(self.offsets(text)) + _SPECIAL >= self.identity.max_tokens

    def _request(self, batch: list[str]) -> Vectors:
        """Return the server's vectors: shape (texts, 768)."""
        try:
            reply = self._ask(lambda: self._client.embed(self._model, batch, truncate=False))
        except BoundError as error:
            raise self._too_long(max(batch, key=len), "") from error
        rows = reply.embeddings
        # Versions that cut do so with or without room for the special tokens.
        at_limit = (reply.prompt_eval_count or 0) >= self.identity.max_tokens - _SPECIAL
        if at_limit and len(batch) == 1:
            raise self._too_long(batch[0], "")
        if len(rows) != len(batch):
            raise ModelOutputError(
                f"{self.identity.model} returned {len(rows)} vectors for {len(batch)} texts: update Ollama"
            )
        for row in rows:
            if len(row) != FULL_DIMS:
                raise ModelOutputError(
                    f"{self.identity.model} returned a vector of {len(row)} numbers, expected {FULL_DIMS}: "
                    f"fetch the model anew with `ollama pull {self._model}`"
                )
        with np.errstate(over="ignore"):
            full: Vectors = np.asarray(rows, dtype=np.float32)  # (texts, 768)
        return require_unit(full, len(batch), FULL_DIMS, self.identity.model)

    def _shorten(self, full: Vectors) -> Vectors:
        """Cut vectors of shape (texts, 768) to (texts, dims); those of 768 stay as the server sent them."""
        return full if self.identity.dims == FULL_DIMS else matryoshka_cut(full, self.identity.dims)

    def _too_long(self, text: str, size: str) -> BoundError:
        bare = text.removeprefix(self.identity.passage_prefix).removeprefix(self.identity.question_prefix)
        return BoundError(
            f"a text {size}is over the {self.identity.max_tokens} tokens that {self.identity.model} reads: "
            f"{bare[:60]!r}…. Shorten it; documents are cut to fit by fewer tokens a chunk"
        )

    def _ask(self, send: Callable[[], T]) -> T:
        return self._patience.ask(send, self._host, self._model)

    def _context_length(self) -> int:
        """Return how many tokens the model reads; refuse a model that is not nomic-embed-text v1.5."""
        info = self._ask(lambda: self._client.show(self._model)).modelinfo or {}
        architecture = str(info.get("general.architecture", ""))
        if architecture != ARCHITECTURE:
            raise UnsupportedModelError(
                _unlike(self._model, f"its architecture is {architecture!r}, expected {ARCHITECTURE!r}")
            )
        length = info.get(f"{architecture}.context_length")
        if not isinstance(length, int) or length < 1:
            raise OllamaError(
                f"Ollama at {self._host} gives no context length for {self._model!r} (got {length!r}): fetch the "
                f"model anew with `ollama pull {self._model}`"
            )
        return length

    def _digest(self) -> str:
        wanted = _tagged(self._model)
        for entry in self._ask(self._client.list).models:
            if _tagged(entry.model or "") == wanted and entry.digest:
                return str(entry.digest)
        raise OllamaModelMissingError(
            f"Ollama at {self._host} does not list the model {self._model!r}: fetch it with `ollama pull {self._model}`"
        )

    def _version(self) -> str:
        # The client has no call for the version, only this way to any path.
        reply: Any = self._ask(lambda: self._client._request_raw("GET", "/api/version").json())
        version = str(reply.get("version") or "") if isinstance(reply, dict) else ""
        if not version:
            raise OllamaError(
                f"Ollama at {self._host} does not tell its version (got {one_line(reply, 80)}): update it, for "
                "vectors differ across versions"
            )
        return version


def pull(host: str | None = None, model: str = MODEL, progress: Progress = no_progress) -> None:
    """Let the server fetch a model; ``progress`` gets (completed, total) bytes of the files known so far.

    Raises an `OllamaError` when the server cannot be reached, reports an error, falls silent for
    `PULL_SILENCE_S` seconds or ends without saying that it succeeded.
    """
    address = host or ollama_host()
    asked = RequestInfo(without_secrets(address), model, PULL_SILENCE_S)
    files: dict[str, tuple[int, int]] = {}
    status = ""
    for line in _pull_lines(address, asked):
        status = line.status or ""
        if line.digest and line.total:
            files[line.digest] = (line.completed or 0, line.total)
            progress(sum(done for done, _ in files.values()), sum(total for _, total in files.values()))
    if status != "success":
        raise OllamaError(
            f"the pull of {model!r} by Ollama at {asked.host} ended at {status!r}, without success: run "
            f"`ollama pull {model}` again; it goes on where it stopped"
        )


def _pull_lines(address: str, asked: RequestInfo) -> Iterator[Any]:
    try:
        with _client(address, asked.timeout_s) as client:
            yield from client.pull(asked.model, stream=True)
    except client_errors() as error:
        raise typed_error(error, asked) from error


def _client(address: str, timeout_s: float) -> Any:
    import httpx
    import ollama

    try:
        return ollama.Client(address, timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s / 2)))
    except (ValueError, httpx.InvalidURL) as error:
        raise typed_error(
            httpx.InvalidURL(str(error)), RequestInfo(without_secrets(address), "", timeout_s)
        ) from error


def plain_words(text: str) -> int:
    """Return a number of tokens that a text has for certain: one for each plain word, special tokens left out."""
    return sum(1 for word in text.split() if word.isascii() and any(map(str.isalnum, word)))


def _tagged(name: str) -> str:
    """Return a model's name in lower case, with its tag."""
    return (name if ":" in name.rpartition("/")[2] else f"{name}:latest").lower()


def _unlike(model: str, why: str) -> str:
    return (
        f"{model!r} is not {MODEL} v1.5: {why}, and its texts want other prefixes and handling. "
        f"Use {MODEL!r} (`ollama pull {MODEL}`)"
    )
