"""How small a difference a gold set of a given size can find: to be read before money is spent."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.stats import binom, nct, norm  # type: ignore[import-untyped]
from scipy.stats import t as student

from ...retrieval.errors import BoundError, UsageError
from .paired import require_share, units_of, vector


def design_effect(values: ArrayLike, clusters: Iterable[Hashable]) -> float:
    """Return by how much clusters inflate the variance of the mean of ``values``, shape (n,); 1 is not at all.

    Of a pilot's differences b − a, it is what `minimum_detectable_effect` asks for. The estimate of few clusters is
    rough. Raises as `compare` does.
    """
    numbers = vector("values", values)
    units = units_of(numbers, clusters)
    groups, n = len(units), len(numbers)
    residuals = units[:, 0] - units[:, 1] * numbers.mean()
    apart = float(((numbers - numbers.mean()) ** 2).sum()) * n / max(1, n - 1)
    return float((residuals**2).sum()) * groups / (groups - 1) / apart if apart else 1.0


def minimum_detectable_effect(
    n: int,
    *,
    discordance: float | None = None,
    sd: float | None = None,
    clusters: int | None = None,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Return the smallest true mean difference that `compare` finds with probability ``power``; inf if none is.

    Pass either ``discordance``, the share of questions that only one of two systems gets right (for 0/1 scores), or
    ``sd``, the standard deviation of b − a (in the unit of the scores, as the result then is). For 0/1 scores the
    power of the exact test is summed over all counts of discordant pairs: 2.80·√(discordance / n) comes near it for
    large n only. An effect larger than ``discordance`` needs that many discordant pairs, and is given them.

    With ``clusters`` (how many), questions of one cluster say partly the same; `design_effect` estimates how much.
    For 0/1 scores it is then cautious where discordance is rare: such effects are found up to 95 % of the time.

    Raises `UsageError` or `BoundError` for arguments that are missing, contradict each other or are out of range.
    """
    require_share("alpha", alpha)
    require_share("power", power)
    if power <= alpha:
        raise BoundError(f"power must be more than alpha, got {power} and {alpha}: 0.8 is usual")
    if n < 2:
        raise BoundError(f"n must be at least 2, got {n}: it is the number of questions")
    if (discordance is None) == (sd is None):
        raise UsageError(
            f"pass either discordance (0/1 scores) or sd (other scores), got {discordance} and {sd}"
        )
    if clusters is None and design_effect != 1:
        raise UsageError(f"a design effect of {design_effect} needs clusters: pass how many there are")
    if clusters is not None and not 2 <= clusters <= n:
        raise BoundError(f"clusters must be from 2 to n={n}, got {clusters}: count the groups of questions")
    if not (math.isfinite(design_effect) and design_effect > 0):
        raise BoundError(f"the design effect must be more than 0, got {design_effect}: 1 is no effect")
    units = clusters or n
    if sd is not None:
        if not (math.isfinite(sd) and sd > 0):
            raise BoundError(f"sd must be more than 0, got {sd}: take it from a pilot's differences")
        return sd * math.sqrt(design_effect / n) * _detectable_shift(units, power, alpha)
    assert discordance is not None
    require_share("discordance", discordance)
    if clusters is None:
        return _detectable_share(n, discordance, power, alpha)
    # Flipped signs see the variance of the differences, which is discordance − effect².
    shift = _detectable_shift(clusters, power, alpha) ** 2 * design_effect / n
    ratio = shift / (1 + shift) if math.isfinite(shift) else math.inf
    return math.sqrt(ratio * max(discordance, ratio))


def _detectable_shift(units: int, power: float, alpha: float) -> float:
    """Return the mean, in standard errors, that flipping the signs of so many units finds.

    For differences near to normal, flipped signs have the power of Student's test at the level that they attain
    (Lehmann and Romano 2005, 15.2): few units cannot come close to alpha from below.
    """
    ways = 2.0 ** min(units - 1, 50)  # beyond, alpha is reached to 15 digits
    extreme = math.ceil(alpha * ways) - 1  # how many of them may be as extreme
    if extreme < 1:
        return math.inf
    if extreme == 1:  # all must have one sign
        return math.sqrt(units) * float(norm.ppf(power ** (1 / units)))
    limit = float(student.isf(extreme / ways / 2, units - 1))
    return _smallest(lambda shift: float(nct.sf(limit, units - 1, shift)), power, 3 * limit + 10)


def _detectable_share(n: int, discordance: float, power: float, alpha: float) -> float:
    """Return the smallest difference of two shares that McNemar's exact test finds among n questions."""

    def found(effect: float) -> float:
        share = max(discordance, effect)
        pairs = np.arange(binom.ppf(1e-9, n, share), binom.isf(1e-9, n, share) + 1)
        # The most losses that are still significant: below the first count that reaches alpha / 2.
        losses = binom.ppf(alpha / 2, pairs, 0.5) - 1
        winning = (1 + effect / share) / 2
        return float(binom.pmf(pairs, n, share) @ binom.cdf(losses, pairs, 1 - winning))

    return _smallest(found, power, 1.0)


def _smallest(found: Callable[[float], float], power: float, most: float) -> float:
    """Return the smallest effect up to ``most`` that is found often enough, or inf."""
    if found(most) < power:
        return math.inf
    return float(brentq(lambda effect: found(effect) - power, 0.0, most, xtol=1e-9))
