"""Services that tests share which only ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from checkpoints import SENTENCES, bge, nomic
from running_service import running

from quincunx.retrieval.corpus.beir import BEIR_CORPUS
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.models import profiles
from quincunx.retrieval.models.options import ModelOptions
from quincunx.retrieval.models.profiles import local_profile
from quincunx.retrieval.storage.home import HOME_VARIABLE


@pytest.fixture(scope="session")
def shared_service(canons_folder: Path) -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        with running() as client:
            yield client


@pytest.fixture
def service(shared_service: httpx.Client, canons: Path) -> httpx.Client:
    """A client of a service with the three canons and the extractive engine."""
    return shared_service


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with a cross-encoder and an embedder with prefixes, both tiny and random."""
    folder = tmp_path_factory.mktemp("tiny-models")
    options = ModelOptions(
        nomic_folder=nomic(folder / "nomic"), cross_encoder=bge(folder / "bge"), precision="fp32"
    )
    lines = [{"_id": str(i), "title": "", "text": text} for i, text in enumerate(SENTENCES)]
    corpus = folder / BEIR_CORPUS
    corpus.write_text("\n".join(map(json.dumps, lines)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(profiles._added, "tiny", replace(local_profile(options), name="tiny"))
        patch.setenv(HOME_VARIABLE, str(folder / "home"))
        build_index("facts", corpus, profile="tiny")
        names: Any = {"reranker_names": ["rerank-v3.5"], "embedder_names": ["text-embedding-3-small"]}
        with running(profile="tiny", **names) as client:
            yield client


@pytest.fixture
def notes(home: Path, tmp_path: Path) -> Path:
    """A home folder with an index of one note."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "lift.md").write_text("The lift is repaired every spring by two engineers.")
    build_index("notes", tmp_path / "notes")
    return home


LINKED = [
    ("rust", "Rust policy", "Rust spots on tin roofs are painted every spring.", "https://example.org/rust"),
    ("tin", "Tin [roofs](https://evil.example)", "Tin roofs last for forty years.", "javascript:alert(1)"),
]


@pytest.fixture(scope="session")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service over documents of the web, one of them hostile."""
    folder = tmp_path_factory.mktemp("linked")
    lines = [
        {"_id": id, "title": title, "text": text, "metadata": {"url": url}} for id, title, text, url in LINKED
    ]
    corpus = folder / BEIR_CORPUS
    corpus.write_text("\n".join(map(json.dumps, lines)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder / "home"))
        build_index("builddaily", corpus)
        with running(programs=["chat_bridge"]) as client:
            yield client
