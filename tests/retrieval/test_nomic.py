"""nomic-embed-text v1.5, on a tiny random checkpoint of its own classes, against its reference path.

1. A vector is SentenceTransformer's own for the prefixed text, in whatever order and batch it comes.
2. A shorter vector is the model card's recipe: layer norm, cut, L2.
3. No text is cut: one over 2048 tokens is refused.
4. Other weights, or another model of the same model_type, never pass for this one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from checkpoints import WORDS, nomic, nomic_with_experts
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from quincunx.retrieval.errors import (
    BoundError,
    MissingWeightsError,
    ModelOutputError,
    UnsupportedModelError,
    UsageError,
)
from quincunx.retrieval.models import weights
from quincunx.retrieval.models.embedders import (
    SentenceTransformerEmbedder,
    Vectors,
    _token_limit,
    load_minilm,
    load_sentence_transformer,
    matryoshka_cut,
)
from quincunx.retrieval.models.nomic import NOMIC_DIMS, NOMIC_ID, NOMIC_REVISION, _require_native, load_nomic


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nomic(tmp_path_factory.mktemp("nomic"))


@pytest.fixture(scope="module")
def embedder(folder: Path) -> SentenceTransformerEmbedder:
    return load_nomic(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), local_files_only=True)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def texts(seed: int, count: int = 16) -> list[str]:
    """Random words in texts of 0 to 120 words, with characters that the vocabulary lacks."""
    random = np.random.default_rng(seed)
    words = [*WORDS, "Ünïcode", "—", "“quotes”", "日本", "3422°C"]
    return [" ".join(random.choice(words, size=random.integers(0, 120))) for _ in range(count)]


def encoded(reference: SentenceTransformer, prefix: str, of: list[str]) -> Vectors:
    vectors: Vectors = reference.encode(
        [prefix + text for text in of], batch_size=1, normalize_embeddings=True
    )
    return vectors


@pytest.mark.parametrize("seed", range(3))
def test_vectors_equal_the_reference_with_prefixes(
    embedder: SentenceTransformerEmbedder, reference: SentenceTransformer, seed: int
) -> None:
    some = texts(seed)
    passages = encoded(reference, "search_document: ", some)
    questions = encoded(reference, "search_query: ", some)
    np.testing.assert_allclose(embedder.embed_passages(some), passages, atol=1e-5)
    np.testing.assert_allclose(embedder.embed_questions(some), questions, atol=1e-5)
    assert np.abs(passages - questions).max() > 1e-2  # the prefix matters
    order = np.random.default_rng(seed).permutation(len(some))
    np.testing.assert_allclose(embedder.embed_passages([some[i] for i in order]), passages[order], atol=1e-5)
    np.testing.assert_allclose(embedder.embed_passages(some[:1]), passages[:1], atol=1e-5)
    assert embedder.embed_passages([]).shape == (0, 768)


def test_vectors_cut_later_are_those_of_an_embedder_of_that_size(
    folder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    some, short = texts(3, 4), load_nomic(folder, 256)
    assert (embedder.shorter, short.shorter) == (NOMIC_DIMS[1:], ())
    cut = matryoshka_cut(embedder.embed_passages(some), 256)
    np.testing.assert_allclose(cut, short.embed_passages(some), atol=1e-5)


@pytest.mark.parametrize("dims", NOMIC_DIMS)
def test_shorter_vectors_follow_the_model_card(
    folder: Path, reference: SentenceTransformer, dims: int
) -> None:
    some = texts(7, 8)
    full = reference.encode(["search_document: " + text for text in some], convert_to_tensor=True)
    if dims < 768:
        full = F.layer_norm(full, normalized_shape=(full.shape[1],))[:, :dims]
    expected = F.normalize(full, p=2, dim=1).cpu().numpy()
    embedder = load_nomic(folder, dims)
    assert embedder.identity.dims == dims
    np.testing.assert_allclose(embedder.embed_passages(some), expected, atol=1e-5)


def test_shortening_does_not_see_the_scale() -> None:
    vectors: Vectors = np.random.default_rng(0).normal(size=(9, 768)).astype(np.float32)
    np.testing.assert_allclose(
        matryoshka_cut(vectors, 64), matryoshka_cut(vectors / np.float32(30), 64), atol=1e-6
    )
    ordinary = F.normalize(torch.from_numpy(vectors)[:, :64], dim=1).numpy()
    assert (
        np.abs(matryoshka_cut(vectors + np.float32(1), 64) - ordinary).max() < 0.02 < np.abs(ordinary).max()
    )


@pytest.mark.parametrize("dims", [0, 63, 100, 769])
def test_other_sizes_are_refused(folder: Path, dims: int) -> None:
    with pytest.raises(BoundError, match=f"768, 512, 256, 128, 64 .*got {dims}"):
        load_nomic(folder, dims)


def test_a_size_over_the_full_one_is_refused(tmp_path: Path) -> None:
    small = nomic(tmp_path, hidden=128)
    with pytest.raises(BoundError, match=r"128, 64 dims \(got 512\)"):
        load_nomic(small, 512)
    with pytest.raises(BoundError, match=r"128 dims \(got 64\)"):
        load_sentence_transformer("small", folder=small, dims=64)


def test_2048_tokens_are_read_and_one_more_is_refused(tmp_path: Path) -> None:
    long = nomic(tmp_path, hidden=64, max_positions=4096)
    reference = SentenceTransformer(str(long), local_files_only=True)
    assert reference.max_seq_length == 4096
    embedder = load_sentence_transformer("long", folder=long, max_tokens=2048, passage_prefix="cat ")
    assert embedder.identity.max_tokens == 2048
    text = "cat " * 2045  # with the prefix and two special tokens: 2048
    np.testing.assert_allclose(embedder.embed_passages([text]), encoded(reference, "cat ", [text]), atol=1e-5)
    with pytest.raises(BoundError, match="2049 tokens is over the 2048"):
        embedder.embed_passages([text + "cat"])


def test_the_limit_is_2048_whatever_the_folder_states(copy: Path) -> None:
    path = copy / "config.json"
    path.write_text(
        path.read_text().replace('"max_position_embeddings": 2048', '"max_position_embeddings": 8192')
    )
    assert load_nomic(copy).identity.max_tokens == 2048


def test_a_model_without_a_limit_needs_one() -> None:
    assert (
        _token_limit(None, 512, "m") == _token_limit(512, 2048, "m") == _token_limit(10**30, 512, "m") == 512
    )
    with pytest.raises(BoundError, match="pass max_tokens"):
        _token_limit(10**30, None, "m")


def test_a_default_prompt_of_the_model_is_not_added(
    copy: Path, embedder: SentenceTransformerEmbedder
) -> None:
    path = copy / "config_sentence_transformers.json"
    settings = json.loads(path.read_text()) | {"prompts": {"odd": "cat cat "}, "default_prompt_name": "odd"}
    path.write_text(json.dumps(settings))
    some = texts(3, 4)
    np.testing.assert_array_equal(load_nomic(copy).embed_passages(some), embedder.embed_passages(some))


def test_the_identity_holds_the_prefixes_and_pins_the_weights(
    folder: Path, copy: Path, embedder: SentenceTransformerEmbedder
) -> None:
    identity = embedder.identity
    assert (identity.model, identity.question_prefix, identity.passage_prefix, identity.pooling) == (
        NOMIC_ID,
        "search_query: ",
        "search_document: ",
        "mean",
    )
    bare = load_sentence_transformer(NOMIC_ID, folder=folder)
    assert identity.differences(bare.identity) == [
        "question_prefix: 'search_query: ' != ''",
        "passage_prefix: 'search_document: ' != ''",
    ]
    assert load_nomic(copy).identity == identity  # where the folder lies does not matter
    state = load_file(copy / "model.safetensors")
    name = next(iter(state))
    save_file(state | {name: state[name] + 1e-3}, copy / "model.safetensors", {"format": "pt"})
    assert [line.split(":")[0] for line in identity.differences(load_nomic(copy).identity)] == ["revision"]


def test_checkpoints_are_the_same_for_the_same_seed(folder: Path, tmp_path: Path) -> None:
    assert weights.folder_revision(nomic(tmp_path / "a")) == weights.folder_revision(folder)
    assert weights.folder_revision(nomic(tmp_path / "b", seed=1)) != weights.folder_revision(folder)


def test_weights_that_are_not_numbers_are_refused(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    save_file(
        {name: t * torch.nan for name, t in state.items()}, copy / "model.safetensors", {"format": "pt"}
    )
    embedder = load_nomic(copy)
    with pytest.raises(ModelOutputError):
        embedder.embed_passages(["a cat"])


def test_a_mixture_of_experts_is_refused_before_its_weights_are_read(tmp_path: Path) -> None:
    moe = nomic_with_experts(tmp_path / "moe")
    with pytest.raises(UnsupportedModelError, match="mixture of experts"):
        load_nomic(moe)
    with pytest.raises(UnsupportedModelError, match="mixture of experts"):
        load_sentence_transformer("mine", folder=moe)
    with pytest.raises(UnsupportedModelError, match=r"nomic-embed-text-v2-moe.*NomicBertModel lacks"):
        load_sentence_transformer("nomic-ai/nomic-embed-text-v2-moe", revision="0" * 40)


def test_a_field_for_experts_alone_makes_no_mixture(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"num_experts": 8, "moe_every_n_layers": -1}))
    load_nomic(copy)


def test_another_model_in_the_folder_is_refused(copy: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="type 'bert', not nomic-ai/"):
        load_nomic(weights.minilm_folder())
    with pytest.raises(UnsupportedModelError, match=r"NomicBertModel \(got transformers\..*BertModel\)"):
        _require_native(load_minilm())
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"n_layer": 3}))
    with pytest.raises(UnsupportedModelError, match=r"n_layer=3.*num_hidden_layers=1"):
        load_nomic(copy)


def test_unreachable_weights_name_id_revision_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeightsError, match=f"hf download {NOMIC_ID} --revision {NOMIC_REVISION}"):
        load_nomic()
    with pytest.raises(MissingWeightsError, match=r"holds no config\.json"):
        load_nomic(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingWeightsError, match=r"holds no \*.safetensors"):
        load_nomic(tmp_path)


def test_the_cache_of_the_hub_serves_offline(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedder: SentenceTransformerEmbedder
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / f"models--{NOMIC_ID.replace('/', '--')}" / "snapshots" / NOMIC_REVISION
    shutil.copytree(folder, snapshot)
    cached = load_nomic()
    assert cached.identity.revision == NOMIC_REVISION
    np.testing.assert_array_equal(cached.embed_passages(["a cat"]), embedder.embed_passages(["a cat"]))
    (snapshot / "model.safetensors").unlink()  # as an interrupted download leaves it
    with pytest.raises(MissingWeightsError, match="hf download"):
        load_nomic()


@pytest.mark.parametrize("revision", [None, "main", "e5cf08a"])
def test_a_hub_id_needs_a_commit(revision: str | None) -> None:
    with pytest.raises(UsageError, match="40 hexadecimal digits"):
        load_sentence_transformer("some/model", revision=revision)


def test_a_folder_takes_no_revision(folder: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        load_sentence_transformer("m", revision="0" * 40, folder=folder)
