"""The production profiles end to end: real loading code on tiny checkpoints, and an Ollama server that speaks the protocol."""

from __future__ import annotations

import shutil
from pathlib import Path

import checkpoints
import pytest
from ollama_server import OllamaServer

from quincunx.retrieval.errors import BoundError, IdentityMismatchError, MissingWeightsError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.index.manage import build_index, index_info, update_index
from quincunx.retrieval.models import profiles
from quincunx.retrieval.models.profiles import Profile, add_profile, shared_embedder
from quincunx.retrieval.passages import Candidate
from quincunx.retrieval.settings import SearchSettings


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for i, sentence in enumerate(checkpoints.SENTENCES):
        (folder / f"{i}.txt").write_text(sentence)
    return folder


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Nothing is loaded yet, as in a new process."""
    monkeypatch.setattr(profiles, "_loaded", {})


def restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_loaded", {})


def search(profile: str) -> tuple[Candidate, ...]:
    return SearchHandle("mine", profile).search("the question", SearchSettings(k=3, n=2)).candidates


def test_the_local_profile_embeds_with_nomic_and_reranks_with_bge(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nomic, bge = checkpoints.nomic(tmp_path / "nomic"), checkpoints.bge(tmp_path / "bge")
    monkeypatch.setenv("QUINCUNX_NOMIC_FOLDER", str(nomic))
    monkeypatch.setenv("QUINCUNX_RERANKER_FOLDER", str(bge))
    build_index("mine", [docs], profile="local")
    identity = index_info("mine").identity
    assert (identity["model"], identity["dims"]) == ("nomic-ai/nomic-embed-text-v1.5", 768)
    assert (identity["question_prefix"], identity["passage_prefix"]) == (
        "search_query: ",
        "search_document: ",
    )
    found = search("local")
    assert len(found) == 3
    assert all(candidate.rerank_score is not None for candidate in found)

    # Other weights of the same shape in the same folder are another model, and refused.
    shutil.rmtree(nomic)
    assert checkpoints.nomic(tmp_path / "nomic", seed=1) == nomic
    restart(monkeypatch)
    with pytest.raises(IdentityMismatchError, match=r"revision: 'sha256:.*index build mine"):
        search("local")
    with pytest.raises(IdentityMismatchError, match="revision"):
        update_index("mine", [docs], profile="local")


def test_other_dims_and_another_profile_are_refused(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_NOMIC_FOLDER", str(checkpoints.nomic(tmp_path / "nomic")))
    monkeypatch.setenv("QUINCUNX_RERANKER", "none")
    monkeypatch.setenv("QUINCUNX_DIMS", "256")
    build_index("mine", [docs], profile="local")
    assert index_info("mine").identity["dims"] == 256
    assert {candidate.rerank_rank for candidate in search("local")} == {None}
    monkeypatch.setenv("QUINCUNX_DIMS", "512")
    restart(monkeypatch)
    with pytest.raises(IdentityMismatchError, match="dims: 256 != 512"):
        search("local")
    with pytest.raises(IdentityMismatchError, match="MiniLM"):
        search("embedded")


def test_the_ollama_profile_refuses_an_index_of_another_server_version_or_digest(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_RERANKER", "none")
    with OllamaServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        build_index("mine", [docs], profile="ollama")
        assert len(search("ollama")) == 3
        before = server.version
        server.version = "99.0.0"
        restart(monkeypatch)
        with pytest.raises(IdentityMismatchError, match=f"server_version: '{before}' != '99.0.0'"):
            search("ollama")
        server.version = before
        server.models["nomic-embed-text:latest"].digest = "f" * 64
        restart(monkeypatch)
        with pytest.raises(IdentityMismatchError, match=r"revision: .* != 'ffff"):
            search("ollama")


def test_weights_that_cannot_be_reached_name_what_to_fetch(docs: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"hf download nomic-ai/nomic-embed-text-v1.5 --revision"):
        build_index("mine", [docs], profile="local")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("QUINCUNX_RERANKER", "huge"),
        ("QUINCUNX_RERANKER_MAX_TOKENS", "9000"),
        ("QUINCUNX_RERANKER_MAX_TOKENS", "x"),
    ],
)
def test_a_knob_out_of_range_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BoundError, match=value):
        profiles.shared_reranker("local")


def test_a_profile_of_ones_own_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "PROFILES", dict(profiles.PROFILES))
    mine = Profile("mine", profiles.PROFILES["embedded"].load_embedder, lambda: None)
    add_profile(mine)
    assert shared_embedder("mine").identity == shared_embedder("embedded").identity
    assert profiles.shared_reranker("mine") is None
    with pytest.raises(BoundError, match="'mine' is there already"):
        add_profile(mine)
