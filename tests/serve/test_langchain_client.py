"""LangChain's clients of OpenAI and Cohere work against the service."""

from __future__ import annotations

import cohere
import httpx
import numpy as np
import pytest
from checkpoints import SENTENCES
from langchain_classic.retrievers.document_compressors import CohereRerank
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError
from pydantic import SecretStr

from quincunx.retrieval.models.profiles import shared_embedder

KEY = SecretStr("x")
QUESTION = "What is Sage Daily?"


@pytest.fixture
def model(service: httpx.Client) -> ChatOpenAI:
    return ChatOpenAI(model="chat_bridge", base_url=f"{service.base_url}/v1", api_key=KEY, max_retries=0)


def test_a_chat_model_answers_and_streams(model: ChatOpenAI) -> None:
    messages = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
    answer = model.invoke(messages)
    assert answer.text.startswith("Sage Daily is the sister site")
    assert answer.text.endswith("Sources:\n- [1] Sage Daily")
    assert answer.response_metadata["finish_reason"] == "stop"
    whole = AIMessageChunk(content="")
    for chunk in model.stream(messages):
        whole = whole + chunk
    assert whole.text == answer.text


def test_a_conversation_goes_on(model: ChatOpenAI) -> None:
    first = model.invoke([HumanMessage(QUESTION)])
    assert isinstance(first, AIMessage)
    followed = model.invoke([HumanMessage(QUESTION), first, HumanMessage("Who is it for?")])
    assert "Sage Daily is for people" in followed.text


def test_a_structured_output_is_refused(model: ChatOpenAI) -> None:
    with pytest.raises(BadRequestError, match="programs do not take response_format"):
        model.bind(response_format={"type": "json_object"}).invoke(QUESTION)


def test_embeddings_are_those_of_the_model_in_process(service: httpx.Client) -> None:
    embeddings = OpenAIEmbeddings(
        model="sentence-transformers/all-MiniLM-L6-v2",
        base_url=f"{service.base_url}/v1",
        api_key=KEY,
        check_embedding_ctx_length=False,
    )
    expected = shared_embedder("embedded").embed_passages(list(SENTENCES))
    np.testing.assert_allclose(embeddings.embed_documents(list(SENTENCES)), expected, atol=1e-6)
    np.testing.assert_allclose(embeddings.embed_query(SENTENCES[0]), expected[0], atol=1e-6)


def test_embeddings_that_send_tokens_are_told_how_to_send_texts(service: httpx.Client) -> None:
    embeddings = OpenAIEmbeddings(
        model="sentence-transformers/all-MiniLM-L6-v2", base_url=f"{service.base_url}/v1", api_key=KEY,
        tiktoken_enabled=True, max_retries=0,
    )  # fmt: skip
    with pytest.raises(BadRequestError, match="check_embedding_ctx_length=False"):
        embeddings.client.create(model=embeddings.model, input=[[1, 2, 3]])


def test_a_compressor_keeps_the_best_documents(service: httpx.Client) -> None:
    client = cohere.Client(api_key="x", base_url=str(service.base_url))
    name = "maxsim-words(sentence-transformers/all-MiniLM-L6-v2)"
    rerank = CohereRerank(client=client, model=name, top_n=2, cohere_api_key="x")
    documents = [Document(text, metadata={"place": place}) for place, text in enumerate(SENTENCES)]
    kept = rerank.compress_documents(documents, "What is the capital of France?")
    assert kept[0].metadata["place"] == 2
    scores = [document.metadata["relevance_score"] for document in kept]
    assert len(scores) == 2
    assert 1 > scores[0] > scores[1] > 0
