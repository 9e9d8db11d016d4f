"""``quincunx doctor`` and ``quincunx pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ollama_server import OllamaServer

from quincunx.app.remedies import fetch_weights
from quincunx.retrieval.models import profiles


def test_doctor_examines_the_profile_and_every_index(quincunx: Any, canons: Path) -> None:
    report = quincunx("doctor", "--json")
    assert report.status == 0
    lines = {finding["what"]: finding for finding in report.json["findings"]}
    assert all(finding["ok"] for finding in lines.values())
    assert {"versions", "embedder", "reranker", "reranker: time", "index builddaily"} <= lines.keys()


def test_pull_lets_the_server_fetch_a_model(
    quincunx: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OllamaServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert quincunx("pull").out.strip() == "nomic-embed-text: there"
        assert [request.body["model"] for request in server.requests if request.path == "/api/pull"] == [
            "nomic-embed-text"
        ]
    assert quincunx("pull").status == 1


def test_doctor_says_what_mends_a_failing_line(
    quincunx: Any, canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    report = quincunx("doctor", "--profile", "ollama", "--json")
    assert report.status == 1
    failing = {finding["what"]: finding["remedy"] for finding in report.json["findings"] if not finding["ok"]}
    assert failing["embedder"] == "ollama serve"


def test_doctor_gives_whole_commands_for_weights_that_are_not_there(
    quincunx: Any, canons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "_loaded", {})
    monkeypatch.setenv("QUINCUNX_NOMIC_FOLDER", str(tmp_path / "my nomic"))
    monkeypatch.setenv("QUINCUNX_RERANKER_FOLDER", str(tmp_path / "bge"))
    report = quincunx("doctor", "--profile", "local", "--json")
    assert report.status == 1
    failing = {finding["what"]: finding["remedy"] for finding in report.json["findings"] if not finding["ok"]}
    assert failing["embedder"] == (
        "HF_HUB_OFFLINE=0 hf download nomic-ai/nomic-embed-text-v1.5 --revision "
        f"e5cf08aadaa33385f5990def41f7a23405aec398 --local-dir '{tmp_path}/my nomic'"
    )
    fetch, without = failing["reranker"].splitlines()
    assert fetch.startswith("HF_HUB_OFFLINE=0 hf download BAAI/bge-reranker-base --revision ")
    assert fetch.endswith(f"--local-dir {tmp_path}/bge")
    assert without.startswith("export QUINCUNX_RERANKER=none")


def test_the_folder_of_fetched_weights_is_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_HUB_OFFLINE", "QUINCUNX_NOMIC_FOLDER"):
        monkeypatch.delenv(variable, raising=False)
    assert fetch_weights("local", "embedder").endswith(
        '--local-dir "$PWD/nomic-embed-text-v1.5" && export QUINCUNX_NOMIC_FOLDER="$PWD/nomic-embed-text-v1.5"'
    )
    monkeypatch.setenv("QUINCUNX_RERANKER", "v2-m3")
    assert "BAAI/bge-reranker-v2-m3" in fetch_weights("local", "reranker")
    monkeypatch.setenv("QUINCUNX_CROSS_ENCODER", "/no/such/folder")
    assert fetch_weights("embedded", "reranker").startswith("unset QUINCUNX_CROSS_ENCODER")
    assert fetch_weights("ollama", "embedder") == "ollama pull nomic-embed-text"
    assert fetch_weights("one_of_my_own", "embedder") == "see the message"
