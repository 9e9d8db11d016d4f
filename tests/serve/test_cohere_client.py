"""Cohere's own client, both of its versions, gets its rerank from the service.

1. Results come best first, scored from 0 to 1 as the model in process scores them; equal texts tie, and the first stands first.
2. What a client asks for and does not get is refused or named.
3. An error is the client's own exception for it, with a message.
"""

from __future__ import annotations

import asyncio
from typing import Any

import cohere
import httpx
import numpy as np
import pytest
from checkpoints import SENTENCES
from cohere.errors import BadRequestError, NotFoundError, UnprocessableEntityError

from quincunx.retrieval.models.late_interaction import load_minilm_late_interaction
from quincunx.retrieval.models.profiles import shared_reranker

QUESTION = "Which metal melts last?"
ALIAS = "rerank-v3.5"
MAXSIM = "maxsim-words(sentence-transformers/all-MiniLM-L6-v2)"


def second(service: httpx.Client) -> cohere.ClientV2:
    return cohere.ClientV2(api_key="x", base_url=str(service.base_url), timeout=60)


def first(service: httpx.Client) -> cohere.Client:
    return cohere.Client(api_key="x", base_url=str(service.base_url), timeout=60)


def scores_in_process(profile: str, texts: list[str]) -> Any:
    reranker = shared_reranker(profile)
    assert reranker is not None
    return reranker.score(QUESTION, texts).astype(np.float64)


def test_a_cross_encoders_logits_become_probabilities_best_first(tiny_models: httpx.Client) -> None:
    ranked = second(tiny_models).rerank(model=ALIAS, query=QUESTION, documents=list(SENTENCES))
    logits = scores_in_process("tiny", list(SENTENCES))
    assert [result.index for result in ranked.results] == np.argsort(-logits, kind="stable").tolist()
    for result in ranked.results:
        assert result.relevance_score == pytest.approx(1 / (1 + np.exp(-logits[result.index])), abs=1e-6)


def test_late_interaction_scores_by_the_mean_cosine_of_the_questions_tokens(service: httpx.Client) -> None:
    ranked = second(service).rerank(model=MAXSIM, query=QUESTION, documents=list(SENTENCES))
    sums = scores_in_process("embedded", list(SENTENCES))
    assert [result.index for result in ranked.results] == np.argsort(-sums, kind="stable").tolist()
    tokens = len(load_minilm_late_interaction().token_vectors([QUESTION])[0]) - 2  # without those of its ends
    for result in ranked.results:
        assert result.relevance_score == pytest.approx((1 + sums[result.index] / tokens) / 2, abs=1e-5)
    assert ranked.results[0].index == 0


def test_only_as_many_results_as_asked_for_and_the_model_that_answered(tiny_models: httpx.Client) -> None:
    client = second(tiny_models)
    ranked = client.rerank(model=ALIAS, query=QUESTION, documents=list(SENTENCES), top_n=2)
    whole = client.rerank(model=ALIAS, query=QUESTION, documents=list(SENTENCES), top_n=99)
    assert len(whole.results) == len(SENTENCES)
    assert [result.index for result in ranked.results] == [result.index for result in whole.results[:2]]
    assert dict(ranked)["model"] == "bge"


def test_equal_documents_tie_and_stay_in_order_however_many_slices_there_are(service: httpx.Client) -> None:
    texts = ["A cat sat on the mat.", *(f"Number {i} is a number. " * 20 for i in range(30)), SENTENCES[1]]
    documents = [*texts, *texts]
    ranked = second(service).rerank(model=MAXSIM, query=QUESTION, documents=documents)
    scores = {result.index: result.relevance_score for result in ranked.results}
    assert all(scores[i] == scores[i + len(texts)] for i in range(len(texts)))
    assert [result.index for result in ranked.results[:2]] == [len(texts) - 1, 2 * len(texts) - 1]


def test_the_async_client_works_too(tiny_models: httpx.Client) -> None:
    async def ask() -> Any:
        async with cohere.AsyncClientV2(api_key="x", base_url=str(tiny_models.base_url)) as client:
            ranked = await client.rerank(model=ALIAS, query=QUESTION, documents=list(SENTENCES))
            return ranked.results

    assert len(asyncio.run(ask())) == len(SENTENCES)


def test_the_first_version_needs_no_model_and_reads_objects(tiny_models: httpx.Client) -> None:
    documents = [{"text": text, "source": "a book"} for text in SENTENCES]
    ranked = first(tiny_models).rerank(query=QUESTION, documents=documents, return_documents=True, top_n=3)
    plain = first(tiny_models).rerank(query=QUESTION, documents=list(SENTENCES), top_n=3)
    assert [result.index for result in ranked.results] == [result.index for result in plain.results]
    for result in ranked.results:
        assert result.document is not None
        assert dict(result.document) == documents[result.index]
    assert all(result.document is None for result in plain.results)


def test_rank_fields_are_read_in_their_order(tiny_models: httpx.Client) -> None:
    documents: list[Any] = [
        {"title": "Tungsten", "body": "It melts last.", "note": 1},
        {"title": "Tin", "body": "x"},
    ]
    client = first(tiny_models)
    ranked = client.rerank(query=QUESTION, documents=documents, rank_fields=["title", "body"])
    plain = client.rerank(query=QUESTION, documents=["Tungsten\nIt melts last.", "Tin\nx"])
    assert [dict(result) for result in ranked.results] == [dict(result) for result in plain.results]


def test_what_was_cut_is_named_in_headers_warnings_and_metrics(tiny_models: httpx.Client) -> None:
    documents = ["cat " * 600, "cat", "dog " * 700]
    response = second(tiny_models).with_raw_response.rerank(model=ALIAS, query=QUESTION, documents=documents)
    assert response.headers["x-quincunx-cut"] == "2"
    assert response.headers["x-quincunx-cut-indexes"] == "0,2"
    assert response.headers["x-quincunx-model"] == "bge"
    assert response.data.meta is not None
    assert response.data.meta.warnings == ["2 documents are longer than bge reads, and were read in part"]
    assert 'quincunx_texts_cut_total{route="/v2/rerank"}' in tiny_models.get("/metrics").text


def test_late_interaction_names_what_it_cuts(service: httpx.Client) -> None:
    question = "metal " * 600
    client = second(service).with_raw_response
    response = client.rerank(model=MAXSIM, query=question, documents=["tin " * 600, "tin"])
    assert response.headers["x-quincunx-cut-indexes"] == "0"
    assert response.headers["x-quincunx-query-cut"] == str(602 - 512)


def test_nothing_that_was_read_whole_is_said_to_be_cut(tiny_models: httpx.Client) -> None:
    response = second(tiny_models).with_raw_response.rerank(model=ALIAS, query=QUESTION, documents=["cat"])
    assert "x-quincunx-cut" not in response.headers
    assert response.data.meta is not None
    assert response.data.meta.warnings is None


def test_what_is_not_heeded_is_named(tiny_models: httpx.Client) -> None:
    ranked = second(tiny_models).rerank(
        model=ALIAS, query=QUESTION, documents=["cat"], max_tokens_per_doc=10, priority=3
    )
    assert ranked.meta is not None
    warnings = " ".join(ranked.meta.warnings or [])
    assert "max_tokens_per_doc was not applied" in warnings
    assert "priority was not heeded" in warnings


def test_chunks_are_named_where_they_would_have_mattered(tiny_models: httpx.Client) -> None:
    def warnings(document: str) -> list[str]:
        client = first(tiny_models)
        ranked = client.rerank(query=QUESTION, documents=[document], max_chunks_per_doc=10)
        assert ranked.meta is not None
        return ranked.meta.warnings or []

    assert warnings("cat") == []
    assert "max_chunks_per_doc was not applied" in warnings("cat " * 600)[0]


def test_a_parameter_that_no_model_here_can_honour_is_refused(tiny_models: httpx.Client) -> None:
    spans: Any = {"enabled": True}
    with pytest.raises(UnprocessableEntityError, match="relevant_spans"):
        second(tiny_models).rerank(model=ALIAS, query=QUESTION, documents=["x"], relevant_spans=spans)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (
            {"model": "rerank-v9"},
            NotFoundError,
            "no reranker 'rerank-v9' is served here: ask for 'bge', 'rerank-v3.5'",
        ),
        ({"query": " "}, BadRequestError, "the question is empty"),
        ({"query": "x" * 100_001}, BadRequestError, "query has 100001 characters"),
        ({"documents": ["ok", "x" * 100_001]}, BadRequestError, "documents.1 has 100001 characters"),
        ({"documents": ["x"] * 1001}, BadRequestError, "1001 documents, at most 1000 are taken"),
        ({"documents": []}, UnprocessableEntityError, "body.documents"),
        ({"top_n": 0}, UnprocessableEntityError, "body.top_n"),
    ],
)
def test_errors_are_the_clients_own_and_carry_a_message(
    tiny_models: httpx.Client, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    asked = {"model": ALIAS, "query": QUESTION, "documents": ["x"], **given}
    with pytest.raises(error) as raised:
        second(tiny_models).rerank(**asked)
    assert says in raised.value.body["message"]  # type: ignore[attr-defined]
    assert raised.value.body["code"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("documents", "rank_fields", "says"),
    [
        ([{"title": "x"}], None, "documents.0 has no 'text'"),
        ([{"text": 3}], None, "documents.0 has no 'text'"),
        (["x", {"title": "x"}], ["body"], "documents.1 has no 'body'"),
        (["x"], ["body"], "rank_fields name fields of documents"),
    ],
)
def test_documents_without_what_is_to_be_read_are_refused(
    tiny_models: httpx.Client, documents: Any, rank_fields: Any, says: str
) -> None:
    with pytest.raises(BadRequestError) as raised:
        first(tiny_models).rerank(query=QUESTION, documents=documents, rank_fields=rank_fields)
    assert says in raised.value.body["message"]
