"""What a small gold set can tell: paired comparisons, and means with intervals.

Pure functions over numbers. Whatever is drawn is drawn from a seed that the caller passes in, so the same call
returns the same figures; the order of the questions changes nothing. Scores must be such that more is better.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm  # type: ignore[import-untyped]
from scipy.stats import t as student

from ...retrieval.errors import BoundError, UsageError

Array = NDArray[np.float64]
Outcome = Literal["better", "worse", "undecided"]
RESAMPLES = 10_000
NOISE = 1e-12
"""Differences below this share of what they are the difference of are rounding, and count as none."""
BLOCK = 1 << 20
"""Numbers drawn at a time: it bounds the memory, whatever n and the resamples are."""


@dataclass(frozen=True)
class Interval:
    """A mean, where it may lie, and how many values say so."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Comparison:
    """How system b did against system a on the same questions."""

    n: int
    """Questions."""
    clusters: int | None
    """Groups of questions that were drawn together, or None where each question stands for itself."""
    mean_a: float
    mean_b: float
    difference: float
    """Mean of b − a, in the unit of the scores."""
    low: float
    high: float
    """The interval of the difference at 1 − alpha. The verdict is the test's: near the edge the two may disagree."""
    p: float
    """Two-sided."""
    test: str
    """Name of the test that p comes from."""
    wins: int
    ties: int
    losses: int
    """Questions on which b scored more than a, the same, and less."""
    differing: int
    """Units that tell the systems apart: discordant pairs, or clusters whose differences do not cancel out."""
    alpha: float

    @property
    def outcome(self) -> Outcome:
        """The verdict for code to match on."""
        return self.outcome_at(self.p)

    def outcome_at(self, p: float) -> Outcome:
        """Return the verdict at another p than its own, such as one that is corrected for a family."""
        if p >= self.alpha:
            return "undecided"
        return "better" if self.difference > 0 else "worse"

    @property
    def verdict(self) -> str:
        """Whether b is better, in words; where no result could have been significant, it says why."""
        if self.outcome != "undecided":
            return self.outcome
        needed = math.floor(1 - math.log2(self.alpha)) + 1  # all of one sign have p = 2 ** (1 - units)
        if self.differing >= needed:
            return "cannot tell at this n"
        unit = "clusters differ" if self.clusters is not None else "pairs are discordant"
        total = self.n if self.clusters is None else self.clusters
        return (
            f"cannot tell at this n: {self.differing} of {total} {unit}, "
            f"and with fewer than {needed} no result reaches p < {self.alpha:g}"
        )


class FamilyComparison:
    """A comparison among others of a family: what decides is p after Holm's correction, and no other."""

    result: Comparison
    holm_p: float

    @property
    def outcome(self) -> Outcome:
        """The verdict for code to match on."""
        return self.result.outcome_at(self.holm_p)

    @property
    def verdict(self) -> str:
        """Whether b is better, in words; where it cannot be told, why."""
        if self.outcome != "undecided":
            return self.outcome
        if self.result.outcome == "undecided":
            return self.result.verdict
        alone, among = (p_text(p, self.result.alpha) for p in (self.result.p, self.holm_p))
        return f"cannot tell: p is {alone} alone and {among} among the family"


def p_text(p: float, alpha: float = 0.05, least: str = "2g") -> str:
    """Return p in a format such as ``2g`` or ``4f``, with more digits where they show on which side of alpha it lies."""
    texts = (f"{p:.{digits}{least[-1]}}" for digits in range(int(least[:-1]), 40))
    return next((text for text in texts if (float(text) < alpha) == (p < alpha)), repr(p))


def compare_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: Iterable[Hashable] | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    alpha: float = 0.05,
) -> Comparison:
    """Compare two systems on the same questions: the paired difference b − a, its interval and its p-value.

    ``a`` and ``b`` have shape (n,), one score a question in the same order; ``clusters`` names for each question the
    group that it was drawn with, such as the passage that it asks about.

    The test: McNemar's exact one where all scores are 0 or 1 and there are no clusters; otherwise the signs of the
    differences are flipped, cluster by cluster, in every way there is, or in ``resamples`` random ways where there are
    more than that, with p = (k + 1) / (resamples + 1) (Phipson and Smyth 2010). It tests that b − a is as likely as
    a − b, which is what two systems that are equally good look like.

    The interval: a bootstrap over questions, or clusters, see `_interval_of_difference`.

    Raises `UsageError` for scores that are not finite, not of one length, or fewer than 2 (questions or clusters),
    `BoundError` for ``seed``, ``resamples`` or ``alpha`` out of range.
    """
    before, after = vector("a", a), vector("b", b)
    if len(before) != len(after):
        raise UsageError(
            f"a and b must have one score for each question, got {len(before)} and {len(after)}: "
            "pair them by question id, and score a failed question instead of dropping it"
        )
    _require_draws(seed, resamples, alpha)
    difference = after - before
    difference[np.abs(difference) <= NOISE * np.maximum(np.abs(before), np.abs(after))] = 0
    units = units_of(difference, clusters)
    binary = bool(np.isin([before, after], (0, 1)).all())
    sums = units[:, 0]
    differing = int(np.count_nonzero(sums))
    if binary and clusters is None:
        test = "exact McNemar"
        p = _mcnemar(int((difference > 0).sum()), int((difference < 0).sum()))
    else:
        p, exact = _sign_flips(sums, np.random.default_rng(seed), resamples)
        test = ("exact " if exact else "Monte Carlo ") + "sign flips"
        test += " by cluster" if clusters is not None else ""
    scores = np.concatenate([before, after])
    step = 1.0 if binary else float(scores.max() - scores.min())
    low, high = _interval_of_difference(units, step, np.random.default_rng(seed), resamples, alpha)
    mean = float(difference.mean())
    return Comparison(
        n=len(difference),
        clusters=None if clusters is None else len(units),
        mean_a=float(before.mean()),
        mean_b=float(after.mean()),
        difference=mean,
        low=min(low, mean),
        high=max(high, mean),
        p=p,
        test=test,
        wins=int((difference > 0).sum()),
        ties=int((difference == 0).sum()),
        losses=int((difference < 0).sum()),
        differing=differing,
        alpha=alpha,
    )


def interval(
    values: ArrayLike,
    *,
    clusters: Iterable[Hashable] | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    alpha: float = 0.05,
) -> Interval:
    """Return the mean of ``values``, shape (n,), with its interval at 1 − alpha.

    Wilson's for values that are all 0 or 1 and have no clusters, and for those that are all 0 or all 1, of as many as there
    are clusters. Otherwise an expanded percentile bootstrap over values or clusters. It sees only what was drawn: where nearly
    all values are the same, it is too narrow, and where all are another number than 0 and 1, it has no width. Raises as
    `compare_paired` does.
    """
    numbers = vector("values", values)
    _require_draws(seed, resamples, alpha)
    if clusters is None and np.isin(numbers, (0, 1)).all():
        return wilson(int(numbers.sum()), len(numbers), alpha)
    units = units_of(numbers, clusters)
    mean = float(numbers.mean())
    if mean in (0, 1) and np.isin(numbers, (0, 1)).all():
        bounds = wilson(mean * len(units), len(units), alpha)
        return Interval(mean, bounds.low, bounds.high, len(numbers))
    low, high = _bootstrap(units, np.random.default_rng(seed), resamples, alpha)
    return Interval(mean, min(low, mean), max(high, mean), len(numbers))


def wilson(k: float, n: int, alpha: float = 0.05) -> Interval:
    """Return the share k / n with Wilson's score interval (Wilson 1927); k is how many of n succeeded."""
    require_share("alpha", alpha)
    if n < 1 or not 0 <= k <= n:
        raise BoundError(f"k successes of n need n ≥ 1 and 0 ≤ k ≤ n, got k={k} of n={n}: count them again")
    z = float(norm.isf(alpha / 2))
    share = k / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if k == 0 else centre - half
    high = 1.0 if k == n else centre + half
    return Interval(share, low, high, n)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Return the p-values of a family adjusted by Holm's method (Holm 1979), in the order given.

    The family is every comparison that was declared, not those that look good.
    """
    if not ps:
        raise UsageError("the family is empty, got no p-values: pass one for each declared comparison")
    for name, p in ps.items():
        if not 0 <= p <= 1:
            raise BoundError(f"the p-value of {name!r} must be from 0 to 1, got {p}: pass the unadjusted p")
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        highest = max(highest, min(1.0, (len(ps) - rank) * float(ps[name])))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}


def _mcnemar(wins: int, losses: int) -> float:
    """Return the two-sided p of McNemar's exact test: wins and losses of a fair coin."""
    return min(1.0, 2 * float(binom.cdf(min(wins, losses), wins + losses, 0.5)))


def _sign_flips(sums: Array, rng: np.random.Generator, resamples: int) -> tuple[float, bool]:
    """Return the two-sided p of a sum of units, shape (units,), under flipped signs, and whether all were tried."""
    sizes = np.sort(np.abs(sums[sums != 0]))
    limit = abs(float(sums.sum())) - NOISE * float(sizes.sum())
    if len(sizes) == 0:
        return 1.0, True
    if len(sizes) <= math.log2(resamples):
        flipped = sizes[:1]  # the first keeps its sign: the other half of the ways mirrors this one
        for size in sizes[1:]:
            flipped = np.concatenate([flipped + size, flipped - size])
        return float((np.abs(flipped) >= limit).mean()), True
    hits = 0
    rows = max(1, BLOCK // len(sizes))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        bits = np.unpackbits(
            rng.integers(0, 256, (count, -(-len(sizes) // 8)), dtype=np.uint8), axis=1, count=len(sizes)
        )
        hits += int((np.abs(2 * (bits @ sizes) - sizes.sum()) >= limit).sum())
    return (hits + 1) / (resamples + 1), False


def _interval_of_difference(
    units: Array, step: float, rng: np.random.Generator, resamples: int, alpha: float
) -> tuple[float, float]:
    """Bootstrap a mean difference over units, shape (units, 2), and two more: one win and one loss of usual size.

    With few differences among many ties, a plain bootstrap cannot see how rare they may be: with one question in ten
    changed, its 95 % interval holds the truth for n=30 in 71 % of cases, BCa's in 67 %, a studentised one's in 70 %,
    this one in 88 % (in 97 % for n=60, where those reach 87, 81 and 84 %). The two more are what Bonett and Price (2012)
    add for 0/1 scores. ``step`` is their size where no unit differs.
    """
    sums = units[:, 0]
    changed = sums[sums != 0]
    size = math.sqrt(float((changed**2).mean())) if len(changed) else step
    more = np.array([[size, units[:, 1].mean()], [-size, units[:, 1].mean()]])
    units = np.concatenate([units, more])
    # Drawn for the same side whichever system comes first, so that swapping them mirrors the interval exactly.
    mirrored = units * [-1, 1]
    swap = _sorted(units).tolist() < _sorted(mirrored).tolist()
    low, high = _bootstrap(mirrored if swap else units, rng, resamples, alpha)
    return (-high, -low) if swap else (low, high)


def _bootstrap(units: Array, rng: np.random.Generator, resamples: int, alpha: float) -> tuple[float, float]:
    """Return the expanded percentile interval (Hesterberg 2015) of sums over sizes, from units of shape (units, 2).

    Plain percentiles are too narrow for small samples: the expanded ones are as wide as Student's interval would be.
    """
    totals, sizes = _sorted(units).T  # sorted: the order of the questions is no information
    n = len(totals)
    if n < 2:
        raise UsageError(f"an interval needs at least 2 values or clusters, got {n}: add questions")
    means = np.empty(resamples)
    rows = max(1, BLOCK // n)
    for start in range(0, resamples, rows):
        drawn = rng.integers(0, n, (min(rows, resamples - start), n))  # (rows, n)
        means[start : start + rows] = totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = float(norm.cdf(math.sqrt(n / (n - 1)) * student.ppf(alpha / 2, n - 1)))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _sorted(units: Array) -> Array:
    return units[np.lexsort((units[:, 1], units[:, 0]))]


def units_of(values: Array, clusters: Iterable[Hashable] | None) -> Array:
    """Return sum and size of each cluster, shape (clusters, 2); without clusters each value is one."""
    if clusters is None:
        if len(values) < 2:
            raise UsageError(f"at least 2 questions are needed, got {len(values)}: add questions")
        return np.stack([values, np.ones_like(values)], axis=1)
    labels = clusters.tolist() if isinstance(clusters, np.ndarray) else list(clusters)
    if len(labels) != len(values):
        raise UsageError(f"clusters must label each of {len(values)} questions, got {len(labels)} labels")
    numbers: dict[Hashable, int] = {}
    for position, label in enumerate(labels):
        if label is None or (isinstance(label, float) and math.isnan(label)):
            raise UsageError(
                f"each question needs a cluster, got {label} at {position}: give it one of its own"
            )
        try:
            numbers.setdefault(label, len(numbers))
        except TypeError as error:
            raise UsageError(f"a cluster's label must be a name or number, got {label!r}") from error
    if len(numbers) < 2:
        raise UsageError(f"at least 2 clusters are needed, got {len(numbers)}: draw questions elsewhere too")
    codes = np.array([numbers[label] for label in labels])
    # Sorted first: sums of floats must not depend on the order of the questions.
    order = np.argsort(values, kind="stable")
    codes, values = codes[order], values[order]
    sums = np.bincount(codes, weights=values)
    sums[np.abs(sums) <= NOISE * np.bincount(codes, weights=np.abs(values))] = 0
    return np.stack([sums, np.bincount(codes).astype(np.float64)], axis=1)


def vector(name: str, values: ArrayLike) -> Array:
    """Return numbers as a new array of shape (n,), or raise `UsageError` where they are none."""
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} must be numbers: {error}; pass one a question") from error
    if numbers.ndim != 1 or not numbers.size:
        raise UsageError(f"{name} must have shape (n,) with n ≥ 1, got {numbers.shape}: pass one a question")
    if not np.isfinite(numbers).all():
        first = int(np.argmin(np.isfinite(numbers)))
        raise UsageError(
            f"{name} must be finite, got {numbers[first]} at {first}: give a failed question its score, or "
            "leave it out of both systems and say so"
        )
    return numbers


def require_share(name: str, value: float) -> None:
    """Raise `BoundError` unless ``value`` lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise BoundError(f"{name} must be more than 0 and less than 1, got {value}")


def _require_draws(seed: int, resamples: int, alpha: float) -> None:
    require_share("alpha", alpha)
    if not isinstance(seed, int) or seed < 0:
        raise BoundError(f"seed must be a whole number from 0, got {seed!r}")
    if not 20 / alpha <= resamples <= 1_000_000:  # ten draws or more beyond each end of the interval
        raise BoundError(
            f"resamples must be from {math.ceil(20 / alpha)} (20 / alpha) to 1000000, got {resamples}: "
            f"{RESAMPLES} is usual"
        )
