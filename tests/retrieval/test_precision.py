"""The number format that a cross-encoder chooses by itself.

1. The choice is the fastest format that passes, float32 where none does; what fails the bound is never chosen.
2. Fidelity is measured on the loaded weights, which are what they were afterwards.
3. It is measured once for a checkpoint on a machine, and kept; what is kept and of no use is measured again.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import bert_reranker, bge
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from quincunx.retrieval.errors import BoundError, ModelOutputError
from quincunx.retrieval.models.bge import load_cross_encoder
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker
from quincunx.retrieval.models.passes.pair_passes import _Padded
from quincunx.retrieval.models.precision import probe, remembered
from quincunx.retrieval.models.precision.choice import (
    PREFERRED,
    WORTH,
    FormatTrial,
    PrecisionReport,
    fastest_faithful,
)
from quincunx.retrieval.models.precision.fidelity import (
    LEAST_OVERLAP,
    LEAST_TAU,
    Fidelity,
    compare_orders,
)
from quincunx.retrieval.models.precision.formats import Precision, converted, require_precision
from quincunx.retrieval.models.precision.probe_texts import PASSAGES, probe_questions
from quincunx.retrieval.models.rerankers import Scores

REDUCED: tuple[Precision, ...] = ("bf16", "int8")
GOOD, BAD = Fidelity(0.99, 0.98), Fidelity(0.84, 0.79)


# The decision

figures = st.floats(0, 1)
trials = st.dictionaries(
    st.sampled_from(("bf16", "fp16", "int8")),
    st.builds(
        FormatTrial, st.floats(0.01, 100), st.builds(Fidelity, figures | st.just(1.0), figures | st.just(1.0))
    ),
)


@given(trials)
def test_the_choice_passes_or_is_float32_and_nothing_that_passes_is_clearly_faster(
    found: dict[Precision, FormatTrial],
) -> None:
    chosen = fastest_faithful(found)
    speed = found[chosen].speed if chosen != "fp32" else WORTH
    if chosen != "fp32":
        assert found[chosen].fidelity.keeps_order
        assert speed > WORTH
    for trial in found.values():
        assert not trial.passes or trial.speed <= speed * (PREFERRED if chosen == "bf16" else 1)
        assert chosen != "fp32" or not trial.passes
    assert fastest_faithful(dict(reversed(found.items()))) == chosen


@given(trials, st.sampled_from(("bf16", "fp16", "int8")), st.floats(1, 1e6))
def test_what_fails_the_bound_is_not_chosen_however_fast(
    found: dict[Precision, FormatTrial], failing: Precision, speed: float
) -> None:
    others = {name: trial for name, trial in found.items() if name != failing}
    for fidelity in (BAD, Fidelity(LEAST_OVERLAP - 1e-9, 1.0), Fidelity(1.0, LEAST_TAU - 1e-9)):
        assert fastest_faithful({**others, failing: FormatTrial(speed, fidelity)}) == fastest_faithful(others)


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ({}, "fp32"),
        ({"bf16": 0.2, "int8": 1.1}, "fp32"),
        ({"bf16": 2.5, "int8": 2.0}, "bf16"),
        ({"bf16": 2.4, "int8": 2.5}, "bf16"),
        ({"bf16": 0.2, "int8": 2.5}, "int8"),
        ({"bf16": 2.5, "int8": 2.5}, "bf16"),
        ({"bf16": 5.0, "fp16": 5.2}, "bf16"),
        ({"bf16": 1.1, "fp16": 5.0}, "fp16"),
    ],
)
def test_among_formats_that_keep_the_order_speed_decides(
    speeds: dict[Precision, float], expected: Precision
) -> None:
    assert fastest_faithful({name: FormatTrial(speed, GOOD) for name, speed in speeds.items()}) == expected


def test_a_choice_that_cannot_be_is_refused() -> None:
    with pytest.raises(BoundError, match="int8 is for a CPU"):
        require_precision("int8", "cuda")
    with pytest.raises(BoundError, match=r"must be one of auto, fp32, bf16, fp16, int8 \(got 'half'"):
        require_precision("half", "cpu")


# Fidelity of scores


def drawn(seed: int, questions: int, noise: float, passages: int = 20) -> tuple[list[Scores], list[Scores]]:
    """Return normal scores, and the same with that much noise."""
    random = np.random.default_rng(seed)
    exact = [random.normal(size=passages).astype(np.float32) for _ in range(questions)]
    return exact, [(a + noise * random.normal(size=passages)).astype(np.float32) for a in exact]


def counted_overlap(exact: list[Scores], reduced: list[Scores]) -> float:
    best = [[set(np.argsort(-scores)[:5].tolist()) for scores in orders] for orders in (exact, reduced)]
    return float(np.mean([len(a & b) / 5 for a, b in zip(*best, strict=True)]))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03, 0.1, 0.3])
def test_six_questions_tell_the_top_five_of_twenty_of_thousands(noise: float) -> None:
    many = counted_overlap(*drawn(0, 2000, noise))
    few = [compare_orders(*drawn(seed, 6, noise, passages=18)).overlap for seed in range(1, 9)]
    assert np.mean(few) == pytest.approx(many, abs=0.002 + 0.25 * (1 - many))
    assert max(abs(told - many) for told in few) < 0.002 + 0.6 * (1 - many)


def test_noise_at_which_an_overlap_of_97_percent_is_lost_fails() -> None:
    assert all(compare_orders(*drawn(seed, 6, 0.02, passages=18)).keeps_order for seed in range(10))
    assert not any(compare_orders(*drawn(seed, 6, 0.12, passages=18)).keeps_order for seed in range(10))


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-100, 100))
def test_a_shift_and_a_stretch_keep_the_order(seed: int, stretch: float, shift: float) -> None:
    exact, _ = drawn(seed, 3, 0.0)
    assert compare_orders(exact, [(stretch * a + shift).astype(np.float64) for a in exact]).keeps_order


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: -a,
        lambda a: np.full_like(a, np.nan),
        lambda a: np.where(a == a.max(), np.inf, a),
        lambda a: np.zeros_like(a),
        lambda a: np.random.default_rng(0).normal(size=a.shape),
        lambda a: np.sort(a),
    ],
)
def test_scores_that_lost_the_order_fail(spoil: Callable[[Any], Any]) -> None:
    exact, _ = drawn(5, 6, 0.0)
    found = compare_orders(exact, [spoil(a) for a in exact])
    assert not found.keeps_order
    assert 0 <= found.overlap < LEAST_OVERLAP


def test_where_float32_ties_all_nothing_is_told_and_nothing_passes() -> None:
    flat = [np.ones(12, dtype=np.float32)] * 6
    assert not compare_orders(flat, flat).keeps_order


def test_errors_that_hang_together_fail_by_the_orders_themselves() -> None:
    exact, _ = drawn(3, 6, 0.0)
    long = np.arange(20) % 2 * 0.35
    assert compare_orders(exact, [(a - long).astype(np.float32) for a in exact]).kendall_tau < LEAST_TAU


# On loaded weights


@pytest.fixture
def all_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try every format, and let those that are not float32 come out a hundred times as fast as they are here."""
    read = probe._read

    def faster(precision: Precision, reading_in: Any) -> tuple[list[Scores], list[float]]:
        scores, seconds = read(precision, reading_in)
        return scores, seconds if precision == "fp32" else [each / 100 for each in seconds]

    monkeypatch.setattr(probe, "formats_worth_trying", lambda device, width: REDUCED)
    monkeypatch.setattr(probe, "_read", faster)


def spoilt(folder: Path, spoil: Callable[[str, torch.Tensor], torch.Tensor]) -> Path:
    """Change the weights in a folder."""
    path = folder / "model.safetensors"
    save_file({name: spoil(name, tensor) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    return folder


def shifted(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Add to all outputs of a layer what the norm behind takes away: bf16 has no digits left for the rest."""
    return tensor + 3000 if name.endswith("output.dense.bias") else tensor


def outlying(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Make one weight of each row so great that int8 has no step left for the others, where it multiplies by 0."""
    if not re.search(r"attention\.output\.LayerNorm|intermediate\.dense\.weight", name):
        return tensor
    changed = tensor.clone()
    if changed.ndim == 2:
        changed[:, 0] = 1000 * tensor.abs().max()
    else:
        changed[0] = 0
    return changed


@pytest.mark.usefixtures("home", "all_are_tried")
@pytest.mark.parametrize("kind", [bge, bert_reranker])
@pytest.mark.parametrize(("spoil", "failing"), [(shifted, "bf16"), (outlying, "int8")])
def test_a_format_that_loses_the_order_with_these_weights_is_never_chosen_by_itself(
    tmp_path: Path,
    kind: Callable[[Path], Path],
    spoil: Callable[[str, torch.Tensor], torch.Tensor],
    failing: Precision,
) -> None:
    folder = spoilt(kind(tmp_path / "m"), spoil)
    found = load_cross_encoder(folder, max_tokens=96)
    assert found.precision.trials.keys() == set(REDUCED)
    trial = found.precision.trials[failing]
    assert trial.speed > WORTH
    assert not trial.fidelity.keeps_order
    assert found.precision.precision == found.identity.precision != failing
    assert found.precision.fidelity is not None
    assert found.precision.fidelity.keeps_order
    forced = load_cross_encoder(folder, max_tokens=96, precision=failing)
    assert forced.identity.precision == failing
    assert forced.precision.forced
    assert forced.precision.fidelity == trial.fidelity
    assert "asked for" in str(forced.precision)
    assert "order not kept" in str(forced.precision)


@pytest.mark.usefixtures("home", "all_are_tried")
def test_where_every_format_loses_the_order_it_is_float32(tmp_path: Path) -> None:
    folder = spoilt(spoilt(bge(tmp_path / "m"), shifted), outlying)
    found = load_cross_encoder(folder, max_tokens=96)
    assert found.precision.precision == "fp32"
    assert (found.precision.speed, found.precision.fidelity) == (1.0, Fidelity.exact())
    assert found.name == "m"
    assert all(name in str(found.precision) for name in ("bf16 left", "int8 left"))


@pytest.mark.usefixtures("home", "all_are_tried")
@pytest.mark.parametrize("kind", [bge, bert_reranker])
def test_after_the_probe_the_weights_and_their_reading_are_what_they_were(
    tmp_path: Path, kind: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kind(tmp_path / "m")
    passages = list(PASSAGES[:8])
    for chosen in ("fp32", *REDUCED):
        plain = load_cross_encoder(folder, max_tokens=96, precision=chosen)
        monkeypatch.setattr("quincunx.retrieval.models.cross_encoder.fastest_faithful", lambda _, c=chosen: c)
        probed = load_cross_encoder(folder, max_tokens=96)
        assert probed.identity == plain.identity
        assert type(probed._passes) is type(plain._passes)
        np.testing.assert_array_equal(
            probed.score("Which metal?", passages), plain.score("Which metal?", passages)
        )


@pytest.mark.parametrize("precision", REDUCED)
def test_a_network_that_computed_otherwise_for_a_while_is_the_same_bit_by_bit(
    tmp_path: Path, precision: Precision
) -> None:
    reranker = load_cross_encoder(bge(tmp_path / "m"), max_tokens=64, precision="fp32")
    network: Any = reranker._model.model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layers = [*network.modules()]
    with converted(network.base_model, precision):
        assert [*network.modules()] != layers
    assert [*network.modules()] == layers
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.usefixtures("home", "all_are_tried")
def test_weights_that_give_no_numbers_are_refused_by_the_probe(tmp_path: Path) -> None:
    folder = spoilt(
        bge(tmp_path / "m"), lambda name, tensor: tensor * torch.nan if "classifier" in name else tensor
    )
    with pytest.raises(ModelOutputError, match="m returned a score that is not finite"):
        load_cross_encoder(folder, max_tokens=96)


@pytest.mark.usefixtures("home")
def test_the_probe_of_this_machine_chooses_what_passes(tmp_path: Path) -> None:
    found = load_cross_encoder(bge(tmp_path / "m"), max_tokens=96).precision
    assert found.precision == fastest_faithful(found.trials)
    assert set(probe.formats_worth_trying("cpu", 32)) >= found.trials.keys()
    assert not found.forced


def test_every_passage_of_the_probe_is_read_for_three_questions() -> None:
    questions = probe_questions()
    assert all(len(set(passages)) == len(passages) >= 10 for _, passages in questions)
    read = [passage for _, passages in questions for passage in passages]
    assert {read.count(passage) for passage in PASSAGES} == {3}
    lengths = [len(passage.split()) for passage in PASSAGES]
    assert min(lengths) < 10
    assert max(lengths) > 100


# What is kept


def kept_file(home: Path) -> Path:
    (path,) = (home / "cache" / "precision").iterdir()
    return path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], int]:
    """Say how often the formats were measured since it was asked last."""
    caplog.set_level(logging.INFO, "quincunx")

    def count() -> int:
        found = sum("number formats against fp32" in record.message for record in caplog.records)
        caplog.clear()
        return found

    return count


@pytest.mark.usefixtures("all_are_tried")
def test_a_checkpoint_is_measured_once(tmp_path: Path, home: Path, measured: Callable[[], int]) -> None:
    folder = bge(tmp_path / "m")
    first = load_cross_encoder(folder, max_tokens=96).precision
    assert measured() == 1
    assert load_cross_encoder(folder, max_tokens=96).precision == first
    assert CrossEncoderReranker(folder, model="other", revision="r", max_tokens=96).precision == first
    assert measured() == 0
    assert json.loads(kept_file(home).read_text())["trials"].keys() == set(REDUCED)
    load_cross_encoder(bge(tmp_path / "other", seed=1), max_tokens=96)
    load_cross_encoder(folder, max_tokens=64)
    assert measured() == 2


@pytest.mark.usefixtures("all_are_tried")
@pytest.mark.parametrize("what", ["PROBE_VERSION", "processor", "threads"])
def test_another_probe_or_machine_measures_again(
    tmp_path: Path, home: Path, measured: Callable[[], int], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bge(tmp_path / "m")
    load_cross_encoder(folder, max_tokens=96)
    assert measured() == 1
    if what == "PROBE_VERSION":
        monkeypatch.setattr(remembered, "PROBE_VERSION", 99)
    elif what == "processor":
        monkeypatch.setattr(remembered, "_processor", lambda: "another")
    else:
        monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    load_cross_encoder(folder, max_tokens=96)
    assert measured() == 1


@pytest.mark.usefixtures("all_are_tried")
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "\x00\xff" * 50,
        lambda text: "[]",
        lambda text: text.replace('"speed"', '"pace"'),
        lambda text: text.replace("bf16", "bf8"),
        lambda text: text.replace('"max_tokens": 96', '"max_tokens": 97'),
        lambda text: json.dumps({**json.loads(text), "more": 1}),
    ],
)
def test_a_kept_file_that_is_of_no_use_is_measured_again_with_a_warning(
    tmp_path: Path,
    home: Path,
    measured: Callable[[], int],
    damage: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = bge(tmp_path / "m")
    first = load_cross_encoder(folder, max_tokens=96).precision
    path = kept_file(home)
    whole = path.read_text()
    assert damage(whole) != whole
    path.write_text(damage(whole), encoding="latin-1")
    measured()
    again = load_cross_encoder(folder, max_tokens=96).precision
    assert any(str(path) in record.message for record in caplog.records if record.levelname == "WARNING")
    assert measured() == 1
    assert again.trials.keys() == first.trials.keys()
    assert {n: t.fidelity for n, t in again.trials.items()} == {
        n: t.fidelity for n, t in first.trials.items()
    }
    assert load_cross_encoder(folder, max_tokens=96).precision == again
    assert measured() == 0


@pytest.mark.usefixtures("all_are_tried")
def test_a_home_that_cannot_be_written_to_is_no_error(
    tmp_path: Path, home: Path, measured: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    home.write_text("a file stands where the folder would")
    folder = bge(tmp_path / "m")
    found = load_cross_encoder(folder, max_tokens=96).precision
    assert found.trials.keys() == set(REDUCED)
    assert any("measured again by the next process" in record.message for record in caplog.records)
    assert measured() == 1


def test_a_format_that_was_asked_for_is_used_unmeasured(
    tmp_path: Path, home: Path, measured: Callable[[], int]
) -> None:
    found = load_cross_encoder(bge(tmp_path / "m"), max_tokens=96, precision="bf16").precision
    assert (found.precision, found.forced, found.speed, found.fidelity) == ("bf16", True, None, None)
    assert str(found) == "bf16, asked for: speed and fidelity to fp32 unknown"
    assert measured() == 0
    assert not home.exists()


# What is told


def test_a_report_names_both_figures_and_what_was_left() -> None:
    report = PrecisionReport(
        "bf16", forced=False, trials={"bf16": FormatTrial(2.34, GOOD), "int8": FormatTrial(3.1, BAD)}
    )
    assert str(report) == (
        "bf16, chosen by the probe: 2.3× as fast as fp32, order kept (overlap 0.990, Kendall τ 0.980); "
        "int8 left: 3.1× as fast as fp32, order not kept (overlap 0.840, Kendall τ 0.790)"
    )
    assert report.as_dict() == {
        "precision": "bf16",
        "forced": False,
        "speed": 2.34,
        "fidelity": {"overlap": 0.99, "kendall_tau": 0.98},
        "text": str(report),
    }
    assert replace(report, precision="fp32").as_dict()["speed"] == 1.0


def test_the_passes_that_were_released_leave_a_network_that_pads(tmp_path: Path) -> None:
    reranker = load_cross_encoder(bge(tmp_path / "m"), max_tokens=64, precision="fp32")
    expected = reranker.score("Which metal?", PASSAGES[:6])
    reranker._passes.release()
    reranker._passes = _Padded(reranker._model)
    np.testing.assert_allclose(reranker.score("Which metal?", PASSAGES[:6]), expected, atol=1e-4)
