"""Embedders on servers: unit vectors in the order of the texts, or one typed error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import bge
from misbehaving_server import Reply, misbehaving
from model_server import MODEL, Flaw, letters, model_server

from quincunx.retrieval.errors import (
    BoundError,
    ModelOutputError,
    QuincunxError,
    RemoteModelError,
)
from quincunx.retrieval.models.remote.embedder import RemoteEmbedder
from quincunx.retrieval.models.remote.settings import EmbedDialect, RemoteServer

TEXTS = [f"text {i} about {'tea' * (i % 5)}" for i in range(300)]


class Remote:
    """Makes embedders whose tokenizer is that of a checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, url: str, dialect: EmbedDialect = "openai", **more: Any) -> RemoteEmbedder:
        of_server: dict[str, Any] = {"tokenizer": self.folder, "max_tokens": 512}
        of_server |= {
            name: more.pop(name) for name in ("tokenizer", "max_tokens", "revision") if name in more
        }
        return RemoteEmbedder(RemoteServer((url,), model=MODEL, deadline_s=10, **of_server), dialect, **more)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    return Remote(bge(tmp_path_factory.mktemp("bge")))


@pytest.mark.parametrize("dialect", ["openai", "tei"])
def test_vectors_are_the_models_in_the_order_of_the_texts(remote: Remote, dialect: EmbedDialect) -> None:
    with model_server(dialect) as server:
        embedder = remote(server.url, dialect)
        done: list[tuple[int, int]] = []
        vectors = embedder.embed_passages(TEXTS, lambda now, total: done.append((now, total)))
        assert (vectors.shape, vectors.dtype.name) == ((300, 8), "float32")
        assert vectors == pytest.approx(np.array(letters(TEXTS)), abs=1e-6)
        assert done[-1] == (300, 300)
        sent = [len(body.get("inputs", body.get("input"))) for _, _, body in server.requests if body]
        assert max(sent) <= (32 if dialect == "tei" else 128)
        assert embedder.embed_questions([]).shape == (0, 8)


def test_prefixes_are_put_to_the_texts_here(remote: Remote) -> None:
    with model_server("openai") as server:
        embedder = remote(server.url, question_prefix="query: ", passage_prefix="passage: ")
        assert embedder.embed_questions(["tea"]) == pytest.approx(np.array(letters(["query: tea"])), abs=1e-6)
        assert embedder.embed_passages(["tea"]) == pytest.approx(
            np.array(letters(["passage: tea"])), abs=1e-6
        )


def test_what_changes_the_vectors_is_of_the_identity(remote: Remote) -> None:
    with model_server("tei") as server:
        identity = remote(server.url, "tei", question_prefix="q ").identity
    assert (identity.model, identity.revision, identity.server_version) == ("tei/tiny", "abc", "1.8.0")
    assert (identity.dims, identity.question_prefix, identity.max_tokens) == (8, "q ", 512)
    with model_server("openai") as server:
        assert remote(server.url, revision="r1").identity.differences(identity)


@pytest.mark.parametrize("flaws", [(), (Flaw.SHORTENS_WITHOUT_NORM,)])
def test_shortened_vectors_have_norm_1(remote: Remote, flaws: tuple[Flaw, ...]) -> None:
    with model_server("openai", flaws=flaws) as server:
        vectors = remote(server.url, dims=4).embed_passages(TEXTS[:5])
    whole = np.array(letters(TEXTS[:5]))[:, :4]
    assert vectors == pytest.approx(whole / np.linalg.norm(whole, axis=1, keepdims=True), abs=1e-6)


def test_a_server_that_does_not_shorten_is_refused_where_that_was_asked_for(remote: Remote) -> None:
    with model_server("openai", flaws=[Flaw.IGNORES_DIMENSIONS]) as server:
        with pytest.raises(BoundError, match="8 dims where 4 were asked for"):
            remote(server.url, dims=4)


def test_documents_are_cut_by_the_models_own_tokenizer(remote: Remote) -> None:
    with model_server("openai") as server:
        text = "The capital of France"
        spans = remote(server.url).offsets(text)
        assert [text[start:end].strip() for start, end in spans] == text.split()
        lacks: tuple[dict[str, Any], ...] = ({"tokenizer": None}, {"max_tokens": None})
        for lacking in lacks:
            with pytest.raises(BoundError, match=r"QUINCUNX_EMBED_TOKENIZER.*QUINCUNX_EMBED_MAX_TOKENS"):
                remote(server.url, **lacking)


def test_a_long_text_is_refused_here_or_there(remote: Remote) -> None:
    long = "France " * 30
    with model_server("openai", most_tokens=20) as server:
        with pytest.raises(BoundError, match="maximum context length is 20 tokens"):
            remote(server.url).embed_passages([long])
        before = len(server.requests)
        with pytest.raises(BoundError, match=r"over the 20 that tiny reads: 'France France"):
            remote(server.url, max_tokens=20).embed_passages([long])
        assert len(server.requests) == before + 1  # its probe


def vectors(*rows: list[float] | None, first: int = 0) -> dict[str, object]:
    return {"data": [{"index": first + i, "embedding": row} for i, row in enumerate(rows)]}


PROBE = Reply(200, vectors([1.0, 0.0]))


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(200, vectors([1.0, 0.0])), ModelOutputError, "gave 1 vectors for 2 texts"),
        (Reply(200, vectors([1.0, 0.0], [1.0, 0.0], first=1)), ModelOutputError, "not each text one"),
        (Reply(200, vectors([1.0, 0.0], [1.0])), ModelOutputError, "vectors of 1 dims, 2 before"),
        (Reply(200, vectors([1.0, 0.0], [0.0, 0.0])), ModelOutputError, "norm 0.0 for text 1"),
        (Reply(200, b'{"data": [{"index": 0, "embedding": [NaN, 1]}, {"index": 1, "embedding": [1, 1]}]}'), ModelOutputError,
         "norm nan for text 0"),
        (Reply(200, vectors([1.0, 0.0], None)), ModelOutputError, "not answered for as openai does"),
        (Reply(200, {"embeddings": []}), ModelOutputError, "not answered for as openai does"),
        (Reply(200, b"<html>"), RemoteModelError, "no JSON"),
    ],
)  # fmt: skip
def test_what_a_server_does_wrong_is_one_typed_error(
    remote: Remote, reply: Reply, error: type[QuincunxError], says: str
) -> None:
    with misbehaving(PROBE, reply) as server:
        embedder = remote(server.address)
        with pytest.raises(error, match=says):
            embedder.embed_passages(["a", "b"])
