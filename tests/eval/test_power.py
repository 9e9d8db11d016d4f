"""The smallest effects that a gold set finds: as often as stated, and no smaller."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import TORTURE
from hypothesis import given, settings
from hypothesis import strategies as st

from quincunx.eval.stats.paired import Array, compare_paired
from quincunx.eval.stats.power import design_effect, minimum_detectable_effect
from quincunx.retrieval.errors import BoundError, UsageError

RUNS = 1_000 if TORTURE else 200
LEAST, MOST = (0.74, 0.86) if TORTURE else (0.68, 0.9)


def found(draw: Callable[[np.random.Generator], Array], **more: Any) -> float:
    """The share of simulated comparisons that find b better; a zero of differences is a question without change."""
    rng = np.random.default_rng(3)
    better = 0
    for i in range(RUNS):
        d = draw(rng)
        a, b = (d < 0).astype(float), (d > 0).astype(float)
        if not np.isin(d, (-1, 0, 1)).all():
            a, b = np.zeros(len(d)), d
        better += compare_paired(a, b, seed=i, resamples=1_000, **more).outcome == "better"
    return better / RUNS


def shares(u: Array, effect: float, discordance: float) -> Array:
    """Differences of 0/1 scores from uniform numbers."""
    discordance = max(discordance, effect)
    return np.select([u < (discordance + effect) / 2, u < discordance], [1.0, -1.0], 0.0)


def report(what: str, share: float) -> None:
    sys.stdout.write(f"\neffects of the stated size found, {what}: {share:.1%} of {RUNS}\n")


@pytest.mark.torture
@pytest.mark.parametrize(
    ("n", "discordance"), [(20, 0.1), (30, 0.05), (30, 0.2), (60, 0.1), (100, 0.05), (100, 0.2), (200, 0.2)]
)
def test_stated_effects_on_binary_scores_are_found(n: int, discordance: float) -> None:
    effect = minimum_detectable_effect(n, discordance=discordance)
    share = found(lambda rng: shares(rng.random(n), effect, discordance))
    report(f"binary, n={n}, discordance {discordance}, effect {effect:.3f}", share)
    assert LEAST <= share <= MOST


@pytest.mark.torture
@pytest.mark.parametrize("n", [6, 8, 12, 30, 100])
def test_stated_effects_on_other_scores_are_found(n: int) -> None:
    effect = minimum_detectable_effect(n, sd=0.3)
    share = found(lambda rng: rng.normal(effect, 0.3, n))
    report(f"continuous, n={n}, effect {effect / 0.3:.3f} sd", share)
    assert LEAST <= share <= MOST


@pytest.mark.torture
@pytest.mark.parametrize("groups", [10, 20, 40])
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_stated_effects_on_clusters_are_found(kind: str, groups: int) -> None:
    """Each of five questions of a cluster repeats its cluster's draw with probability 0.6: correlation 0.36."""
    labels = np.repeat(np.arange(groups), 5)
    n = len(labels)
    inflation = 1 + 4 * 0.36
    known: dict[str, Any] = {"discordance": 0.3} if kind == "binary" else {"sd": 1.0}
    effect = minimum_detectable_effect(n, clusters=groups, design_effect=inflation, **known)

    def draw(rng: np.random.Generator) -> Array:
        repeats = rng.random(n) < 0.6
        if kind == "binary":
            return shares(np.where(repeats, rng.random(groups)[labels], rng.random(n)), effect, 0.3)
        return effect + np.where(repeats, rng.normal(size=groups)[labels], rng.normal(size=n))

    share = found(draw, clusters=labels)
    report(f"{kind}, {groups} clusters of 5, effect {effect:.3f}", share)
    assert LEAST <= share <= MOST


@pytest.mark.parametrize("discordance", [0.05, 0.2])
def test_large_sets_come_near_the_usual_approximation(discordance: float) -> None:
    """2.80 · √(discordance / n) is (1.96 + 0.84) standard errors of a difference of 0."""
    for n, near in ((200, 0.25), (20_000, 0.03)):
        effect = minimum_detectable_effect(n, discordance=discordance)
        assert effect == pytest.approx(2.80 * math.sqrt(discordance / n), rel=near)
    spread = minimum_detectable_effect(20_000, sd=0.3)
    assert spread == pytest.approx((1.959964 + 0.841621) * 0.3 / math.sqrt(20_000), rel=1e-3)


def test_the_power_of_students_test() -> None:
    """Cohen (1988), table 2.3.5 via G*Power: a shift of half a deviation needs 34 pairs for 80 % power."""
    assert minimum_detectable_effect(34, sd=1.0) <= 0.5 < minimum_detectable_effect(33, sd=1.0)


def test_six_of_six_must_win() -> None:
    """With six questions every one must be won: effect⁶ = 0.8; with five nothing can be found."""
    assert minimum_detectable_effect(6, discordance=0.1) == pytest.approx(0.8 ** (1 / 6), abs=1e-6)
    assert minimum_detectable_effect(5, discordance=0.1) == math.inf
    assert minimum_detectable_effect(5, sd=1.0) == math.inf
    assert minimum_detectable_effect(50, sd=1.0, clusters=5) == math.inf
    assert minimum_detectable_effect(50, discordance=0.2, clusters=5) == math.inf


@settings(max_examples=25)
@given(st.integers(8, 300), st.floats(0.02, 0.6), st.floats(0.55, 0.95))
def test_more_questions_and_less_noise_find_smaller_effects(n: int, discordance: float, power: float) -> None:
    effect = minimum_detectable_effect(n, discordance=discordance, power=power)
    assert 0 < effect <= 1
    assert minimum_detectable_effect(4 * n, discordance=discordance, power=power) < effect
    assert minimum_detectable_effect(n, discordance=discordance, power=power + 0.04) > effect
    assert minimum_detectable_effect(n, discordance=discordance, power=power, alpha=0.01) >= effect
    assert minimum_detectable_effect(2 * n, sd=1, power=power) < minimum_detectable_effect(
        n, sd=1, power=power
    )
    whole = minimum_detectable_effect(n, sd=1.0)
    assert minimum_detectable_effect(n, sd=2.0) == pytest.approx(2 * whole)
    assert minimum_detectable_effect(n, sd=1.0, clusters=n, design_effect=4) == pytest.approx(2 * whole)


def test_the_design_effect_by_hand() -> None:
    """Kish: 1 + (m − 1) · correlation, so m for questions that repeat one another, and 1 for single ones."""
    x = np.random.default_rng(0).normal(size=40)
    labels = np.arange(40)
    assert design_effect(x, labels) == pytest.approx(1)
    assert design_effect(np.repeat(x, 4), np.repeat(labels, 4)) == pytest.approx(4, rel=0.03)
    assert design_effect([1, 1, 1], [0, 0, 1]) == 1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: minimum_detectable_effect(10), UsageError, "pass either"),
        (lambda: minimum_detectable_effect(10, sd=1, discordance=0.1), UsageError, "pass either"),
        (lambda: minimum_detectable_effect(1, sd=1), BoundError, "n must be at least 2, got 1"),
        (lambda: minimum_detectable_effect(10, sd=0), BoundError, "sd must be more than 0"),
        (lambda: minimum_detectable_effect(10, sd=math.nan), BoundError, "got nan"),
        (lambda: minimum_detectable_effect(10, discordance=0), BoundError, "discordance must be"),
        (lambda: minimum_detectable_effect(10, discordance=0.1, power=0.01), BoundError, "power must be"),
        (lambda: minimum_detectable_effect(10, sd=1, power=1), BoundError, "power must be"),
        (lambda: minimum_detectable_effect(10, sd=1, clusters=11), BoundError, "from 2 to n=10, got 11"),
        (lambda: minimum_detectable_effect(10, sd=1, design_effect=2), UsageError, "needs clusters"),
        (
            lambda: minimum_detectable_effect(10, sd=1, clusters=5, design_effect=0),
            BoundError,
            "design effect must be",
        ),
        (lambda: design_effect([1, 2], [0, 0]), UsageError, "at least 2 clusters"),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
