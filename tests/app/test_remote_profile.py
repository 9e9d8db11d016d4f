"""The profile ``remote``: from the environment, on the command line, in a service, and as the doctor sees it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from checkpoints import bge
from model_server import Flaw, model_server

import quincunx
from quincunx.app.commands.service.serving_options import served_settings
from quincunx.retrieval.errors import BoundError, UsageError
from quincunx.retrieval.models.profiles import find_profile
from quincunx.retrieval.models.remote.options import VARIABLES

QUESTION = "What is Sage Daily?"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command sets is taken back after the test."""
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, "")


def by_length(question: str, texts: Sequence[str]) -> list[float]:
    return [-float(len(text)) for text in texts]


def test_a_remote_reranker_orders_what_the_embedded_embedder_found(canons: Path, quincunx: Any) -> None:
    with model_server("tei", score=by_length) as server:
        done = quincunx(
            "search", "builddaily", QUESTION, "--profile", "remote", "--rerank-url", server.url, "--json"
        )
        assert done.status == 0
    passages = [candidate["passage"]["text"] for candidate in done.json["candidates"]]
    titles = [candidate["passage"]["title"] for candidate in done.json["candidates"]]
    lengths = [len(f"{title}\n{text}") for title, text in zip(titles, passages, strict=True)]
    assert all(abs(candidate["rerank_score"]) > 1 for candidate in done.json["candidates"])
    by_rank = sorted(done.json["candidates"], key=lambda candidate: candidate["rerank_rank"])
    assert [c["rerank_score"] for c in by_rank] == sorted((c["rerank_score"] for c in by_rank), reverse=True)
    assert len(lengths) == 20


@pytest.fixture
def tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote embedder's, which reads 512 tokens."""
    monkeypatch.setenv("QUINCUNX_EMBED_TOKENIZER", str(bge(tmp_path / "bge")))
    monkeypatch.setenv("QUINCUNX_EMBED_MAX_TOKENS", "512")


@pytest.mark.usefixtures("tokenizer")
def test_an_index_is_built_and_searched_by_a_remote_embedder(
    home: Path, tmp_path: Path, quincunx: Any
) -> None:
    (tmp_path / "tea.md").write_text("Tea is served at four.")
    (tmp_path / "lift.md").write_text("The lift is repaired every spring.")
    with model_server("openai") as server:
        options = ("--profile", "remote", "--embed-url", server.url, "--embed-model", "tiny")
        paths = (str(tmp_path / "tea.md"), str(tmp_path / "lift.md"))
        built = quincunx("index", "build", "notes", *paths, *options)
        assert built.status == 0, built.err
        found = quincunx("search", "notes", "When is tea served?", *options, "--json").json
        assert found["passages"][0]["document_id"] == "tea.md"
    refused = quincunx("search", "notes", "When is tea served?")
    assert (refused.status, "index_mismatch" in refused.err) == (1, True)


def test_options_of_the_profile_remote_want_that_profile(canons: Path, quincunx: Any) -> None:
    done = quincunx("search", "builddaily", QUESTION, "--rerank-url", "http://127.0.0.1:1")
    assert done.status == 2
    assert "add --profile remote" in done.err


def test_without_an_address_there_is_no_profile_remote(quincunx: Any) -> None:
    with pytest.raises(BoundError, match="QUINCUNX_RERANK_URL"):
        find_profile("remote")


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("QUINCUNX_RERANK_DIALECT", "tai"),
        ("QUINCUNX_RERANK_SCORES", "odds"),
        ("QUINCUNX_EMBED_DIALECT", "cohere"),
    ],
)
def test_a_choice_that_is_none_is_refused_by_its_variable(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_RERANK_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(variable, text)
    with pytest.raises(BoundError, match=f"{variable} must be one of"):
        find_profile("remote")


def doctor(quincunx: Any, *options: str) -> dict[str, tuple[bool, str]]:
    done = quincunx("doctor", "--profile", "remote", *options, "--json")
    return {line["what"]: (line["ok"], line["detail"]) for line in done.json["findings"]}


def test_the_doctor_tries_a_reranker(home: Path, quincunx: Any) -> None:
    with model_server("llamacpp", score=lambda question, texts: [0.2, 0.7][: len(texts)] or [0.1]) as server:
        found = doctor(
            quincunx, "--rerank-url", server.url, "--rerank-dialect", "llamacpp", "--rerank-model", "odd"
        )
    assert found["reranker: known order"][0] is False
    assert found["reranker: kind of score"][0] is False
    with model_server("infinity") as server:
        found = doctor(
            quincunx, "--rerank-url", server.url, "--rerank-dialect", "infinity", "--rerank-model", "cuts"
        )
    assert found["reranker: known order"][0] is True
    assert found["reranker: long texts"] == (False, "cut in silence by the server")
    with model_server("tei") as server:
        found = doctor(quincunx, "--rerank-url", server.url, "--rerank-dialect", "tei")
    assert found["reranker: long texts"] == (True, "refused by the server, not cut")


@pytest.mark.usefixtures("tokenizer")
def test_the_doctor_tries_an_embedder(home: Path, quincunx: Any) -> None:
    flaws = [Flaw.ADDS_A_PROMPT, Flaw.CUTS_SILENTLY]
    with model_server("openai", flaws=flaws, most_tokens=50) as server:
        found = doctor(quincunx, "--embed-url", server.url, "--embed-model", "flawed")
    assert found["embedder: prompt of the server"] == (False, "a text of one letter is read as 10 tokens")
    assert found["embedder: long texts"] == (False, "cut in silence by the server")
    with model_server("openai") as server:
        found = doctor(quincunx, "--embed-url", server.url, "--embed-model", "sound")
    assert found["embedder: prompt of the server"][0] is True
    assert found["embedder: long texts"] == (True, "read to their end, up to 512 tokens")


def test_a_program_answers_with_remote_models(canons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with model_server("cohere") as server:
        monkeypatch.setenv("QUINCUNX_RERANK_URL", server.url)
        monkeypatch.setenv("QUINCUNX_RERANK_DIALECT", "cohere")
        monkeypatch.setenv("QUINCUNX_RERANK_MODEL", "rerank-v3.5")
        answer = quincunx.load("chat_bridge", profile="remote", lm="extractive")(question=QUESTION)
        assert server.requests
    assert answer.search.candidates[0].rerank_score is not None


def test_a_service_takes_its_remote_models_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "quincunx.toml"
    path.write_text(
        '[serve]\nprofile = "remote"\n[remote]\nrerank_url = "http://h:1"\nrerank_max_tokens = 64\n'
    )
    monkeypatch.setenv("QUINCUNX_RERANK_MAX_TOKENS", "32")
    assert served_settings(path, None, None, False).profile == "remote"
    assert os.environ["QUINCUNX_RERANK_URL"] == "http://h:1"
    assert os.environ["QUINCUNX_RERANK_MAX_TOKENS"] == "32"  # the environment goes before the file


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('rerank_key = "s3cret"', "a key stands in no file; set QUINCUNX_RERANK_KEY"),
        ('rerank_uri = "http://h:1"', "rerank_uri is no option"),
        ("rerank_url = [1]", "rerank_url is no option with a text or a number"),
    ],
)
def test_what_is_no_option_of_remote_models_is_refused(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "quincunx.toml"
    path.write_text(f"[remote]\n{line}\n")
    with pytest.raises(UsageError, match=says):
        served_settings(path, None, None, False)
