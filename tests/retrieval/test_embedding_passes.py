"""Texts that are read without padding, and in reduced precision: against the library, and in an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import WORDS, nomic, text_encoder
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense
from transformers import (
    BertConfig,
    BertModel,
    ElectraConfig,
    ElectraModel,
    NomicBertConfig,
    NomicBertModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from quincunx.retrieval.errors import BoundError, IdentityMismatchError
from quincunx.retrieval.index.build import build, update
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.models import passage_precision
from quincunx.retrieval.models.embedders import (
    EmbedderIdentity,
    SentenceTransformerEmbedder,
    load_minilm,
    load_sentence_transformer,
)
from quincunx.retrieval.models.passage_precision import embedder_for_index
from quincunx.retrieval.models.passes import cutting
from quincunx.retrieval.models.precision.choice import FormatTrial
from quincunx.retrieval.models.precision.fidelity import Fidelity
from quincunx.retrieval.models.precision.formats import PrecisionChoice
from quincunx.retrieval.models.precision.remembered import probe_key, remember
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher

KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "bert": (BertConfig, BertModel),
    "roberta": (RobertaConfig, RobertaModel),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel),
    "nomic": (NomicBertConfig, NomicBertModel),
    "electra": (ElectraConfig, ElectraModel),
}
PACKED = [kind for kind in KINDS if kind != "electra"]


def texts(seed: int, count: int = 24) -> list[str]:
    """Texts of 0 to 80 words, two of them alike, one that spells out the padding token."""
    random = np.random.default_rng(seed)
    drawn = [" ".join(random.choice(WORDS, size=random.integers(0, 80))) for _ in range(count)]
    return [*drawn, drawn[0], "cat [PAD] [PAD] dog", ""]


def expected(folder: Path, some: list[str]) -> np.ndarray[Any, Any]:
    """Return what the library makes of each text alone."""
    model = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    return np.asarray(model.encode(some, batch_size=1, normalize_embeddings=True))


def loaded(folder: Path, precision: PrecisionChoice = "auto") -> SentenceTransformerEmbedder:
    return load_sentence_transformer("m", folder=folder, precision=precision)


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken", "max", "weightedmean"])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_equal_those_of_the_library(
    kind: str, pooling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, some = text_encoder(tmp_path, *KINDS[kind], pooling), texts(1)
    embedder, wanted = loaded(folder), expected(folder, some)
    assert (embedder.network is not None) == (kind in PACKED)  # others are read by the library itself
    assert wanted.std(axis=0).max() > 0.05  # the fixture tells texts apart
    np.testing.assert_allclose(embedder.embed_passages(some), wanted, atol=1e-5)
    monkeypatch.setattr(cutting, "TOKENS", {"cpu": 150})
    done: list[tuple[int, int]] = []
    np.testing.assert_allclose(
        embedder.embed_passages(some, lambda now, total: done.append((now, total))), wanted, atol=1e-5
    )
    assert done == sorted(done)
    assert done[-1] == (len(some), len(some))


def test_a_layer_after_the_pooling_has_its_say(tmp_path: Path) -> None:
    model = SentenceTransformer(str(text_encoder(tmp_path, BertConfig, BertModel)), device="cpu")
    model.insert(2, Dense(32, 8))
    model.save(str(tmp_path / "longer"), create_model_card=False)
    some = texts(2)
    embedder = loaded(tmp_path / "longer")
    assert embedder.network is not None
    np.testing.assert_allclose(embedder.embed_questions(some), expected(tmp_path / "longer", some), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("kind", PACKED)
def test_a_reduced_format_is_near_float32_and_leaves_questions_in_it(
    kind: str, pooling: str, tmp_path: Path
) -> None:
    embedder, some = loaded(text_encoder(tmp_path, *KINDS[kind], pooling)), texts(3)
    before = embedder.embed_questions(some)
    reduced = embedder.embed_in("bf16", some)
    nearness = (reduced * before).sum(axis=1)
    assert 0.99 < nearness.min() < nearness.max()
    assert not np.array_equal(reduced, before)
    np.testing.assert_array_equal(embedder.embed_questions(some), before)
    np.testing.assert_allclose(embedder.embed_in("fp16", some), before, atol=0.01)
    np.testing.assert_array_equal(embedder.embed_in("bf16", some), reduced)


def test_what_cannot_be_embedded_in_is_refused(tmp_path: Path) -> None:
    folder = text_encoder(tmp_path, ElectraConfig, ElectraModel)
    assert loaded(folder, "fp32").network is None
    with pytest.raises(BoundError, match="m embeds in fp32 alone"):
        loaded(folder, "bf16")
    with pytest.raises(BoundError, match=r"one of auto, fp32, bf16, fp16 \(got 'int8'\)"):
        load_minilm("int8")


def documents(count: int) -> list[Document]:
    return [
        Document(f"d{i}", "", f"Sentence {i} of {WORDS[i % len(WORDS)]} on the mat.") for i in range(count)
    ]


def made_in(folder: Path) -> EmbedderIdentity:
    with Store(folder).read() as reading:
        return reading.identity


@pytest.fixture
def small_is_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_precision, "BULK_BYTES", 1000)


def believe(embedder: SentenceTransformerEmbedder, speed: float, overlap: float) -> None:
    """Keep figures for bf16 as those of this machine."""
    network = embedder.network
    assert network is not None
    key = probe_key(network.weights, network.device, embedder.identity.max_tokens)
    remember(key, {"bf16": FormatTrial(speed, Fidelity(overlap, 1.0))})


@pytest.mark.parametrize(
    ("speed", "overlap", "chosen"), [(2.0, 0.99, "bf16"), (1.1, 0.99, "fp32"), (2.0, 0.9, "fp32")]
)
def test_a_new_index_is_embedded_in_the_fastest_format_that_keeps_the_order(
    speed: float, overlap: float, chosen: str, tmp_path: Path, home: Path, small_is_bulk: None
) -> None:
    embedder = loaded(nomic(tmp_path, hidden=64))
    believe(embedder, speed, overlap)
    build(tmp_path / "large", documents(40), embedder)
    assert made_in(tmp_path / "large").precision == chosen
    build(tmp_path / "small", documents(3), embedder)
    assert made_in(tmp_path / "small") == embedder.identity


def test_the_probe_reads_with_the_weights_themselves(
    tmp_path: Path, home: Path, small_is_bulk: None, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = loaded(nomic(tmp_path, hidden=64))
    with caplog.at_level("INFO", "quincunx"):
        build(tmp_path / "index", documents(40), embedder)
    assert "number formats against fp32" in caplog.text
    assert "int8" not in caplog.text
    caplog.clear()
    with caplog.at_level("INFO", "quincunx"):
        build(tmp_path / "another", documents(41), embedder)
    assert "number formats" not in caplog.text  # it is remembered


def test_an_index_stays_in_the_format_that_it_was_made_in(
    tmp_path: Path, home: Path, small_is_bulk: None
) -> None:
    embedder = loaded(nomic(tmp_path, hidden=64))
    believe(embedder, 2.0, 0.99)
    index, some = tmp_path / "index", documents(40)
    assert build(index, some, embedder).embedded == 40
    believe(embedder, 1.0, 0.99)  # as on another machine
    assert build(index, some, embedder).embedded == 0
    assert update(index, [*some, Document("new", "", "A dog.")], embedder).embedded == 1
    identity = made_in(index)
    assert identity.precision == "bf16"
    with Store(index).read() as reading:
        [(numbers, vectors)] = reading.vectors()
        held = {
            reading.passages([number])[number].id: vector
            for number, vector in zip(numbers.tolist(), vectors, strict=True)
        }
    np.testing.assert_array_equal(held["new"], embedder.embed_in("bf16", ["search_document: A dog."[17:]])[0])
    found = Searcher([index], embedder, None).search("A dog.")
    assert found.candidates[0].passage.id == "new"

    exact = loaded(tmp_path / "model", "fp32")
    assert Searcher([index], exact, None).search("A dog.").candidates[0].passage.id == "new"
    with pytest.raises(IdentityMismatchError, match="precision: 'bf16' != 'fp32'"):
        update(index, [Document("more", "", "A mat.")], exact)
    assert build(index, some, exact).embedded == 40
    assert made_in(index) == exact.identity


def test_an_index_in_float32_names_no_precision_as_before_there_were_others() -> None:
    identity = EmbedderIdentity("m", "1", 16, "", "", "mean", True, 512, "tests")
    assert "precision" not in identity.as_dict()
    assert EmbedderIdentity(**identity.as_dict()) == identity
    reduced = replace(identity, precision="bf16")
    assert EmbedderIdentity(**reduced.as_dict()) == reduced


def test_an_embedder_of_ones_own_is_taken_as_it_is(small_is_bulk: None) -> None:
    from parts import Hashing

    own = Hashing()
    assert embedder_for_index(own, None, 10**9) is own
