"""nomic-embed-text through a server that speaks Ollama's protocol.

1. What is sent is exact: the prefixes, ``truncate: false``, at most `BATCH` texts in a request.
2. What comes back is the server's vectors, or Matryoshka as the model's card says.
3. Each fault ends within its deadline in one typed error that names the remedy.
4. Only what may pass is tried again.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from ollama_server import Fault, OllamaServer, unit_vector

from quincunx.retrieval import errors
from quincunx.retrieval.errors import (
    BoundError,
    ModelOutputError,
    OllamaBusyError,
    OllamaError,
    OllamaModelMissingError,
    OllamaTimeoutError,
    OllamaUnreachableError,
    QuincunxError,
    UnsupportedModelError,
)
from quincunx.retrieval.models.addresses import without_secrets
from quincunx.retrieval.models.embedders import BATCH, Embedder, EmbedderIdentity
from quincunx.retrieval.models.nomic import NOMIC_DIMS
from quincunx.retrieval.models.ollama.embedder import OllamaEmbedder, pull
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import cut

MODEL, TAGGED = "nomic-embed-text", "nomic-embed-text:latest"
TEXTS = ["Tungsten melts at 3422 °C.", "A cat.", "", "Ünïcode “quotes” 한국어", "A cat."]

pauses: list[float] = []


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    pauses.clear()
    with OllamaServer() as server:
        yield server


def embedder(server: OllamaServer, **settings: Any) -> OllamaEmbedder:
    """Connect with short timeouts; pauses are noted instead of slept."""
    defaults: dict[str, Any] = {"host": server.url, "timeout_s": 2.0, "sleep": pauses.append}
    return OllamaEmbedder(**defaults | settings)


def test_the_identity_says_what_made_the_vectors(server: OllamaServer) -> None:
    made: Embedder = embedder(server)
    assert made.identity == EmbedderIdentity(
        model="ollama/nomic-embed-text",
        revision="0a109f42" * 8,
        dims=768,
        question_prefix="search_query: ",
        passage_prefix="search_document: ",
        pooling="mean",
        normalised=True,
        max_tokens=2048,
        library="ollama 0",
        server_version="0.14.2",
    )


def test_another_digest_or_version_is_another_identity(server: OllamaServer) -> None:
    first = embedder(server).identity
    server.version = "0.15.0"
    second = embedder(server).identity
    assert second.differences(first) == ["server_version: '0.15.0' != '0.14.2'"]
    server.models[TAGGED].digest = "ff" * 32
    (difference,) = embedder(server).identity.differences(second)
    assert difference.startswith("revision: 'ffff")
    (difference,) = embedder(server, dims=256).identity.differences(embedder(server).identity)
    assert difference == "dims: 256 != 768"


def test_what_is_sent_is_exact(server: OllamaServer) -> None:
    made = embedder(server)
    made.embed_passages(TEXTS)
    made.embed_questions(["why?"])
    assert server.sent("/api/embed") == [
        {"model": MODEL, "input": ["search_document: " + text for text in TEXTS], "truncate": False},
        {"model": MODEL, "input": ["search_query: why?"], "truncate": False},
    ]


def test_the_vectors_are_the_server_s(server: OllamaServer) -> None:
    made = embedder(server)
    for embed, prefix in (
        (made.embed_passages, "search_document: "),
        (made.embed_questions, "search_query: "),
    ):
        vectors = embed(TEXTS)
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, [unit_vector(MODEL, prefix + text) for text in TEXTS])


@pytest.mark.parametrize("dims", [dims for dims in NOMIC_DIMS if dims < 768])
def test_matryoshka_is_layer_norm_then_cut_then_l2(server: OllamaServer, dims: int) -> None:
    vectors = embedder(server, dims=dims).embed_passages(TEXTS)
    full = np.stack([unit_vector(MODEL, "search_document: " + text) for text in TEXTS]).astype(np.float64)
    normed = (full - full.mean(axis=1, keepdims=True)) / np.sqrt(full.var(axis=1, keepdims=True) + 1e-5)
    expected = normed[:, :dims] / np.linalg.norm(normed[:, :dims], axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    # The same in the words of the model's card.
    card = torch.nn.functional.layer_norm(torch.from_numpy(full), normalized_shape=(768,))[:, :dims]
    np.testing.assert_allclose(vectors, torch.nn.functional.normalize(card, p=2, dim=1), atol=1e-6)
    assert "dimensions" not in server.sent("/api/embed")[0]


def test_a_text_s_vector_does_not_depend_on_its_batch(server: OllamaServer) -> None:
    made = embedder(server, dims=256)
    texts = [f"text number {i}" for i in range(2 * BATCH + 3)]
    seen: list[tuple[int, int]] = []
    together = made.embed_passages(texts, lambda done, total: seen.append((done, total)))
    assert [len(body["input"]) for body in server.sent("/api/embed")] == [BATCH, BATCH, 3]
    assert seen == [(BATCH, 67), (2 * BATCH, 67), (67, 67)]
    np.testing.assert_array_equal(made.embed_passages(texts[::-1])[::-1], together)
    np.testing.assert_array_equal(made.embed_passages(texts[40:41]), together[40:41])


def test_no_texts_are_no_request(server: OllamaServer) -> None:
    assert embedder(server, dims=64).embed_passages([]).shape == (0, 64)
    assert server.sent("/api/embed") == []


def test_threads_share_an_embedder(server: OllamaServer) -> None:
    made = embedder(server)
    expected = made.embed_questions(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: made.embed_questions(TEXTS), range(12)):
            np.testing.assert_array_equal(vectors, expected)


FAULTS: list[tuple[Fault, type[QuincunxError], str, int]] = [
    (Fault.BUSY, OllamaBusyError, "busy 3 times in a row .*OLLAMA_MAX_QUEUE", 3),
    (Fault.RUNNER_DEATH, OllamaBusyError, "died 3 times in a row .*lacks memory", 3),
    (Fault.ABRUPT_CLOSE, OllamaError, "broke off its answer 3 times in a row .*log of `ollama serve`", 3),
    (Fault.NOT_FOUND, OllamaModelMissingError, "`ollama pull nomic-embed-text`", 1),
    (Fault.GARBAGE, OllamaError, "does not speak Ollama's protocol .*`ollama serve`", 1),
    (Fault.HANG, OllamaTimeoutError, "did not answer .* within 0.5 s: raise timeout_s", 1),
    (Fault.TRICKLE, OllamaTimeoutError, "did not answer .* within 0.5 s: raise timeout_s", 1),
    (Fault.WRONG_COUNT, ModelOutputError, "1 vectors for 2 texts: update Ollama", 1),
    (Fault.WRONG_DIMENSION, ModelOutputError, "767 numbers, expected 768.*`ollama pull", 1),
    (Fault.NAN, ModelOutputError, "norm nan for text 0", 1),
    (Fault.NAN_REFUSED, ModelOutputError, "NaN or Inf values.*`ollama pull", 1),
    (Fault.UNNORMALISED, ModelOutputError, "norm .*expected 1", 1),
]


@pytest.mark.parametrize(("fault", "kind", "message", "requests"), FAULTS)
def test_a_fault_is_one_typed_error_within_its_deadline(
    server: OllamaServer, fault: Fault, kind: type[QuincunxError], message: str, requests: int
) -> None:
    slow = fault in (Fault.HANG, Fault.TRICKLE)
    made = embedder(server, timeout_s=0.5 if slow else 5.0, retries=2, backoff_s=0.05, sleep=time.sleep)
    assert made.deadline_s == pytest.approx(1.65 if slow else 15.15)
    server.fail("/api/embed", fault, times=9)
    began = time.monotonic()
    with pytest.raises(QuincunxError, match=message) as caught:
        made.embed_passages(["a", "b"])
    assert time.monotonic() - began < 1.65
    assert type(caught.value) is kind
    assert len(server.sent("/api/embed")) == requests
    assert len(str(caught.value)) < 500


def test_vectors_are_checked_before_they_are_cut(server: OllamaServer) -> None:
    made = embedder(server, dims=64)
    server.fail("/api/embed", Fault.UNNORMALISED)
    server.fail("/api/embed", Fault.NAN)
    for _ in range(2):
        with pytest.raises(ModelOutputError, match="expected 1"):
            made.embed_passages(["a"])


@pytest.mark.parametrize("path", ["/api/show", "/api/tags", "/api/version"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.BUSY, OllamaBusyError),
        (Fault.HANG, OllamaTimeoutError),
        (Fault.GARBAGE, OllamaError),
        (Fault.ABRUPT_CLOSE, OllamaError),
    ],
)
def test_connecting_fails_in_the_same_ways(
    server: OllamaServer, path: str, fault: Fault, kind: type[QuincunxError]
) -> None:
    server.fail(path, fault, times=9)
    began = time.monotonic()
    with pytest.raises(OllamaError) as caught:
        embedder(server, timeout_s=0.5 if fault is Fault.HANG else 5.0, retries=1)
    assert type(caught.value) is kind
    assert time.monotonic() - began < 3 * 0.5 * 2


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.RUNNER_DEATH, Fault.ABRUPT_CLOSE])
def test_what_passes_is_tried_again(server: OllamaServer, fault: Fault) -> None:
    made = embedder(server, retries=3, backoff_s=0.5)
    server.fail("/api/embed", fault, times=3)
    np.testing.assert_array_equal(made.embed_questions(["a"]), [unit_vector(MODEL, "search_query: a")])
    assert len(server.sent("/api/embed")) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_a_server_that_comes_late_is_waited_for() -> None:
    with OllamaServer() as early:
        made = OllamaEmbedder(host=early.url, timeout_s=2.0, sleep=lambda _: None)
    with pytest.raises(OllamaUnreachableError, match=rf"{early.url}: start it with `ollama serve`"):
        made.embed_questions(["a"])
    late = OllamaServer(port=early.port)

    def start_it(pause: float) -> None:
        late.__enter__()

    waiting = OllamaEmbedder(host=early.url, timeout_s=2.0, retries=1, sleep=start_it)
    try:
        assert waiting.embed_questions(["a"]).shape == (1, 768)
        assert made.embed_questions(["a"]).shape == (1, 768)
    finally:
        late.__exit__(None, None, None)


def test_no_server_names_the_host_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with OllamaServer() as gone:
        pass
    monkeypatch.setenv("OLLAMA_API_KEY", "hush-key")
    monkeypatch.setenv("OLLAMA_HOST", f"http://me:hush-word@127.0.0.1:{gone.port}")
    with pytest.raises(OllamaUnreachableError, match=rf"at http://127.0.0.1:{gone.port}: start it") as caught:
        OllamaEmbedder(retries=0)
    assert "hush" not in f"{caught.value}{caught.value.__cause__}"
    for bad in ("http://[::1", "127.0.0.1:port", "ftp://127.0.0.1:1"):
        with pytest.raises(OllamaUnreachableError, match="write it like http://localhost:11434"):
            OllamaEmbedder(host=bad)


def test_the_host_comes_from_the_environment(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.port}")
    assert OllamaEmbedder().embed_questions(["a"]).shape == (1, 768)
    assert without_secrets("127.0.0.1:1") == "http://127.0.0.1:1"
    assert without_secrets("http://u:p://w@h") == "http://h"
    assert without_secrets("https://u:p@h:1/ollama?key=k") == "https://h:1/ollama"


def test_a_missing_model_names_the_pull(server: OllamaServer) -> None:
    del server.models[TAGGED]
    with pytest.raises(OllamaModelMissingError, match=r"does not have .*`ollama pull nomic-embed-text`"):
        embedder(server)
    server.models[TAGGED] = server.registry[TAGGED]
    made = embedder(server)
    server.models.clear()
    with pytest.raises(OllamaModelMissingError, match="`ollama pull nomic-embed-text`"):
        made.embed_questions(["a"])


def test_other_models_are_refused(server: OllamaServer) -> None:
    with pytest.raises(UnsupportedModelError, match="experts are another model"):
        embedder(server, model="nomic-embed-text-v2-moe:latest")
    assert server.requests == []
    server.models["mine:latest"] = server.models.pop("qwen3:latest")
    with pytest.raises(UnsupportedModelError, match="architecture is 'qwen3', expected 'nomic-bert'"):
        embedder(server, model="mine")
    server.models["mine:v1.5"] = server.models[TAGGED]
    assert embedder(server, model="mine:v1.5").identity.model == "ollama/mine:v1.5"


@pytest.mark.parametrize("ignores", [False, True])
def test_a_text_over_the_context_is_refused_and_never_cut(server: OllamaServer, ignores: bool) -> None:
    server.ignores_truncate = ignores
    made = embedder(server)
    fits = "word " * (2045 - 2 - 6)  # [CLS], [SEP] and "search_document: " are tokens too
    np.testing.assert_array_equal(
        made.embed_passages(["a", fits, "b"]),
        [unit_vector(MODEL, "search_document: " + text) for text in ("a", fits, "b")],
    )
    with pytest.raises(
        BoundError, match=r"at least 2\d{3} tokens is over the 2048 .*'word word .*Shorten it"
    ):
        made.embed_passages(["short", "word " * 2048])


@pytest.mark.parametrize("ignores", [False, True])
def test_a_text_that_only_the_server_knows_to_be_too_long(server: OllamaServer, ignores: bool) -> None:
    server.ignores_truncate = ignores
    made = embedder(server)
    with pytest.raises(BoundError, match=r"a text is over the 2048 tokens .*: 'unbelievable unbel"):
        made.embed_passages(["short", "unbelievable " * 1000, "short", "last " * 30])
    assert [len(body["input"]) for body in server.sent("/api/embed")] == [1, 1]


def test_offsets_stand_in_for_tokens(server: OllamaServer) -> None:
    made = embedder(server)
    text = "Tungsten, 3422 °C\n한국 x_y"
    assert [text[start:end] for start, end in made.offsets(text)] == [
        *("Tung", "sten", ",", "3422", "°", "C", "한", "국", "x_y")
    ]
    long = "Internationalisation matters; so do €5,000 notes — and 日本語. " * 60
    passages = cut(Document(id="d", title="", text=long), Chunking(), made.offsets)
    assert len(passages) > 1
    assert made.embed_passages([passage.text for passage in passages]).shape == (len(passages), 768)
    began = time.monotonic()
    made.offsets("…" * 100_000 + "a" * 100_000)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "settings",
    [{"dims": 100}, {"timeout_s": 0}, {"timeout_s": float("nan")}, {"retries": -1}, {"backoff_s": -1}],
)
def test_numbers_out_of_bounds_are_refused(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(BoundError, match=f"{name} must be"):
        OllamaEmbedder(host="http://127.0.0.1:1", **settings)


def test_a_pull_reports_bytes_and_brings_the_model(server: OllamaServer) -> None:
    size = server.models.pop(TAGGED).size
    seen: list[tuple[int, int]] = []
    pull(server.url, MODEL, lambda completed, total: seen.append((completed, total)))
    assert seen[0] == (0, size)
    assert seen[-1] == (size + 11_357, size + 11_357)
    assert all(0 <= completed <= total for completed, total in seen)
    assert embedder(server).embed_questions(["a"]).shape == (1, 768)


def test_what_a_progress_callback_raises_is_not_ollama_s(server: OllamaServer) -> None:
    def progress(completed: int, total: int) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        pull(server.url, MODEL, progress)


def failing(server: OllamaServer, fault: Fault) -> Callable[[], None]:
    server.fail("/api/pull", fault)
    return partial(pull, server.url, MODEL)


def test_a_pull_that_fails_is_an_error(server: OllamaServer) -> None:
    with pytest.raises(OllamaError, match="pull model manifest: file does not exist") as caught:
        pull(server.url, "none")
    assert type(caught.value) is OllamaError
    with pytest.raises(
        OllamaError, match=r"ended at 'writing manifest'.*`ollama pull nomic-embed-text` again"
    ):
        failing(server, Fault.UNFINISHED)()
    with pytest.raises(OllamaError, match="broke off its answer once"):
        failing(server, Fault.ABRUPT_CLOSE)()
    with pytest.raises(OllamaBusyError, match="OLLAMA_MAX_QUEUE"):
        failing(server, Fault.BUSY)()
    server.__exit__(None, None, None)
    with pytest.raises(OllamaUnreachableError, match="`ollama serve`"):
        pull(server.url, MODEL)


def test_a_hung_request_is_let_go(server: OllamaServer) -> None:
    made = embedder(server, timeout_s=0.4)
    server.fail("/api/embed", Fault.HANG)
    with pytest.raises(OllamaTimeoutError):
        made.embed_questions(["a"])
    assert server.disconnected.wait(2)
    deadline = time.monotonic() + 2
    while any(thread.name == "quincunx-ollama" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert made.embed_questions(["a"]).shape == (1, 768)


def test_the_client_is_imported_only_when_used() -> None:
    code = "import sys, quincunx.retrieval.models.ollama.embedder; print(sorted({'ollama', 'httpx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_of_ollama_is_one_of_ours() -> None:
    for kind in (OllamaBusyError, OllamaModelMissingError, OllamaTimeoutError, OllamaUnreachableError):
        assert issubclass(kind, OllamaError)
        assert issubclass(kind, errors.QuincunxError)
