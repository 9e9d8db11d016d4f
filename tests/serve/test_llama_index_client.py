"""LlamaIndex's clients of OpenAI work against the service."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from checkpoints import SENTENCES
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai import OpenAIEmbedding  # type: ignore[import-untyped]
from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-untyped]

from quincunx.retrieval.models.profiles import shared_embedder

QUESTION = "What is Sage Daily?"


@pytest.fixture
def llm(service: httpx.Client) -> OpenAILike:
    return OpenAILike(
        model="chat_bridge",
        api_base=f"{service.base_url}/v1",
        api_key="x",
        is_chat_model=True,
        max_retries=0,
    )


def test_a_language_model_chats_and_streams(llm: OpenAILike) -> None:
    messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)]
    content = llm.chat(messages).message.content
    assert content is not None
    assert content.startswith("Sage Daily is the sister site")
    pieces = [chunk.delta or "" for chunk in llm.stream_chat(messages)]
    assert "".join(pieces) == content
    assert llm.complete(QUESTION).text == content


def test_embeddings_are_those_of_the_model_in_process(service: httpx.Client) -> None:
    embeddings = OpenAIEmbedding(
        model_name="sentence-transformers/all-MiniLM-L6-v2", api_base=f"{service.base_url}/v1", api_key="x"
    )
    expected = shared_embedder("embedded").embed_passages(list(SENTENCES))
    got = embeddings.get_text_embedding_batch(list(SENTENCES))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(embeddings.get_query_embedding(SENTENCES[0]), expected[0], atol=1e-6)
