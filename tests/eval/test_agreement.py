"""A judge against humans and against itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from conftest import TORTURE
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm  # type: ignore[import-untyped]
from statsmodels.stats.inter_rater import cohens_kappa  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from quincunx.eval.stats.agreement import agreement, flip_rate
from quincunx.retrieval.errors import BoundError, UsageError

RUNS = 1_000 if TORTURE else 200
counts = st.tuples(*[st.integers(0, 30)] * 4)


def labels(both_one: int, only_human: int, only_judge: int, both_zero: int) -> tuple[list[int], list[int]]:
    human = [1] * both_one + [1] * only_human + [0] * only_judge + [0] * both_zero
    judge = [1] * both_one + [0] * only_human + [1] * only_judge + [0] * both_zero
    return human, judge


def test_kappa_of_the_textbook_table() -> None:
    """Both yes 20, one yes 5 and 10, both no 15: (0.7 − 0.5) / (1 − 0.5) = 0.4."""
    told = agreement(*labels(20, 5, 10, 15))
    assert told.n == 50
    assert told.kappa is not None
    assert told.kappa.mean == pytest.approx(0.4)
    assert told.tpr is not None
    assert (told.tpr.mean, told.tpr.n) == (0.8, 25)
    assert told.tnr is not None
    assert (told.tnr.mean, told.tnr.n) == (0.6, 25)


@given(counts)
def test_agreement_is_that_of_statsmodels(cells: tuple[int, int, int, int]) -> None:
    both_one, only_human, only_judge, both_zero = cells
    if not sum(cells):
        return
    told = agreement(*labels(*cells))
    if told.kappa is None:
        assert sum(cells) in (both_one, both_zero)
    else:
        table = np.array([[both_zero, only_judge], [only_human, both_one]], dtype=float)
        with np.errstate(all="ignore"):
            assert told.kappa.mean == pytest.approx(cohens_kappa(table).kappa, abs=1e-12)
        half = cohens_kappa(table + 0.5)
        reach = float(norm.ppf(0.975)) * math.sqrt(half.var_kappa)
        low, high = max(-1, half.kappa - reach), min(1, half.kappa + reach)
        assert told.kappa.low == pytest.approx(min(low, told.kappa.mean), abs=1e-9)
        assert told.kappa.high == pytest.approx(max(high, told.kappa.mean), abs=1e-9)
    positives, negatives = both_one + only_human, only_judge + both_zero
    for share, k, n in ((told.tpr, both_one, positives), (told.tnr, both_zero, negatives)):
        if share is None:
            assert n == 0
        else:
            assert (share.low, share.high) == pytest.approx(
                proportion_confint(k, n, method="wilson"), abs=1e-12
            )


def test_a_judge_that_was_never_wrong_is_not_known_to_be_right() -> None:
    told = agreement(*labels(10, 0, 0, 10)).kappa
    assert told is not None
    assert (told.mean, told.high) == (1, 1)
    assert told.low < 0.8


def test_labels_of_one_kind_leave_the_other_unknown() -> None:
    told = agreement([1, 1, 1], [1, 1, 1])
    assert (told.tnr, told.kappa) == (None, None)
    told = agreement([0, 0, 0], [0, 1, 0])
    assert told.tpr is None
    assert told.kappa is not None
    assert told.kappa.mean == 0


@pytest.mark.torture
@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("right", [0.97, 0.85])
def test_kappas_interval_holds_the_truth(n: int, right: float) -> None:
    """Half of the items are 1 and the judge is as often right on both kinds: kappa is 2 · right − 1."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(RUNS):
        human = rng.random(n) < 0.5
        told = agreement(human, human == (rng.random(n) < right)).kappa
        held += told is not None and told.low <= 2 * right - 1 <= told.high
    assert held / RUNS >= (0.915 if TORTURE else 0.88)


def test_the_flip_rate_by_hand() -> None:
    """Of three repeats, two against one disagree in two of three pairs."""
    assert flip_rate([[1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]]).mean == pytest.approx(1 / 3)
    two = flip_rate([[0, 1]] * 3 + [[1, 1]] * 17)
    assert (two.mean, two.n) == (0.15, 20)
    assert (two.low, two.high) == pytest.approx(proportion_confint(3, 20, method="wilson"))
    never = flip_rate([[1] * 5] * 20)
    assert (never.mean, never.low) == (0, 0)
    assert never.high == pytest.approx(0.1611, abs=1e-4)


@given(
    st.integers(2, 6).flatmap(
        lambda r: st.lists(st.lists(st.integers(0, 1), min_size=r, max_size=r), min_size=1)
    )
)
def test_the_flip_rate_counts_pairs(repeats: list[list[int]]) -> None:
    told = flip_rate(repeats)
    pairs = [row[i] != row[j] for row in repeats for i in range(len(row)) for j in range(i)]
    assert told.mean == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= told.low <= told.mean <= told.high <= 1


def test_the_flip_rate_does_not_grow_with_the_repeats() -> None:
    rng = np.random.default_rng(0)
    draws = (rng.random((4_000, 10)) < 0.1).astype(int)
    assert flip_rate(draws[:, :2]).mean == pytest.approx(0.18, abs=0.02)
    assert flip_rate(draws).mean == pytest.approx(0.18, abs=0.02)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: agreement([1, 0], [1]), UsageError, "got 2 and 1"),
        (lambda: agreement([], []), UsageError, "human must have shape"),
        (lambda: agreement([1, 0.5], [1, 0]), UsageError, "human must hold 0 and 1 only, got 0.5"),
        (lambda: agreement([1, 0], [1, math.nan]), UsageError, "judge must be finite"),
        (lambda: agreement([1, 0], [1, 0], alpha=0), BoundError, "alpha must be"),
        (lambda: flip_rate([1, 0]), UsageError, r"got \(2,\)"),
        (lambda: flip_rate([[1], [0]]), UsageError, r"got \(2, 1\)"),
        (lambda: flip_rate([[1, 0], [1]]), UsageError, "must be numbers"),
        (lambda: flip_rate([[1, math.nan]]), UsageError, "got nan"),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
