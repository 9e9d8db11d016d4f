"""Paired comparisons and means with intervals: what they return, and how often they are wrong.

Invariants held here:
1. swapping the systems mirrors the result; 2. the order of the questions changes nothing; 3. adding a constant to both
systems changes nothing; 4. every question is a win, a tie or a loss; 5. systems that are equally good are told apart in
at most one comparison of twenty; 6. the interval of the difference holds the truth about as often as it says.
"""

from __future__ import annotations

import math
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from conftest import TORTURE
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from quincunx.eval.stats.paired import Array, Comparison, compare_paired, holm, interval, wilson
from quincunx.programs.measures import kendall
from quincunx.retrieval.errors import BoundError, UsageError

RUNS = 1_000 if TORTURE else 150
FAST = 1_000
"""Resamples in simulations and properties."""

eighths = st.integers(-16, 16).map(lambda i: i / 8)  # exact in binary: sums of them do not round
pairs = st.lists(st.tuples(eighths, eighths), min_size=2, max_size=20)
bits = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=40)


def split(rows: list[tuple[float, float]]) -> tuple[Array, Array]:
    table = np.array(rows, dtype=np.float64)
    return table[:, 0], table[:, 1]


def discordant(wins: int, losses: int, ties: int) -> tuple[Array, Array]:
    """0/1 scores with so many wins, losses and ties of b."""
    a = np.array([0] * wins + [1] * losses + [1] * ties, dtype=np.float64)
    b = np.array([1] * wins + [0] * losses + [1] * ties, dtype=np.float64)
    return a, b


# Oracles and golden numbers


def test_six_discordant_pairs_are_the_fewest_that_can_tell() -> None:
    """2 · 0.5⁵ = 0.0625 and 2 · 0.5⁶ = 0.03125."""
    five, six = compare_paired(*discordant(5, 0, 20), seed=0), compare_paired(*discordant(6, 0, 20), seed=0)
    assert (five.p, five.outcome) == (0.0625, "undecided")
    assert (six.p, six.outcome, six.verdict) == (0.03125, "better", "better")
    assert five.verdict == (
        "cannot tell at this n: 5 of 25 pairs are discordant, and with fewer than 6 no result reaches p < 0.05"
    )
    assert compare_paired(*discordant(0, 6, 20), seed=0).verdict == "worse"
    assert compare_paired(*discordant(6, 5, 20), seed=0).verdict == "cannot tell at this n"
    strict = compare_paired(*discordant(7, 0, 20), seed=0, alpha=0.01)
    assert "with fewer than 8 no result reaches p < 0.01" in strict.verdict


def test_the_verdict_names_clusters_where_they_are_too_few() -> None:
    a, b = discordant(10, 0, 10)
    told = compare_paired(a, b, clusters=["x"] * 5 + ["y"] * 5 + ["z"] * 10, seed=0)
    assert told.test == "exact sign flips by cluster"
    assert (told.clusters, told.differing, told.p) == (3, 2, 0.5)
    assert told.verdict == (
        "cannot tell at this n: 2 of 3 clusters differ, and with fewer than 6 no result reaches p < 0.05"
    )


def test_fisher_on_darwins_maize() -> None:
    """Fisher, The Design of Experiments (1935), section 21: 863 of 2¹⁵ ways give a sum of 314 or more."""
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    told = compare_paired(np.zeros(15), eighths, seed=0, resamples=2**15)
    assert told.test == "exact sign flips"
    assert told.p == 2 * 863 / 2**15
    assert (told.wins, told.ties, told.losses) == (13, 0, 2)
    assert told.difference == pytest.approx(314 / 15)
    drawn = compare_paired(np.zeros(15), eighths, seed=0, resamples=10_000)
    assert drawn.test == "Monte Carlo sign flips"
    assert drawn.p == pytest.approx(told.p, abs=0.009)


def test_agresti_on_approval_ratings() -> None:
    """Agresti, Categorical Data Analysis (2002), table 10.1: the difference is −0.04, from −0.06 to −0.02."""
    a, b = discordant(86, 150, 794)
    a, b = np.append(a, np.zeros(570)), np.append(b, np.zeros(570))
    told = compare_paired(a, b, seed=0)
    assert (round(told.difference, 2), round(told.low, 2), round(told.high, 2)) == (-0.04, -0.06, -0.02)
    assert told.p == pytest.approx(mcnemar([[794, 150], [86, 570]], exact=True).pvalue, rel=1e-9)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_binary_scores_have_the_p_of_mcnemars_exact_test(wins: int, losses: int, ties: int) -> None:
    told = compare_paired(*discordant(wins, losses, ties + 1), seed=0, resamples=400)
    assert told.test == "exact McNemar"
    assert told.p == pytest.approx(mcnemar([[ties, losses], [wins, 0]], exact=True).pvalue, rel=1e-9)
    if wins + losses:
        assert told.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue, rel=1e-9)


@given(bits)
def test_flipping_each_question_is_mcnemars_test(rows: list[tuple[float, float]]) -> None:
    a, b = split(rows[:12])
    whole = compare_paired(a, b, seed=0, resamples=5_000)
    single = compare_paired(a, b, clusters=range(len(a)), seed=0, resamples=5_000)
    assert single.p == pytest.approx(whole.p, rel=1e-12)
    assert (single.low, single.high) == (whole.low, whole.high)


@settings(max_examples=20)
@given(st.lists(eighths, min_size=2, max_size=9))
def test_sign_flips_have_the_p_of_scipys_permutation_test(d: list[float]) -> None:
    told = compare_paired(np.zeros(len(d)), d, seed=0, resamples=FAST)
    scipy = stats.permutation_test(
        (np.zeros(len(d)), np.array(d)),
        lambda x, y, axis: np.mean(y - x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    if np.isin(d, (0, 1)).all():
        assert told.test == "exact McNemar"
    assert told.p == pytest.approx(scipy.pvalue, rel=1e-9)


def test_drawn_signs_come_near_all_signs() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0.4, 1, 16)
    every = compare_paired(np.zeros(16), d, seed=0, resamples=2**16)
    drawn = [compare_paired(np.zeros(16), d, seed=seed).p for seed in range(5)]
    assert (every.test, len(set(drawn)) > 1) == ("exact sign flips", True)
    assert drawn == pytest.approx([every.p] * 5, abs=4 * math.sqrt(every.p / 10_000))


def test_a_drawn_p_is_never_zero() -> None:
    told = compare_paired(np.zeros(50), np.arange(1, 51), seed=0, resamples=999)
    assert told.p == 1 / 1_000


def expanded(n: int) -> float:
    """The confidence that Hesterberg (2015) asks percentiles for, to have 0.95."""
    return float(1 - 2 * stats.norm.cdf(math.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1)))


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    rng = np.random.default_rng(4)
    x = rng.exponential(size=40)

    def scipys(values: Array) -> Any:
        return stats.bootstrap(
            (values,),
            np.mean,
            confidence_level=expanded(len(values)),
            method="percentile",
            n_resamples=20_000,
            rng=np.random.default_rng(5),
        ).confidence_interval

    mine, theirs = interval(x, seed=0, resamples=20_000), scipys(x)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)
    told = compare_paired(np.zeros(40), x, seed=0, resamples=20_000)
    usual = math.sqrt((x**2).mean())
    theirs = scipys(np.append(x, [usual, -usual]))
    assert (told.low, told.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_the_cluster_bootstrap_draws_whole_clusters() -> None:
    """Clusters of equal questions say no more than one question each."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=30)
    once = interval(x, seed=0)
    thrice = interval(np.repeat(x, 3), clusters=np.repeat(np.arange(30), 3), seed=0)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), rel=1e-9)
    assert thrice.n == 90
    a = np.zeros(30)
    told = compare_paired(np.repeat(a, 3), np.repeat(x, 3), clusters=np.repeat(np.arange(30), 3), seed=0)
    single = compare_paired(a, x, seed=0)
    assert (told.p, told.low, told.high) == pytest.approx((single.p, single.low, single.high), rel=1e-9)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_on_newcombes_examples(k: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, 857–872, table I, method 3."""
    told = wilson(k, n)
    assert (round(told.low, 4), round(told.high, 4)) == (low, high)
    assert interval([1] * k + [0] * (n - k), seed=0) == told


@pytest.mark.parametrize("value", [0, 1])
def test_values_that_are_all_0_or_all_1_have_the_width_of_as_many_as_there_are_clusters(value: int) -> None:
    told = interval([value] * 9, clusters=["a", "a", "b", "c", "c", "c", "d", "e", "e"], seed=1)
    bounds = wilson(5 * value, 5)
    assert (told.mean, told.low, told.high, told.n) == (value, bounds.low, bounds.high, 9)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.001, 0.5))
def test_wilson_is_that_of_statsmodels_and_scipy(kn: tuple[int, int], alpha: float) -> None:
    told = wilson(*kn, alpha)
    assert (told.low, told.high) == pytest.approx(proportion_confint(*kn, alpha, "wilson"), abs=1e-12)
    scipy = stats.binomtest(*kn).proportion_ci(1 - alpha, "wilson")
    assert (told.low, told.high) == pytest.approx((scipy.low, scipy.high), abs=1e-12)
    assert 0 <= told.low <= told.mean <= told.high <= 1


def test_holm_by_hand() -> None:
    """4 · 0.005, 3 · 0.01, 2 · 0.03, and 1 · 0.04 raised to the one before it."""
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert list(adjusted) == ["a", "b", "c", "d"]
    assert list(adjusted.values()) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    adjusted = holm({str(i): p for i, p in enumerate(ps)})
    assert list(adjusted.values()) == pytest.approx(list(multipletests(ps, method="holm")[1]))


def test_kendall_by_hand() -> None:
    """Two ties in b: (5 − 0) / √(6 · 5), and undefined where nothing varies."""
    assert kendall([1, 2, 3, 4], [1, 2, 2, 3]) == pytest.approx(5 / math.sqrt(30))
    assert kendall([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert kendall([1, 1, 1], [1, 2, 3]) is None
    assert kendall([1], [2]) is None


# Properties


def run(a: Array, b: Array, **more: Any) -> Comparison:
    return compare_paired(a, b, seed=7, resamples=400, **more)


@given(st.one_of(pairs, bits), st.integers(2, 6))
def test_swapping_mirrors(rows: list[tuple[float, float]], groups: int) -> None:
    a, b = split(rows)
    for more in ({}, {"clusters": [i % groups for i in range(len(a))]} if len(a) > 1 else {}):
        there, back = run(a, b, **more), run(b, a, **more)
        assert (there.difference, there.p) == (-back.difference, back.p)
        assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
        assert (there.mean_a, there.mean_b) == (back.mean_b, back.mean_a)
        mirrored = sorted(b - a) == sorted(a - b) or bool(more)
        tolerance = 0.35 * (there.high - there.low) if mirrored else 1e-12
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=tolerance)


@given(st.one_of(pairs, bits), st.randoms(use_true_random=False))
def test_the_order_of_the_questions_changes_nothing(rows: list[tuple[float, float]], random: Any) -> None:
    a, b = split(rows)
    order = list(range(len(a)))
    random.shuffle(order)
    assert run(a, b) == run(a[order], b[order])
    labels = np.arange(len(a)) // 2 if len(a) > 2 else np.arange(len(a))
    assert run(a, b, clusters=labels) == run(a[order], b[order], clusters=labels[order])
    assert run(a, b, clusters=labels) == run(a, b, clusters=[f"passage {9 - i}" for i in labels])
    assert interval(b, seed=1, resamples=400) == interval(b[order], seed=1, resamples=400)


@given(pairs, eighths)
def test_a_shift_of_both_changes_nothing_and_one_of_values_shifts(
    rows: list[tuple[float, float]], c: float
) -> None:
    a, b = split(rows)
    # Far from 0 and 1: values of those alone are told by other rules.
    plain, shifted = run(a + 30, b + 30), run(a + 30 + c + 2, b + 30 + c + 2)
    assert (plain.p, plain.low, plain.high, plain.wins) == (
        shifted.p,
        shifted.low,
        shifted.high,
        shifted.wins,
    )
    one, two = interval(a + 30, seed=1, resamples=400), interval(a + 32, seed=1, resamples=400)
    assert (one.low + 2, one.mean + 2, one.high + 2) == pytest.approx((two.low, two.mean, two.high), abs=1e-9)


@given(st.one_of(pairs, bits))
def test_what_always_holds(rows: list[tuple[float, float]]) -> None:
    a, b = split(rows)
    told = run(a, b)
    assert told.wins + told.ties + told.losses == told.n == len(a)
    assert told.wins + told.losses == told.differing
    assert told.low <= told.difference <= told.high
    assert 0 < told.p <= 1
    assert told.difference == pytest.approx(told.mean_b - told.mean_a)
    assert all(math.isfinite(x) for x in (told.low, told.high, told.p))
    assert told == run(a, b)


@pytest.mark.parametrize("by", [0.0, 0.25, -0.1])
def test_equal_differences_have_a_finite_interval(by: float) -> None:
    """BCa is NaN here (SciPy's is)."""
    a = np.linspace(0.1, 0.7, 20)
    told = compare_paired(a, a + by, seed=0)
    assert told.outcome == ("undecided" if by == 0 else "better" if by > 0 else "worse")
    assert told.low <= by + 1e-12 <= told.high + 2e-12
    assert math.isfinite(told.low + told.high)


def test_no_discordant_pair_is_no_proof_of_equality() -> None:
    told = compare_paired(np.ones(30), np.ones(30), seed=0)
    assert (told.p, told.ties) == (1.0, 30)
    assert told.low < -0.05
    assert told.high > 0.05


def test_rounding_is_no_difference() -> None:
    a = np.full(8, 0.1 + 0.2)
    assert compare_paired(a, np.full(8, 0.3), seed=0).ties == 8
    b = a + np.array([0.1, 0.2, -0.3, 0.5, 0.1, 0.2, -0.3, 0.5])
    told = compare_paired(a, b, clusters=[0, 0, 0, 1, 2, 2, 2, 3], seed=0)
    assert told.differing == 2


# How often it is wrong


def rate(differences: Callable[[np.random.Generator], tuple[Any, ...]], seed: int = 0, **more: Any) -> float:
    """The share of simulated comparisons that reach a verdict."""
    rng = np.random.default_rng(seed)
    found = 0
    for i in range(RUNS):
        a, b = differences(rng)
        found += compare_paired(a, b, seed=i, resamples=FAST, **more).outcome != "undecided"
    return found / RUNS


def alarms_allowed() -> float:
    """6 % of 1,000, or what a sample of a test at 5 % stays under 999 times of 1,000."""
    return 0.06 if TORTURE else float(stats.binom.ppf(0.999, RUNS, 0.05)) / RUNS


RANKS = np.array([0, 0.2, 0.25, 1 / 3, 0.5, 1])


def same_binary(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    hard = rng.beta(2, 1, n)
    return (rng.random(n) < hard).astype(float), (rng.random(n) < hard).astype(float)


def same_ranks(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Reciprocal ranks; two questions in five are answered otherwise by the other system."""
    a = rng.choice(RANKS, n, p=[0.2, 0.05, 0.05, 0.1, 0.15, 0.45])
    other = rng.choice(RANKS, n, p=[0.2, 0.05, 0.05, 0.1, 0.15, 0.45])
    return a, np.where(rng.random(n) < 0.4, other, a)


def same_scores(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    hard = rng.normal(0, 1, n)
    return hard + rng.normal(0, 0.5, n), hard + rng.normal(0, 0.5, n)


@pytest.mark.torture
@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("same", [same_binary, same_ranks, same_scores])
def test_equal_systems_raise_no_more_than_the_stated_false_alarms(
    same: Callable[[np.random.Generator, int], tuple[Array, Array]], n: int
) -> None:
    share = rate(lambda rng: same(rng, n))
    sys.stdout.write(f"\nfalse alarms, {same.__name__}, n={n}: {share:.1%} of {RUNS}")
    assert share <= alarms_allowed()


CLUSTERS, PER = 25, 6
LABELS = np.repeat(np.arange(CLUSTERS), PER)


def clustered_scores(rng: np.random.Generator) -> tuple[Array, Array]:
    def system() -> Array:
        return rng.normal(0, 1, CLUSTERS)[LABELS] + rng.normal(0, 1, CLUSTERS * PER)

    return system(), system()


def clustered_binary(rng: np.random.Generator) -> tuple[Array, Array]:
    a, b = clustered_scores(rng)
    return (a > -0.5).astype(float), (b > -0.5).astype(float)


@pytest.mark.torture
@pytest.mark.parametrize("same", [clustered_scores, clustered_binary])
def test_questions_drawn_together_need_clusters(
    same: Callable[[np.random.Generator], tuple[Array, Array]],
) -> None:
    """The same null data: as clusters they raise few false alarms, as single questions many."""
    told, blind = rate(same, clusters=LABELS), rate(same)
    sys.stdout.write(
        f"\nfalse alarms, {same.__name__}: {told:.1%} with clusters, {blind:.1%} without, of {RUNS}"
    )
    assert told <= alarms_allowed()
    assert blind > 0.12


def covered(draw: Callable[[np.random.Generator], tuple[Array, Array]], truth: float, **more: Any) -> float:
    rng = np.random.default_rng(11)
    held = 0
    for i in range(RUNS):
        told = compare_paired(*draw(rng), seed=i, resamples=FAST, **more)
        held += told.low <= truth <= told.high
    return held / RUNS


def ranks_changed(rng: np.random.Generator, n: int, share: float) -> tuple[Array, Array]:
    """The second system, where it answers otherwise, is better by 0.085 on average."""
    a = rng.choice(RANKS, n, p=[0.2, 0.05, 0.05, 0.1, 0.15, 0.45])
    other = rng.choice(RANKS, n, p=[0.1, 0.05, 0.05, 0.1, 0.15, 0.55])
    first = rng.choice(RANKS, n, p=[0.2, 0.05, 0.05, 0.1, 0.15, 0.45])
    change = rng.random(n) < share
    return np.where(change, first, a), np.where(change, other, a)


def shares_changed(
    rng: np.random.Generator, n: int, effect: float, discordance: float
) -> tuple[Array, Array]:
    u = rng.random(n)
    wins, losses = u < (discordance + effect) / 2, (u >= (discordance + effect) / 2) & (u < discordance)
    return losses.astype(float), wins.astype(float)


@pytest.mark.torture
@pytest.mark.parametrize("n", [30, 60, 200])
@pytest.mark.parametrize("kind", ["ranks", "shares", "scores", "clusters"])
def test_the_interval_of_the_difference_holds_the_truth(kind: str, n: int) -> None:
    if kind == "ranks":
        share = covered(lambda rng: ranks_changed(rng, n, 0.4), 0.4 * 0.1)
    elif kind == "shares":
        share = covered(lambda rng: shares_changed(rng, n, 0.05, 0.1), 0.05)
    elif kind == "scores":
        share = covered(lambda rng: (np.zeros(n), rng.normal(0.2, 1, n)), 0.2)
    else:
        labels = np.minimum(np.arange(2 * n) // 3, n - 1)  # n // 1.5 clusters of three questions
        groups = labels.max() + 1
        share = covered(
            lambda rng: (np.zeros(2 * n), rng.normal(0.2, 1, groups)[labels] + rng.normal(0, 1, 2 * n)),
            0.2,
            clusters=labels,
        )
    sys.stdout.write(f"\nintervals that hold the truth, {kind}, n={n}: {share:.1%} of {RUNS}")
    assert share >= (0.935 if TORTURE else 0.9)


# Bounds


def test_a_thousand_questions_take_under_a_second_and_little_memory() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(1_000)
    b = a + rng.normal(0, 0.1, 1_000)
    tracemalloc.start()
    start = time.process_time()
    compare_paired(a, b, seed=0)
    taken = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 1
    assert peak < 64 * 2**20


def test_many_questions_are_compared_too() -> None:
    """More than 1,024 that differ: 2 to that power is no float."""
    assert (
        compare_paired(np.zeros(1_500), np.linspace(0.1, 1, 1_500), seed=0, resamples=400).outcome == "better"
    )


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: compare_paired([1, 2], [1, 2, 3], seed=0), UsageError, "got 2 and 3"),
        (lambda: compare_paired([], [], seed=0), UsageError, r"shape \(n,\)"),
        (lambda: compare_paired([1], [0], seed=0), UsageError, "at least 2 questions"),
        (lambda: compare_paired([1, math.nan], [0, 1], seed=0), UsageError, "a must be finite, got nan at 1"),
        (lambda: compare_paired([1, 2], [0, math.inf], seed=0), UsageError, "b must be finite, got inf at 1"),
        (lambda: compare_paired([[1, 2]], [[0, 1]], seed=0), UsageError, r"got \(1, 2\)"),
        (lambda: compare_paired(["x", "y"], [0, 1], seed=0), UsageError, "a must be numbers"),
        (
            lambda: compare_paired([1, 2], [0, 1], clusters=[1], seed=0),
            UsageError,
            "each of 2 questions, got 1",
        ),
        (lambda: compare_paired([1, 2], [0, 1], clusters=[1, 1], seed=0), UsageError, "at least 2 clusters"),
        (lambda: compare_paired([1, 2], [0, 1], clusters=[1, math.nan], seed=0), UsageError, "got nan at 1"),
        (lambda: compare_paired([1, 2], [0, 1], clusters=[1, None], seed=0), UsageError, "got None at 1"),
        (
            lambda: compare_paired([1, 2], [0, 1], clusters=cast(Any, [[1], [2]]), seed=0),
            UsageError,
            r"name or number, got \[1\]",
        ),
        (lambda: compare_paired([1, 2], [0, 1], seed=-1), BoundError, "seed must be"),
        (lambda: compare_paired([1, 2], [0, 1], seed=0, resamples=10), BoundError, "from 400"),
        (lambda: compare_paired([1, 2], [0, 1], seed=0, alpha=1.0), BoundError, "alpha must be"),
        (lambda: compare_paired([1, 2], [0, 1], seed=0, alpha=math.nan), BoundError, "alpha must be"),
        (lambda: interval([0.5], seed=0), UsageError, "at least 2"),
        (lambda: interval([0.5, math.nan], seed=0), UsageError, "values must be finite"),
        (lambda: wilson(3, 2), BoundError, "k=3 of n=2"),
        (lambda: wilson(0, 0), BoundError, "n=0"),
        (lambda: holm({}), UsageError, "family is empty"),
        (lambda: holm({"a": math.nan}), BoundError, "of 'a' must be from 0 to 1, got nan"),
        (lambda: kendall([1, 2], [1]), UsageError, "got 2 and 1"),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
