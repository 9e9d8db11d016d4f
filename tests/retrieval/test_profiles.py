"""The production profiles end to end: real loading code on tiny checkpoints, and an Ollama server that speaks the protocol."""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path

import checkpoints
import pytest
from ollama_server import OllamaServer

from quincunx.retrieval.errors import BoundError, IdentityMismatchError, MissingWeightsError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.index.contents import index_info
from quincunx.retrieval.index.manage import build_index, update_index
from quincunx.retrieval.models import profiles
from quincunx.retrieval.models.embedders import load_minilm
from quincunx.retrieval.models.options import VARIABLES, ModelOptions
from quincunx.retrieval.models.profiles import (
    Profile,
    add_profile,
    embedded_profile,
    local_profile,
    shared_embedder,
)
from quincunx.retrieval.passages import Candidate
from quincunx.retrieval.retriever import Retriever
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import index_folder


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
    monkeypatch.setattr(profiles, "_added", {})
    mine = Profile("mine", load_minilm, lambda: None)
    add_profile(mine)
    assert shared_embedder("mine").identity == shared_embedder("embedded").identity
    assert profiles.shared_reranker("mine") is None
    with pytest.raises(BoundError, match="'mine' is there already"):
        add_profile(mine)


def test_a_profile_made_from_options_searches_without_the_environment(docs: Path, tmp_path: Path) -> None:
    nomic, bge = checkpoints.nomic(tmp_path / "nomic"), checkpoints.bge(tmp_path / "bge")
    mine = local_profile(ModelOptions(nomic_folder=nomic, reranker_folder=bge, dims=128, precision="fp32"))
    build_index("mine", [docs], profile=mine)
    assert index_info("mine").identity["dims"] == 128
    retriever = Retriever("mine", profile=mine, settings=SearchSettings(k=3, n=2))
    found = copy.deepcopy(retriever)(question="the question")
    assert len(found.passages) == 2
    assert copy.deepcopy(mine) is mine
    same = local_profile(ModelOptions(nomic_folder=nomic, dims=128, score_cache=0))
    assert shared_embedder(same) is shared_embedder(mine)


def test_a_handle_of_a_profile_that_is_not_known_by_its_name_cannot_be_pickled(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "_added", {})
    for models in (Profile("mine", load_minilm, lambda: None), embedded_profile(ModelOptions(score_cache=7))):
        with pytest.raises(BoundError, match=f"'{models.name}' is not the name of this one.*add_profile"):
            pickle.dumps(SearchHandle("builddaily", models))
    add_profile(models := Profile("mine", load_minilm, lambda: None))
    handle = pickle.loads(pickle.dumps(SearchHandle("builddaily", models)))
    assert handle.models is models


def test_paths_of_the_environment_are_expanded_and_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WEIGHTS", "models")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUINCUNX_NOMIC_FOLDER", "~/$WEIGHTS/nomic")
    monkeypatch.setenv("QUINCUNX_RERANKER_FOLDER", "${WEIGHTS}/bge")
    monkeypatch.setenv("QUINCUNX_HOME", "~/home")
    options = ModelOptions.from_environment()
    assert options.nomic_folder == tmp_path / "models" / "nomic"
    assert options.reranker_folder == tmp_path / "models" / "bge"
    assert index_folder("x") == tmp_path / "home" / "indexes" / "x"
    for path, named in (("$NOT_SET_HERE/x", "NOT_SET_HERE"), ("~nobody-of-that-name/x", "user")):
        monkeypatch.setenv("QUINCUNX_SCORE_FILE", path)
        with pytest.raises(BoundError, match=f"QUINCUNX_SCORE_FILE names .*{named}.*write the path out"):
            ModelOptions.from_environment()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("dims", 100, "one of 768, 512, 256, 128, 64"),
        ("reranker", "huge", "one of base, large, v2-m3, none"),
        ("reranker_max_tokens", 9000, "from 8 to 8192"),
        ("precision", "fp8", "one of auto, fp32, bf16, fp16, int8"),
        ("token_cache_mb", -1, "from 0 to"),
        ("score_cache", -1, "from 0 to"),
        ("nomic_folder", "a/b", r"pathlib\.Path"),
    ],
)
def test_an_option_out_of_range_names_itself_the_value_and_the_range(
    option: str, value: object, told: str
) -> None:
    with pytest.raises(BoundError, match=f"{option} must be .*{told}.*got {value!r}"):
        ModelOptions(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("variable", VARIABLES.values())
def test_every_variable_sets_its_option_and_a_bad_value_names_the_variable(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"dims": "64", "reranker": "large", "precision": "bf16", "embed_precision": "bf16"}
    (option,) = (option for option, name in VARIABLES.items() if name == variable)
    is_path = option.endswith(("folder", "file", "encoder"))
    monkeypatch.setenv(variable, good.get(option, str(tmp_path) if is_path else "77"))
    assert getattr(ModelOptions.from_environment(), option) != getattr(ModelOptions(), option)
    monkeypatch.setenv(variable, "$NOT_SET_HERE" if is_path else "-1")
    with pytest.raises(BoundError, match=variable):
        ModelOptions.from_environment()
    monkeypatch.setenv(variable, "")
    assert getattr(ModelOptions.from_environment(), option) == getattr(ModelOptions(), option)


def test_a_password_in_the_servers_address_is_not_shown() -> None:
    assert "hush" not in repr(ModelOptions(ollama_host="http://me:hush@127.0.0.1"))
