"""``/rerank`` as clients of text-embeddings-inference, Jina and infinity send it; and requests that are left."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import numpy as np
import pytest
from checkpoints import SENTENCES

from quincunx.retrieval.models.profiles import shared_reranker

QUESTION = "Which metal melts last?"


def logits() -> Any:
    reranker = shared_reranker("tiny")
    assert reranker is not None
    return reranker.score(QUESTION, list(SENTENCES)).astype(np.float64)


def rerank(service: httpx.Client, **body: Any) -> httpx.Response:
    content = json.dumps({"query": QUESTION, **body})  # half a surrogate pair can be sent as an escape only
    return service.post("/rerank", content=content, headers={"content-type": "application/json"})


def test_teis_shape_is_a_bare_list_best_first(tiny_models: httpx.Client) -> None:
    ranked = rerank(tiny_models, texts=list(SENTENCES), return_text=True).raise_for_status().json()
    assert [entry["index"] for entry in ranked] == np.argsort(-logits(), kind="stable").tolist()
    assert all(entry["text"] == SENTENCES[entry["index"]] for entry in ranked)
    assert all(0 <= entry["score"] <= 1 for entry in ranked)
    assert set(rerank(tiny_models, texts=["x"]).json()[0]) == {"index", "score"}


def test_raw_scores_are_the_logits(tiny_models: httpx.Client) -> None:
    expected = logits()
    for entry in rerank(tiny_models, texts=list(SENTENCES), raw_scores=True).json():
        assert entry["score"] == pytest.approx(expected[entry["index"]], abs=1e-5)
    body = {"documents": list(SENTENCES), "raw_scores": True}
    for entry in rerank(tiny_models, **body).json()["results"]:
        assert entry["relevance_score"] == pytest.approx(expected[entry["index"]], abs=1e-5)


def test_without_truncation_a_long_text_is_refused_as_tei_does(tiny_models: httpx.Client) -> None:
    texts = ["cat", "cat " * 600]
    cut = rerank(tiny_models, texts=texts)
    assert (cut.status_code, cut.headers["x-quincunx-cut-indexes"]) == (200, "1")
    refused = rerank(tiny_models, texts=texts, truncate=False)
    error = refused.json()
    assert (refused.status_code, error["code"], error["error_type"]) == (422, "text_too_long", "Tokenizer")
    assert error["error"] == error["message"] == error["detail"]
    assert error["error"].startswith("text 1 and the query are")
    assert rerank(tiny_models, texts=["cat"], truncate=False).status_code == 200


def test_jinas_shape_is_an_object_that_names_the_model(tiny_models: httpx.Client) -> None:
    body = {"model": "rerank-v3.5", "documents": list(SENTENCES), "top_n": 2, "return_documents": True}
    ranked = rerank(tiny_models, **body).raise_for_status().json()
    assert ranked["model"] == "bge"
    assert [entry["index"] for entry in ranked["results"]] == np.argsort(-logits(), kind="stable").tolist()[
        :2
    ]
    assert all(entry["document"] == {"text": SENTENCES[entry["index"]]} for entry in ranked["results"])
    assert (
        tiny_models.post("/v1/rerank", json={"query": QUESTION, **body}).json()["results"]
        == ranked["results"]
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"texts": []}, 422, "bad_request"),
        ({"texts": ["x"], "documents": ["x"]}, 422, "bad_request"),
        ({"documents": [{"title": "x"}]}, 400, "bad_document"),
        ({"documents": ["x"], "model": "nobody"}, 404, "model_not_found"),
        ({"texts": ["\ud800"]}, 400, "bad_text"),
        ({"documents": [{"text": "x", "more": "\ud800"}]}, 400, "bad_text"),
        ({}, 422, "bad_request"),
    ],
)
def test_errors_are_problems_that_teis_clients_read_too(
    tiny_models: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    response = rerank(tiny_models, **body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert problem["error"] == problem["detail"]


def test_a_body_that_is_no_object_is_refused(tiny_models: httpx.Client) -> None:
    assert tiny_models.post("/rerank", json=["x"]).json()["code"] == "bad_request"


def test_a_profile_without_a_reranker_says_so(tiny_models: httpx.Client) -> None:
    from quincunx.app.serve.dropin.reranker import load_served_reranker
    from quincunx.retrieval.models import profiles

    with pytest.MonkeyPatch.context() as patch:
        tiny = profiles.find_profile("tiny")
        bare = profiles.Profile("bare", tiny.load_embedder, lambda: None)
        patch.setitem(profiles._added, "bare", bare)
        assert load_served_reranker("bare", ()) is None


def test_a_client_that_leaves_frees_the_model(service: httpx.Client) -> None:
    documents = [f"The {i}th sentence of a long text about metals. " * 40 for i in range(400)]
    with pytest.raises(httpx.ReadTimeout):
        service.post("/v1/rerank", json={"query": QUESTION, "documents": documents}, timeout=0.5)
    begun = time.monotonic()
    service.post("/v1/rerank", json={"query": QUESTION, "documents": ["tin"]}).raise_for_status()
    took = time.monotonic() - begun
    assert "quincunx_requests_working 0.0" in service.get("/metrics").text
    assert took < 10  # all of the documents take more than a minute


def test_a_short_request_gets_in_between_the_slices_of_a_long_one(service: httpx.Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    documents = [f"The {i}th line of another text about metals. " * 20 for i in range(40)]

    def ask(some: list[str]) -> float:
        service.post("/v1/rerank", json={"query": QUESTION, "documents": some}).raise_for_status()
        return time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(ask, documents)
        time.sleep(0.2)
        short = pool.submit(ask, ["lead"])
        assert short.result() < long.result()
