"""OpenAI's own client embeds, chats with programs and lists models; so does ``dspy.LM``.

1. Vectors are those of the model in process, as floats and as base64; nothing is cut.
2. A program's checked answer is a message with footnotes; streamed it is the same text.
3. What is asked for and not heeded is refused or noted.
4. An error is the client's own exception for it, in OpenAI's shape.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dspy
import httpx
import numpy as np
import openai
import pytest
from checkpoints import SENTENCES
from five_programs import QUESTIONS
from ollama_server import Body, Fault, OllamaServer
from running_service import running

import quincunx
from quincunx.retrieval.models.profiles import shared_embedder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
ALIAS = "text-embedding-3-small"
QUESTION = "What is Sage Daily?"


def client(service: httpx.Client) -> openai.OpenAI:
    return openai.OpenAI(api_key="x", base_url=f"{service.base_url}/v1", max_retries=0, timeout=60)


def chat(service: httpx.Client, question: str = QUESTION, model: str = "chat_bridge", **more: Any) -> Any:
    messages: Any = more.pop("messages", [{"role": "user", "content": question}])
    return client(service).chat.completions.create(model=model, messages=messages, **more)


def streamed(service: httpx.Client, **more: Any) -> str:
    chunks = chat(service, stream=True, **more)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def vectors(response: Any) -> Any:
    assert [entry.index for entry in response.data] == list(range(len(response.data)))
    return np.array([entry.embedding for entry in response.data], dtype=np.float32)


def test_vectors_are_those_of_the_model_in_process(service: httpx.Client) -> None:
    create = client(service).embeddings.create
    texts = [*SENTENCES, "a short one", SENTENCES[0]]
    expected = shared_embedder("embedded").embed_passages(texts)
    plain = create(model=MINILM, input=texts, encoding_format="float")
    packed = create(model=MINILM, input=texts)  # the client asks for base64 and unpacks it
    np.testing.assert_allclose(vectors(plain), expected, atol=1e-6)
    np.testing.assert_array_equal(vectors(plain), vectors(packed))
    assert vectors(create(model=MINILM, input=SENTENCES[0])).shape == (1, 384)
    assert plain.usage.prompt_tokens == sum(len(shared_embedder("embedded").offsets(text)) for text in texts)


def test_base64_is_of_little_endian_float32(service: httpx.Client) -> None:
    import base64

    body = {"model": MINILM, "input": "x", "encoding_format": "base64"}
    sent = service.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    unpacked = np.frombuffer(base64.b64decode(sent), dtype="<f4")
    np.testing.assert_allclose(unpacked, shared_embedder("embedded").embed_passages(["x"])[0], atol=1e-6)


def test_questions_and_documents_have_prefixes_of_their_own(tiny_models: httpx.Client) -> None:
    create = client(tiny_models).embeddings.create
    embedder = shared_embedder("tiny")
    texts = list(SENTENCES)
    as_document = vectors(create(model=ALIAS, input=texts))
    as_query = vectors(create(model=ALIAS, input=texts, extra_body={"input_type": "query"}))
    np.testing.assert_allclose(as_document, embedder.embed_passages(texts), atol=1e-5)
    np.testing.assert_allclose(as_query, embedder.embed_questions(texts), atol=1e-5)
    assert np.abs(as_document - as_query).max() > 0.01


def test_vectors_are_shortened_as_the_model_allows(tiny_models: httpx.Client, service: httpx.Client) -> None:
    short = vectors(client(tiny_models).embeddings.create(model=ALIAS, input=list(SENTENCES), dimensions=256))
    assert short.shape == (len(SENTENCES), 256)
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1, atol=1e-5)
    with pytest.raises(openai.BadRequestError, match="has vectors of 768, 512, 256, 128, 64 dimensions"):
        client(tiny_models).embeddings.create(model=ALIAS, input="x", dimensions=100)
    with pytest.raises(openai.BadRequestError, match="has vectors of 384 dimensions") as refused:
        client(service).embeddings.create(model=MINILM, input="x", dimensions=256)
    assert (refused.value.code, refused.value.param) == ("unsupported_dimensions", "dimensions")


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (
            ["short", "word " * 300],
            "context_length_exceeded",
            "maximum context length is 256 tokens, and input 1",
        ),
        ([[1, 2], [3]], "unsupported_input", "check_embedding_ctx_length=False"),
        ([1, 2, 3], "unsupported_input", "token ids"),
        (["x", ""], "empty_input", "input 1 is empty"),
        ([], "empty_input", "no text"),
        (["x"] * 1001, "bad_bound", "1001 texts, at most 1000"),
    ],
)
def test_texts_that_cannot_be_embedded_whole_are_refused(
    service: httpx.Client, given: Any, code: str, says: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client(service).embeddings.create(model=MINILM, input=given)
    assert refused.value.code == code
    assert says in refused.value.message


def test_models_are_programs_embedders_and_rerankers(
    tiny_models: httpx.Client, service: httpx.Client
) -> None:
    models = client(service).models
    kinds = {model.id: dict(model)["kind"] for model in models.list()}
    assert kinds["chat_bridge"] == "program"
    assert kinds[MINILM] == "embedder"
    assert kinds[f"maxsim-words({MINILM})"] == "reranker"
    assert models.retrieve(MINILM).owned_by == "quincunx"
    assert {"bge", "rerank-v3.5", ALIAS} <= {model.id for model in client(tiny_models).models.list()}
    with pytest.raises(openai.NotFoundError, match="no model 'nobody' is served here"):
        models.retrieve("nobody")


def test_a_message_is_the_checked_answer_with_footnotes(service: httpx.Client) -> None:
    completion = chat(service)
    (choice,) = completion.choices
    own = quincunx.load("chat_bridge", lm="extractive")(question=QUESTION)
    prose, _, sources = choice.message.content.partition("\n\nSources:\n")
    assert prose.replace(" [1]", "") == own.output.answer
    assert sources == "- [1] Sage Daily"
    assert (choice.finish_reason, choice.message.refusal, completion.model) == ("stop", None, "chat_bridge")
    told = completion.model_extra["quincunx"]
    assert told["answered"]
    assert told["citations"] == own.record()["citations"]


@pytest.mark.parametrize("program", QUESTIONS)
def test_a_stream_is_the_same_text_for_every_program(service: httpx.Client, program: str) -> None:
    question = QUESTIONS[program]
    content = chat(service, question, program).choices[0].message.content
    assert "\n\nSources:\n- [1] " in content
    assert streamed(service, question=question, model=program) == content


def test_a_stream_ends_with_its_notes_and_its_usage_where_it_was_asked_for(service: httpx.Client) -> None:
    chunks = list(chat(service, stream=True, stream_options={"include_usage": True}, temperature=0.3))
    assert chunks[0].choices[0].delta.role == "assistant"
    *_, last, usage = chunks
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra["quincunx"]["notes"] == ["not heeded: temperature"]
    assert (usage.choices, usage.usage.total_tokens) == ([], 0)
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert all(chunk.choices for chunk in chat(service, stream=True))
    assert len({chunk.id for chunk in chunks}) == 1


def test_addresses_of_the_web_are_annotations_and_others_are_not(linked: httpx.Client) -> None:
    completion = chat(linked, "Which roofs are painted when rust spots, and how long do tin roofs last?")
    message = completion.choices[0].message
    assert "javascript" not in message.content
    assert "[roofs](" not in message.content.replace("\\[", "")
    assert "https://example.org/rust" in message.content
    urls = [annotation.url_citation for annotation in message.annotations]
    assert {url.url.partition("#")[0] for url in urls} == {"https://example.org/rust"}
    assert {url.title for url in urls} == {"Rust policy"}
    marks = {message.content[url.start_index : url.end_index] for url in urls}
    assert len(marks) == 1
    assert f"- {marks.pop()} Rust policy, https://example.org/rust" in message.content
    *_, rest, _ = chat(linked, "When are rust spots painted?", stream=True)
    assert rest.choices[0].delta.model_extra["annotations"][0]["url_citation"]["title"] == "Rust policy"


def test_a_refusal_is_a_message_that_says_why(service: httpx.Client) -> None:
    question = "How is a soufflé baked at high altitude?"
    message = chat(service, question).choices[0].message
    assert message.refusal is not None
    assert message.content.startswith(message.refusal)
    *_, rest, _ = chat(service, question, stream=True)
    assert rest.choices[0].delta.refusal == message.refusal
    assert rest.choices[0].delta.content == message.content


def test_earlier_messages_are_the_history(service: httpx.Client) -> None:
    first = chat(service).choices[0].message.content
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first},
        {"role": "user", "content": [{"type": "text", "text": "Who is it for?"}]},
    ]
    followed = chat(service, messages=messages)
    before = quincunx.load("chat_bridge", lm="extractive")(question=QUESTION).output.answer
    own = quincunx.load("chat_bridge", lm="extractive")(
        question="Who is it for?", history=[quincunx.Turn(question=QUESTION, answer=before)]
    )
    assert followed.model_extra["quincunx"]["citations"] == own.record()["citations"]
    assert followed.model_extra["quincunx"]["notes"] == own.notes


def test_what_is_not_read_or_heeded_is_noted(service: httpx.Client) -> None:
    messages = [
        {"role": "system", "content": "Answer in rhyme."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Hello"},
        {"role": "user", "content": "a library for property-based testing"},
    ]
    completion = chat(
        service, model="resource_search", messages=messages, max_tokens=5, seed=1, extra_body={"chat_id": "c"}
    )
    assert completion.model_extra["quincunx"]["notes"] == [
        "system messages were not read: the rules of a program are its own",
        "an assistant's message before any question was not read",
        "earlier messages were not read: resource_search takes no history",
        "not heeded: chat_id, max_tokens, seed",
    ]
    assert "Hypothesis" in completion.choices[0].message.content


def test_a_programs_other_inputs_and_settings_go_beside(service: httpx.Client) -> None:
    extra = {"quincunx": {"details": {"drawn": "The Star"}, "settings": {"n": 2}}}
    completion = chat(service, "Should I stay?", "astrology_reading", extra_body=extra)
    assert "Star" in completion.choices[0].message.content
    with pytest.raises(openai.BadRequestError) as refused:
        chat(service, extra_body={"quincunx": {"details": {"market": "x"}}})
    assert refused.value.code == "bad_usage"


@pytest.mark.parametrize(
    ("given", "error", "code", "param"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "model_not_found", "model"),
        ({"n": 2}, openai.BadRequestError, "unsupported_parameter", "n"),
        ({"logprobs": True}, openai.BadRequestError, "unsupported_parameter", "logprobs"),
        (
            {"response_format": {"type": "json_object"}},
            openai.BadRequestError,
            "unsupported_parameter",
            "response_format",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
            openai.BadRequestError,
            "unsupported_parameter",
            "tools",
        ),
        (
            {"messages": [{"role": "assistant", "content": "x"}]},
            openai.BadRequestError,
            "unsupported_message",
            "messages",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            openai.BadRequestError,
            "unsupported_message",
            "messages",
        ),
        ({"messages": []}, openai.UnprocessableEntityError, "bad_request", "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, openai.BadRequestError, "empty_question", None),
        (
            {"messages": [{"role": "user", "content": "x" * 100_001}]},
            openai.BadRequestError,
            "bad_bound",
            None,
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_clients_own_in_openais_shape(
    service: httpx.Client,
    stream: bool,
    given: dict[str, Any],
    error: type[openai.APIStatusError],
    code: str,
    param: str,
) -> None:
    with pytest.raises(error) as raised:
        chat(service, stream=stream, **{"model": "chat_bridge", **given})
    assert (raised.value.code, raised.value.param, raised.value.type) == (
        code,
        param,
        "invalid_request_error",
    )
    assert raised.value.response.json()["code"] == code


def test_a_tool_choice_of_none_and_a_text_format_change_nothing(service: httpx.Client) -> None:
    extra: dict[str, Any] = {"tools": [], "functions": None}
    completion = chat(service, tool_choice="none", response_format={"type": "text"}, n=1, extra_body=extra)
    assert completion.model_extra["quincunx"]["notes"] == []


def test_dspy_asks_a_program_as_a_language_model(service: httpx.Client) -> None:
    lm = dspy.LM("openai/chat_bridge", api_base=f"{service.base_url}/v1", api_key="x", cache=False)
    (said,) = lm(QUESTION)
    text = said if isinstance(said, str) else said["text"]
    assert text == chat(service).choices[0].message.content


@pytest.fixture
def slow_model(canons: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A service whose language model writes a sentence, and the next only once it is let to."""
    written = threading.Event()

    def script(body: Body) -> Iterable[str]:
        sentence = json.dumps({"cites": [1], "text": "Sage Daily gives tarot and transit readings."})
        other = json.dumps({"cites": [1], "text": "Sage Daily is the sister site of Build Daily."})
        yield '{"sentences": [' + sentence + ", "
        assert written.wait(20)
        yield other + '], "between": []}'

    with OllamaServer(script=script) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        with running(lm="ollama/qwen3", programs=["chat_bridge"], indexes=["builddaily"]) as service:
            yield service, server, written


def test_a_sentence_is_sent_while_the_next_is_still_being_written(slow_model: Any) -> None:
    service, _, written = slow_model
    pieces = [chunk.choices[0].delta.content for chunk in _letting(chat(service, stream=True), written)]
    assert pieces[:2] == ["", "Sage Daily gives tarot and transit readings. [1]"]
    assert pieces[2] == " Sage Daily is the sister site of Build Daily. [1]"
    assert "".join(filter(None, pieces)) == chat(service).choices[0].message.content
    assert chat(service).usage.prompt_tokens > 100


def _letting(chunks: Iterable[Any], written: threading.Event) -> Iterable[Any]:
    for number, chunk in enumerate(chunks):
        assert number > 1 or not written.is_set()
        yield chunk
        if number == 1:
            written.set()


def test_a_model_that_is_not_there_is_an_error_with_a_status_streamed_too(slow_model: Any) -> None:
    service, server, _ = slow_model
    del server.models["qwen3:latest"]
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as failed:
            chat(service, stream=stream)
        assert (failed.value.status_code, failed.value.code) == (502, "ollama_model_missing")


def test_a_model_that_dies_within_a_stream_ends_it_with_an_exception(
    slow_model: Any,
) -> None:
    service, server, written = slow_model
    written.set()
    server.fail("/api/chat", Fault.ERROR_MID_STREAM, times=9)
    with pytest.raises(openai.APIError):
        list(chat(service, stream=True))
