"""``quincunx doctor`` and ``quincunx pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ollama_server import OllamaServer


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
