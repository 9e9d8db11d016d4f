"""Rerankers on servers: the same scores whatever the server speaks, or one typed error within the deadline."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from checkpoints import bge
from misbehaving_server import Reply, misbehaving
from model_server import MODEL, ModelServer, model_server, overlap

from quincunx.retrieval.errors import (
    BoundError,
    DeadlineExceededError,
    MissingWeightsError,
    ModelOutputError,
    OverloadedError,
    QuincunxError,
    RemoteModelError,
)
from quincunx.retrieval.models.bge import load_cross_encoder
from quincunx.retrieval.models.cache import identity_of
from quincunx.retrieval.models.remote.dialects import DIALECTS
from quincunx.retrieval.models.remote.reranker import RemoteReranker
from quincunx.retrieval.models.remote.settings import RemoteServer, RerankDialect

QUESTION = "which metal melts last"
TEXTS = [f"text {i} of a metal that melts {'last ' * (i % 3)}" for i in range(70)]


def remote(
    url: str, dialect: RerankDialect = "vllm", deadline_s: float = 10, **more: object
) -> RemoteReranker:
    server = RemoteServer((url,), model=MODEL, deadline_s=deadline_s, **more)  # type: ignore[arg-type]
    return RemoteReranker(server, dialect)


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> RerankDialect:
    named: RerankDialect = request.param
    return named


@pytest.fixture
def server(dialect: RerankDialect) -> Iterator[ModelServer]:
    with model_server(dialect) as running:
        yield running


# 1. Every dialect


def test_scores_are_the_models_logits_in_the_order_of_the_texts(
    server: ModelServer, dialect: RerankDialect
) -> None:
    scores = remote(server.url, dialect).score(QUESTION, TEXTS)
    assert (scores.shape, scores.dtype.name) == ((70,), "float32")
    assert scores == pytest.approx(overlap(QUESTION, TEXTS), abs=1e-5)


def test_no_request_holds_more_texts_than_the_server_takes(
    server: ModelServer, dialect: RerankDialect
) -> None:
    remote(server.url, dialect).score(QUESTION, TEXTS)
    sent = [body for _, _, body in server.requests if body is not None]
    counts = sorted(len(body.get("texts", body.get("documents"))) for body in sent)
    assert counts == ([6, 32, 32] if dialect == "tei" else [70])


def test_large_texts_go_in_several_requests() -> None:
    with model_server("infinity") as server:
        texts = [f"{i} " + "x" * 400_000 for i in range(8)]
        assert len(remote(server.url, "infinity").score(QUESTION, texts)) == 8
        assert sorted(len(body["documents"]) for _, _, body in server.requests) == [2, 3, 3]


def test_no_text_no_request(server: ModelServer, dialect: RerankDialect) -> None:
    reranker = remote(server.url, dialect)
    before = len(server.requests)
    assert reranker.score(QUESTION, []).shape == (0,)
    assert len(server.requests) == before


def test_the_key_is_sent_and_shown_nowhere(dialect: RerankDialect) -> None:
    with model_server(dialect, key="s3cret") as server:
        reranker = remote(server.url, dialect, key="s3cret")
        assert len(reranker.score(QUESTION, TEXTS[:3])) == 3
        with pytest.raises(RemoteModelError, match=r"refused the key \(401: invalid api token\)") as refused:
            remote(server.url, dialect, key="wr0ng").score(QUESTION, TEXTS)
    assert "wr0ng" not in str(refused.value)
    assert "s3cret" not in repr(reranker.identity) + repr(RemoteServer((server.url,), key="s3cret"))


def test_a_server_of_another_kind_is_one_typed_error() -> None:
    with (
        model_server("tei") as server,
        pytest.raises(RemoteModelError, match=r"does not serve /v1/rerank.*404"),
    ):
        remote(server.url, "llamacpp").score(QUESTION, TEXTS)
    with model_server("cohere") as server, pytest.raises(RemoteModelError, match="does not serve /info"):
        remote(server.url, "tei")


def test_server_model_and_kind_of_score_are_of_the_identity() -> None:
    with model_server("tei") as server:
        own = RemoteReranker(RemoteServer((server.url,)), "tei")
    assert own.identity.model == MODEL  # as its /info says
    assert (own.identity.server, own.identity.revision, own.identity.scores) == ("tei", "abc", "logit")
    assert own.name == "tiny (tei)"
    with model_server("llamacpp") as server:
        assert identity_of(remote(server.url, "llamacpp")) != identity_of(own)
    with pytest.raises(BoundError, match="QUINCUNX_RERANK_MODEL"):
        RemoteReranker(RemoteServer(("http://127.0.0.1:1",)), "vllm")


# 2. Scores


def test_probabilities_become_finite_logits() -> None:
    results = [{"index": i, "relevance_score": score} for i, score in enumerate([0.0, 0.25, 1.0])]
    with misbehaving(Reply(200, {"results": results})) as server:
        scores = remote(server.address, "cohere").score(QUESTION, TEXTS[:3])
    assert np.all(np.isfinite(scores))
    assert scores[1] == pytest.approx(math.log(0.25 / 0.75))
    assert scores[0] < scores[1] < scores[2]


def test_a_number_that_is_no_probability_is_refused_where_one_is_declared() -> None:
    with misbehaving(Reply(200, {"results": [{"index": 0, "relevance_score": 4.2}]})) as server:
        with pytest.raises(ModelOutputError, match=r"gives 4\.2 where a probability.*QUINCUNX_RERANK_SCORES"):
            remote(server.address, "jina").score(QUESTION, TEXTS[:1])


# 3. Servers that misbehave

GOOD = {"results": [{"index": 1, "relevance_score": 2.0}, {"index": 0, "relevance_score": 1.0}]}
NAN = b'{"results": [{"index": 0, "relevance_score": NaN}, {"index": 1, "relevance_score": 1}]}'
HTML = b"<html><body>It works!</body></html>"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(200, {"results": GOOD["results"][:1]}), ModelOutputError, "scored 1 texts of 2"),
        (Reply(200, {"results": GOOD["results"][:1] * 2}), ModelOutputError, "not each once"),
        (Reply(200, {"results": [*GOOD["results"], {"index": 2, "relevance_score": 1}]}), ModelOutputError, "3 texts"),
        (Reply(200, {"results": [{"index": "a", "relevance_score": 1}] * 2}), ModelOutputError, "not each once"),
        (Reply(200, NAN), ModelOutputError, "not finite"),
        (Reply(200, {"answers": []}), ModelOutputError, "does not answer as a vllm server"),
        (Reply(200, [1, 2]), ModelOutputError, "does not answer as a vllm server"),
        (Reply(200, HTML), RemoteModelError, "its reply is no JSON.*It works"),
        (Reply(200, b"[" * 100_000), RemoteModelError, "its reply is no JSON"),
        (Reply(302, HTML, {"location": "http://127.0.0.1:1/"}), RemoteModelError, "302"),
        (Reply(403, {"detail": "no"}), RemoteModelError, "refused the key.*no"),
        (Reply(413, {"error": "too large"}), BoundError, "too long.*tokenizer.json"),
        (Reply(500, {"error": {"message": "input is too large to process"}}), BoundError, "too large to process"),
        (Reply(500, HTML), RemoteModelError, "refused a request.*It works"),
        (Reply(424, {"error": "backend died"}), RemoteModelError, "backend died"),
        (Reply(503, {"message": "loading"}), OverloadedError, "is busy.*loading"),
        (Reply(429, {"message": "slow down"}, {"retry-after": "3600"}), OverloadedError, "slow down"),
        (Reply(200, GOOD, breaks_off=True), RemoteModelError, "no vllm server answers"),
        (Reply(200, b"no gzip", {"content-encoding": "gzip"}), RemoteModelError, "no vllm server answers"),
    ],
)  # fmt: skip
def test_what_a_server_does_wrong_is_one_typed_error_in_time(
    reply: Reply, error: type[QuincunxError], says: str
) -> None:
    begun = time.monotonic()
    with misbehaving(reply) as server, pytest.raises(error, match=says):
        remote(server.address).score(QUESTION, TEXTS[:2])
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "first",
    [
        Reply(429, {}, {"retry-after": "0"}),
        Reply(503, {}),
        Reply(529, HTML),
        Reply(200, GOOD, breaks_off=True),
    ],
)
def test_what_may_pass_is_tried_again(first: Reply) -> None:
    with misbehaving(first, Reply(200, GOOD)) as server:
        assert list(remote(server.address).score(QUESTION, TEXTS[:2])) == [1, 2]
        assert len(server.requests) == 2


def test_a_server_is_left_alone_as_long_as_it_says() -> None:
    with misbehaving(Reply(429, {}, {"retry-after": "1"}), Reply(200, GOOD)) as server:
        begun = time.monotonic()
        remote(server.address).score(QUESTION, TEXTS[:2])
        assert time.monotonic() - begun >= 1


def test_a_slow_server_ends_with_the_deadline() -> None:
    def slow(question: str, texts: object) -> list[float]:
        time.sleep(3)
        return []

    with model_server("vllm", score=slow) as server:
        begun = time.monotonic()
        with pytest.raises(DeadlineExceededError, match=r"did not answer within 0\.5 s"):
            remote(server.url, deadline_s=0.5).score(QUESTION, TEXTS)
        assert time.monotonic() - begun < 1.5


# 4. Several servers


def nobody() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_while_one_of_two_servers_is_down_the_other_answers() -> None:
    with model_server("tei") as server:
        reranker = RemoteReranker(RemoteServer((nobody(), server.url), deadline_s=10), "tei")
        for _ in range(3):
            assert len(reranker.score(QUESTION, TEXTS)) == 70


def test_servers_share_the_work() -> None:
    with model_server("tei") as one, model_server("tei") as other:
        reranker = RemoteReranker(RemoteServer((one.url, other.url), parallel=4), "tei")
        reranker.score(QUESTION, [f"{i}" for i in range(320)])
        counts = [sum(path == "/rerank" for path, _, _ in each.requests) for each in (one, other)]
    assert sum(counts) == 10
    assert min(counts) >= 3


def test_where_every_server_is_out_callers_are_told_at_once() -> None:
    reranker = remote(nobody())
    for _ in range(2):
        with pytest.raises(RemoteModelError, match="no vllm server answers at http://127"):
            reranker.score(QUESTION, TEXTS)
    begun = time.monotonic()
    with pytest.raises(RemoteModelError, match="asked again in"):
        reranker.score(QUESTION, TEXTS)
    assert time.monotonic() - begun < 0.1


def test_a_forked_process_asks_by_connections_of_its_own() -> None:
    with model_server("vllm") as server:
        reranker = remote(server.url)
        expected = list(reranker.score(QUESTION, TEXTS))
        child = os.fork()
        if not child:
            os._exit(0 if list(reranker.score(QUESTION, TEXTS)) == expected else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert list(reranker.score(QUESTION, TEXTS)) == expected


# 5. Long texts

LONG = "The capital of France is Paris, and the capital of Germany is Berlin. " * 9


def test_pairs_are_cut_as_a_local_cross_encoder_cuts_them(tmp_path: Path) -> None:
    folder = bge(tmp_path / "bge")
    local = load_cross_encoder(folder, max_tokens=32)
    texts = ["A cat sat on the mat; the dog did not.", LONG]

    def score(question: str, texts: object) -> list[float]:
        return [float(value) for value in local.score(question, list(texts))]  # type: ignore[call-overload]

    with model_server("vllm", score=score) as server:
        reranker = remote(server.url, tokenizer=folder, max_tokens=32)
        for question in ("Which metal melts last?", LONG):
            assert reranker.truncations(question, texts) == local.truncations(question, texts)
            assert reranker.score(question, texts) == pytest.approx(local.score(question, texts), abs=1e-5)
        sent = server.requests[0][2]["documents"]
    assert sent[0] == texts[0]
    assert LONG.startswith(sent[1])
    assert len(sent[1]) < len(LONG)


def test_without_a_tokenizer_a_long_text_is_the_servers_to_refuse() -> None:
    with model_server("vllm", most_tokens=20) as server:
        reranker = remote(server.url)
        assert reranker.truncations(QUESTION, [LONG]) is None
        with pytest.raises(BoundError, match=r"maximum context length is 20 tokens.*max_tokens"):
            reranker.score(QUESTION, [LONG])


def test_a_tokenizer_and_a_limit_belong_together(tmp_path: Path) -> None:
    with pytest.raises(BoundError, match="QUINCUNX_RERANK_TOKENIZER"):
        remote("http://127.0.0.1:1", max_tokens=32)
    with pytest.raises(MissingWeightsError, match=r"tokenizer\.json"):
        remote("http://127.0.0.1:1", tokenizer=tmp_path, max_tokens=32)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BoundError, match="is no tokenizer"):
        remote("http://127.0.0.1:1", tokenizer=tmp_path, max_tokens=32)


# 6. Settings


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://h", "http://", "http://h:0x", "http://h?a=b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BoundError, match="the address of a server is such as"):
        RemoteServer((url,))


@pytest.mark.parametrize(
    "told", [[], {"max_client_batch_size": "many", "model_sha": 7, "max_input_length": -1}]
)
def test_what_a_server_tells_of_itself_may_be_anything(told: object) -> None:
    with misbehaving(Reply(200, told)) as server:
        identity = remote(server.address, "tei").identity
    assert (identity.model, identity.revision, identity.max_tokens) == (MODEL, "", None)


def test_a_key_that_no_header_holds_is_refused_unseen() -> None:
    with pytest.raises(BoundError, match="printable ASCII") as refused:
        RemoteServer(("http://h",), key="clé")
    assert "clé" not in str(refused.value)


@pytest.mark.parametrize("wrong", [{"deadline_s": 0}, {"parallel": 0}, {"max_tokens": 1}, {"urls": ()}])
def test_a_setting_out_of_its_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BoundError):
        RemoteServer(**{"urls": ("http://127.0.0.1:1",), **wrong})  # type: ignore[arg-type]
