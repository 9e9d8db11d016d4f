"""The bge cross-encoders, on tiny random checkpoints of their own classes, against their reference path.

1. Where nothing is cut, a score is CrossEncoder.predict's with Identity, in whatever order and batch.
2. Where something is cut, it is the raw model on the tokenizer's own ``only_second`` encoding.
3. Scores are raw: what a sigmoid would tie stays apart.
4. The report counts exactly the tokens that were not read.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import WORDS, bert_reranker, bge, electra_reranker
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Dense
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from quincunx.retrieval.errors import (
    BoundError,
    MissingWeightsError,
    ModelOutputError,
    UnsupportedModelError,
    UsageError,
)
from quincunx.retrieval.models import bge as bges
from quincunx.retrieval.models import pairs
from quincunx.retrieval.models.bge import BGE, KNOWN_LOGITS, known_answer, load_bge, load_cross_encoder
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker, RerankerIdentity, probability
from quincunx.retrieval.models.pairs import PairEncoder, Truncation
from quincunx.retrieval.models.passes import cutting
from quincunx.retrieval.models.passes.cutting import batches, parts
from quincunx.retrieval.models.passes.pair_passes import _Padded
from quincunx.retrieval.models.precision.formats import PrecisionChoice, convert
from quincunx.retrieval.models.rerankers import Reranker, Scores

QUESTION = "Which metal melts last?"
load = partial(load_bge, precision="fp32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bge(tmp_path_factory.mktemp("bge"))


@pytest.fixture(scope="module")
def reranker(folder: Path) -> CrossEncoderReranker:
    return load("base", folder)


@pytest.fixture(scope="module")
def tight(folder: Path) -> CrossEncoderReranker:
    return load("base", folder, max_tokens=64)


def texts(seed: int, count: int, words: int) -> list[str]:
    """Random words in texts of 0 to ``words`` words, with characters that the vocabulary lacks."""
    random = np.random.default_rng(seed)
    vocabulary = [*WORDS, "日本", "3422 °C", "A1!"]
    return [" ".join(random.choice(vocabulary, size=random.integers(0, words + 1))) for _ in range(count)]


def predicted(folder: Path, question: str, passages: Sequence[str]) -> Scores:
    model = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    scores: Scores = model.predict([(question, passage) for passage in passages], batch_size=3)
    return scores


def by_hand(folder: Path, question: str, passages: Sequence[str], max_tokens: int) -> Scores:
    """Raw logits of the transformers model on its tokenizer's own ``only_second`` encoding, one by one."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    scores = []
    with torch.inference_mode():
        for passage in passages:
            encoding = tokenizer(
                question, passage, truncation="only_second", max_length=max_tokens, return_tensors="pt"
            )
            scores.append(model(**encoding).logits[0, 0].item())
    return np.array(scores, dtype=np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_predict_in_any_order_and_batch(
    reranker: CrossEncoderReranker, folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = texts(seed, 30, words=90)
    expected = predicted(folder, QUESTION, passages)
    assert expected.std() > 0.05  # the fixture tells passages apart
    scores, report = reranker.score_with_report(QUESTION, passages)
    assert scores.dtype == np.float32
    assert set(report) == {Truncation(0, 0)}
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    order = np.random.default_rng(seed).permutation(len(passages))
    np.testing.assert_allclose(
        reranker.score(QUESTION, [passages[i] for i in order]), expected[order], atol=1e-4
    )
    monkeypatch.setattr(cutting, "TOKENS", dict.fromkeys(cutting.TOKENS, 200))
    np.testing.assert_allclose(reranker.score(QUESTION, passages), expected, atol=1e-4)


@pytest.mark.parametrize("kind", [bert_reranker, electra_reranker])
def test_two_segments_are_told_apart_with_padding_and_without(
    kind: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kind(tmp_path)
    reranker = CrossEncoderReranker(folder, model="m", revision="r", max_tokens=128, precision="fp32")
    passages = texts(1, 10, words=20)
    expected = predicted(folder, QUESTION, passages)
    assert expected.std() > 0.01
    np.testing.assert_allclose(reranker.score(QUESTION, passages), expected, atol=1e-4)
    monkeypatch.setattr(cutting, "TOKENS", dict.fromkeys(cutting.TOKENS, 50))
    np.testing.assert_allclose(reranker.score(QUESTION, passages), expected, atol=1e-4)


def test_a_passage_that_spells_out_special_tokens_is_read_as_the_model_reads_it_alone(
    reranker: CrossEncoderReranker, folder: Path
) -> None:
    passages = ["cat <pad> dog", "<pad>", "</s> <pad><pad> metal", "cat"]
    np.testing.assert_allclose(
        reranker.score(QUESTION, passages), by_hand(folder, QUESTION, passages, 512), atol=1e-4
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_long_passage_is_cut_as_only_second_does(
    tight: CrossEncoderReranker, folder: Path, seed: int
) -> None:
    passages = texts(seed, 12, words=150)
    scores, report = tight.score_with_report(QUESTION, passages)
    np.testing.assert_allclose(scores, by_hand(folder, QUESTION, passages, 64), atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lengths = [len(tokenizer(QUESTION, passage)["input_ids"]) for passage in passages]
    assert report == [Truncation(0, max(0, length - 64)) for length in lengths]
    assert report == tight.truncations(QUESTION, passages)
    assert [pair.read for pair in report] == [min(length, 64) for length in lengths]
    assert max(pair.passage_cut for pair in report) > 50


def test_a_long_question_is_capped_and_reported(
    tight: CrossEncoderReranker, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passages = ["A cat sat on the mat", "cat " * 100]
    with caplog.at_level(logging.WARNING):
        scores, report = tight.score_with_report("metal " * 50, passages)
    assert tight.identity.max_question_tokens == 32
    assert report == [Truncation(18, 0), Truncation(18, 72)]  # 64 = 4 special + 32 + 28
    np.testing.assert_allclose(scores, by_hand(folder, "metal " * 32, passages, 64), atol=1e-4)
    assert [record.getMessage() for record in caplog.records] == [
        "BAAI/bge-reranker-base read the first 32 tokens of the question and not the last 18",
        "BAAI/bge-reranker-base read 1 of 2 passages without their end, up to 72 tokens of it (max_tokens=64)",
    ]


def test_nothing_cut_is_nothing_logged(tight: CrossEncoderReranker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tight.score(QUESTION, ["cat"])
    assert not caplog.records


def test_saturated_scores_stay_apart(folder: Path) -> None:
    reranker = load("base", folder)
    network = reranker._model.model
    assert network is not None
    passages = WORDS[:8]
    before = reranker.score(QUESTION, passages)
    network.get_parameter("classifier.out_proj.bias").data += 40
    after = reranker.score(QUESTION, passages)
    np.testing.assert_allclose(after, before + 40, atol=1e-4)
    assert len(set(after.tolist())) == len(set(before.tolist())) == 8
    assert set(probability(after).tolist()) == {1.0}


def test_the_same_text_has_the_same_score_wherever_it_stands(reranker: CrossEncoderReranker) -> None:
    some = texts(6, 30, words=40)
    scores = reranker.score(QUESTION, ["a cat", *some, "a cat", *some[::-1], "a cat"])
    assert scores[0] == scores[31] == scores[-1]
    np.testing.assert_array_equal(scores[1:31], scores[32:62][::-1])


def test_a_probability_is_the_sigmoid() -> None:
    logits = np.array([-1000, -3.659, 0, 6.157, 1000], dtype=np.float32)
    assert probability(logits) == pytest.approx([0, 0.025111, 0.5, 0.997886, 1], abs=1e-6)


def test_eight_threads_score_as_one(reranker: CrossEncoderReranker) -> None:
    calls = [(text, texts(seed, 6, words=60)) for seed, text in enumerate(texts(9, 24, words=12))]
    serial = [reranker.score_with_report(*call) for call in calls]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda call: reranker.score_with_report(*call), calls))
    for (expected, report), (scores, same_report) in zip(serial, parallel, strict=True):
        np.testing.assert_allclose(scores, expected, atol=1e-6)
        assert report == same_report


def test_no_passages_are_no_scores(reranker: CrossEncoderReranker) -> None:
    scores, report = reranker.score_with_report(QUESTION, [])
    assert scores.shape == (0,)
    assert report == []


def test_what_pads_and_what_does_not(folder: Path, tmp_path: Path) -> None:
    """Without padding where the network is known to allow it; else in padded batches, with the same scores."""

    def padded(folder: Path, choice: PrecisionChoice = "fp32") -> bool:
        return isinstance(load_cross_encoder(folder, max_tokens=64, precision=choice)._passes, _Padded)

    assert not padded(folder)
    assert not padded(folder, "bf16")
    assert not padded(folder, "int8")
    bert = bert_reranker(tmp_path / "bert")
    assert not padded(bert)
    assert padded(electra_reranker(tmp_path / "electra"))
    settings = json.loads((bert / "config.json").read_text())
    for changed in ({"is_decoder": True}, {"chunk_size_feed_forward": 1}):
        (bert / "config.json").write_text(json.dumps(settings | changed))
        assert padded(bert)
    (bert / "config.json").write_text(json.dumps(settings | {"return_dict": False}))
    assert not padded(bert)


def test_what_comes_after_the_network_has_its_say(folder: Path, tmp_path: Path) -> None:
    model = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    last = Dense(
        1, 1, activation_function=torch.nn.Tanh(), module_input_name="scores", module_output_name="scores"
    )
    with torch.no_grad():
        last.linear.weight.fill_(-1.0)
    model.append(last)
    model.save_pretrained(str(tmp_path / "longer"))
    passages = texts(4, 12, words=30)
    expected = predicted(tmp_path / "longer", QUESTION, passages)
    assert np.corrcoef(expected, predicted(folder, QUESTION, passages))[0, 1] < 0
    reranker = load_cross_encoder(tmp_path / "longer", max_tokens=128, precision="fp32")
    np.testing.assert_allclose(reranker.score(QUESTION, passages), expected, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("choice", ["fp32", "bf16", "fp16"])
def test_a_gpu_reads_many_pairs_as_it_reads_each_alone(folder: Path, choice: PrecisionChoice) -> None:
    reranker = load_cross_encoder(folder, max_tokens=128, precision=choice)
    passages = texts(6, 40, words=60)
    alone = np.concatenate([reranker.score(QUESTION, [passage]) for passage in passages])
    tolerance = 1e-4 if choice == "fp32" else 2e-2
    np.testing.assert_allclose(reranker.score(QUESTION, passages), alone, atol=tolerance)


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 5000))
def test_parts_hold_every_pair_once_shortest_first_and_are_few_and_even(
    lengths: list[int], tokens: int
) -> None:
    found = parts(lengths, tokens)
    order = [i for part in found for i in part]
    assert order == sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    count = -(-sum(lengths) // tokens)
    assert len(found) <= count
    for part in found:  # whose ends are each at most half an item from where an even cut would be
        held = sum(lengths[i] for i in part)
        assert held <= sum(lengths) / count + max(lengths)
        assert held >= sum(lengths) / count - max(lengths) or count != len(found)


@pytest.mark.parametrize("seed", range(5))
def test_batches_hold_every_pair_once_and_little_padding(seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(1, 600, size=100).tolist()
    found = list(batches(lengths))
    assert sorted(i for batch in found for i in batch) == list(range(100))
    for batch in found:
        area = len(batch) * max(lengths[i] for i in batch)
        assert area - sum(lengths[i] for i in batch) <= 0.1 * area
        assert len(batch) == 1 or area <= cutting.BATCH_TOKENS
    assert len(found) < 40
    assert [len(batch) for batch in batches([5] * 70)] == [32, 32, 6]


def test_the_identity_pins_what_changes_scores(reranker: CrossEncoderReranker, folder: Path) -> None:
    as_reranker: Reranker = reranker
    assert as_reranker.name == "BAAI/bge-reranker-base"
    identity = reranker.identity
    assert isinstance(identity, RerankerIdentity)
    assert (identity.max_tokens, identity.max_question_tokens, identity.activation) == (512, 256, "identity")
    assert identity.revision.startswith("sha256:")
    assert identity == load("base", folder).identity != load("base", folder, max_tokens=64).identity


def test_limits_are_those_of_the_model(folder: Path, tmp_path: Path) -> None:
    for size in ("base", "large"):
        with pytest.raises(BoundError, match=r"at most 512 .*got 513"):
            load(size, folder, max_tokens=513)
    with pytest.raises(BoundError, match=r"at most 8192 .*got 8193"):
        load("v2-m3", folder, max_tokens=8193)
    with pytest.raises(BoundError, match="6 to 512"):  # 514 positions, 2 of them reserved
        load("v2-m3", folder, max_tokens=513)
    with pytest.raises(BoundError, match="6 to 512"):
        load("base", folder, max_tokens=5)
    for cap in (0, 60):
        with pytest.raises(BoundError, match=f"1 to 59 at max_tokens=64 .got {cap}"):
            CrossEncoderReranker(
                folder, model="m", revision="r", max_tokens=64, max_question_tokens=cap, precision="fp32"
            )
    assert load("base", folder, max_tokens=6).truncations("cat cat", ["cat cat"]) == [Truncation(1, 1)]


def test_v2_m3_reads_8192_tokens(tmp_path: Path) -> None:
    folder = bge(tmp_path, max_positions=8194)
    assert load("v2-m3", folder).identity.max_tokens == 512
    reranker = load("v2-m3", folder, max_tokens=8192)
    passages = ["cat " * 8184 + "dog", "cat"]
    assert reranker.truncations("metal", passages) == [Truncation(0, 0)] * 2  # 8190 tokens
    assert reranker.truncations("metal", [passages[0] + " cat" * 3]) == [Truncation(0, 1)]
    some = ["cat " * 1500, "cat"]
    np.testing.assert_allclose(reranker.score("metal", some), by_hand(folder, "metal", some, 8192), atol=1e-4)


def test_scores_that_are_not_numbers_are_refused(
    reranker: CrossEncoderReranker, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    state = load_file(copy / "model.safetensors")
    name = "classifier.out_proj.weight"
    save_file(state | {name: state[name] * torch.nan}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelOutputError, match="not finite"):
        load("base", copy)


def test_a_folder_without_a_trained_head_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    state = load_file(copy / "model.safetensors")
    bare = {name: tensor for name, tensor in state.items() if not name.startswith("classifier")}
    save_file(bare, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnsupportedModelError, match=r"no trained weights for classifier\.dense\.weight"):
        load("base", copy)
    with pytest.raises(UnsupportedModelError, match="2 labels"):
        load("base", bge(tmp_path / "two", labels=2))


@pytest.mark.parametrize("size", list(BGE))
def test_unreachable_weights_name_id_revision_and_remedy(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model, revision, _ = BGE[size]
    with pytest.raises(MissingWeightsError, match=f"hf download {model} --revision {revision}"):
        load(size)  # type: ignore[arg-type]
    with pytest.raises(MissingWeightsError, match=r"holds no config\.json"):
        load(size, tmp_path)  # type: ignore[arg-type]


def test_an_unknown_size_lists_the_known() -> None:
    with pytest.raises(UsageError, match="known: base, large, v2-m3"):
        load("small")  # type: ignore[arg-type]


def test_the_known_answer_stands_beside_the_one_got(reranker: CrossEncoderReranker) -> None:
    pairs = known_answer(reranker)
    assert tuple(expected for expected, _ in pairs) == KNOWN_LOGITS == (6.157, -3.659)
    got = reranker.score(bges.KNOWN_QUESTION, bges.KNOWN_PASSAGES)
    assert [score for _, score in pairs] == pytest.approx(got.tolist())


# Reduced precision, several questions at once, passages tokenised once


@pytest.mark.parametrize("choice", ["bf16", "int8"])
@pytest.mark.parametrize("kind", [bge, bert_reranker])
def test_reduced_precision_keeps_the_order_near_and_is_named(
    tmp_path: Path, kind: Callable[[Path], Path], choice: PrecisionChoice
) -> None:
    folder = kind(tmp_path / "m")
    exact, reduced = (
        load_cross_encoder(folder, max_tokens=64, precision=asked) for asked in ("fp32", choice)
    )
    assert reduced.identity.precision == choice
    assert reduced.name == f"m ({choice})"
    assert reduced.identity != exact.identity
    passages = texts(11, 40, words=60)
    scores = reduced.score(QUESTION, passages)
    assert scores.dtype == np.float32
    assert np.corrcoef(scores, exact.score(QUESTION, passages))[0, 1] > 0.9


def test_bf16_rounds_linear_layers_and_nothing_between_them(folder: Path) -> None:
    exact = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    rounded = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    whole = CrossEncoder(str(folder), activation_fn=torch.nn.Identity(), local_files_only=True)
    assert rounded.model is not None
    convert(rounded.model.base_model, "bf16")
    whole.to(torch.bfloat16)
    kinds = {
        (type(module).__name__, parameter.dtype)
        for module in rounded.model.base_model.modules()
        for parameter in module.parameters(recurse=False)
    }
    assert {name for name, dtype in kinds if dtype == torch.bfloat16} == {"Linear"}
    assert {parameter.dtype for parameter in rounded.model.classifier.parameters()} == {torch.float32}
    pairs = [(QUESTION, text) for text in texts(5, 40, words=60)]
    right, near, far = (model.predict(pairs, show_progress_bar=False) for model in (exact, rounded, whole))
    assert np.abs(near - right).max() < np.abs(far - right).max()


def test_pairs_of_several_questions_share_batches_and_keep_their_scores(
    reranker: CrossEncoderReranker,
) -> None:
    passages = texts(12, 12, words=50)
    questions = [QUESTION, "cat", "How much did revenue rise in 2019?"]
    asked = [(question, passage) for passage in passages for question in questions]
    scores = reranker.score_pairs(asked)
    for i, question in enumerate(questions):
        np.testing.assert_allclose(scores[i::3], reranker.score(question, passages), atol=1e-5)
    assert reranker.score_pairs([]).shape == (0,)


@pytest.mark.parametrize("kind", [bge, bert_reranker])
def test_kept_passage_ids_join_to_the_tokenizer_s_own_pairs(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut or not, met for the first time or again, and after others were forgotten."""
    monkeypatch.setattr(pairs, "IDS_KEPT", 300)
    tokenizer = AutoTokenizer.from_pretrained(kind(tmp_path))
    encoder = PairEncoder(
        AutoTokenizer.from_pretrained(tmp_path).backend_tokenizer,
        max_tokens=40,
        max_question_tokens=20,
        usable=40,
        model="m",
    )
    for seed in range(3):
        some = [*texts(13, 6, words=60), *texts(seed, 6, words=60)]
        questions = ["Which metal melts last?", "cat"]
        asked = [(question, passage) for question in questions for passage in some]
        runs, _ = encoder.encode(asked)
        for (question, passage), run in zip(asked, runs, strict=True):
            own = tokenizer(question, passage, truncation="only_second", max_length=40)
            assert run.ids == own["input_ids"]
            assert run.segments == own.get("token_type_ids", [0] * len(run.ids))
        assert encoder._kept.currsize == sum(map(len, encoder._kept.values())) <= 300
