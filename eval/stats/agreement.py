"""How far a judge can be believed: its agreement with human labels, and with itself.

Nothing is drawn at random here: all intervals have closed forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm  # type: ignore[import-untyped]

from ...retrieval.errors import UsageError
from .paired import Array, Interval, require_share, vector, wilson


@dataclass(frozen=True)
class Agreement:
    """How a judge's labels agree with human ones on the same items. What the labels cannot say is None."""

    n: int
    """Items."""
    tpr: Interval | None
    """Of the items that humans called 1, the share that the judge did; None where humans called none so."""
    tnr: Interval | None
    """Of the items that humans called 0, the share that the judge did; None where humans called none so."""
    kappa: Interval | None
    """Cohen's kappa: agreement beyond chance; None where both called all items the same."""


def agreement(human: ArrayLike, judge: ArrayLike, *, alpha: float = 0.05) -> Agreement:
    """Compare a judge's labels with human ones, both 0 or 1 of shape (n,), item by item.

    Shares have Wilson's intervals, kappa that of its large-sample variance (Fleiss, Cohen and Everitt 1969) in the
    table with half an item more in each cell. Without the halves it has no width for a judge that was never wrong,
    and near kappa = 0.95 it holds the truth in 53 % of cases for n=30; with them in 99 %, and in 92 % or more for lower kappas.

    Raises `UsageError` for labels other than 0 and 1 or lists of two lengths, `BoundError` for ``alpha``.
    """
    require_share("alpha", alpha)
    truth, judged = _labels("human", vector("human", human)), _labels("judge", vector("judge", judge))
    if len(truth) != len(judged):
        raise UsageError(
            f"human and judge must label the same items, got {len(truth)} and {len(judged)}: pair them by id"
        )
    table = np.array(
        [[((truth == t) & (judged == s)).sum() for s in (0, 1)] for t in (0, 1)], dtype=np.float64
    )
    negatives, positives = (int(count) for count in table.sum(axis=1))
    return Agreement(
        n=len(truth),
        tpr=wilson(int(table[1, 1]), positives, alpha) if positives else None,
        tnr=wilson(int(table[0, 0]), negatives, alpha) if negatives else None,
        kappa=_kappa(table, alpha),
    )


def flip_rate(repeats: ArrayLike, *, alpha: float = 0.05) -> Interval:
    """Return how often two judgements of one item disagree, from labels 0 or 1 of shape (items, repeats).

    It is the share of disagreeing pairs of repeats, averaged over items: unlike the share of items that ever flip, it
    does not grow with the number of repeats. The interval is Wilson's over items, exact in kind for two repeats and
    wider than need be for more, as shares from 0 to 1 vary at most as much as zeros and ones do.

    Raises `UsageError` for another shape, fewer than 2 repeats or labels other than 0 and 1, `BoundError` for
    ``alpha``.
    """
    require_share("alpha", alpha)
    try:
        labels = np.asarray(repeats, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"repeats must be numbers: {error}; pass one row an item") from error
    if labels.ndim != 2 or labels.shape[0] < 1 or labels.shape[1] < 2:
        raise UsageError(
            f"repeats must have shape (items, repeats) with 2 repeats or more, got {labels.shape}: "
            "judge each item again"
        )
    times = labels.shape[1]
    ones = _labels("repeats", labels).sum(axis=1)  # (items,)
    disagreeing = 2 * ones * (times - ones) / (times * (times - 1))
    return wilson(math.fsum(disagreeing), len(ones), alpha)


def _kappa(table: Array, alpha: float) -> Interval | None:
    """Return Cohen's kappa of counts, shape (2, 2)."""
    if table.max() == table.sum() and table.trace():
        return None
    value, _ = _kappa_and_error(table)
    centre, error = _kappa_and_error(table + 0.5)
    half = float(norm.isf(alpha / 2)) * error
    return Interval(
        value, max(-1.0, min(value, centre - half)), min(1.0, max(value, centre + half)), int(table.sum())
    )


def _kappa_and_error(table: Array) -> tuple[float, float]:
    """Return kappa and its standard error; equation 13 of Fleiss, Cohen and Everitt (1969)."""
    shares = table / table.sum()
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)  # (2,), (2,)
    chance = float(rows @ columns)
    kappa = (float(shares.trace()) - chance) / (1 - chance)
    same = float(np.diag(shares) @ (1 - (rows + columns) * (1 - kappa)) ** 2)
    apart = shares[0, 1] * (columns[0] + rows[1]) ** 2 + shares[1, 0] * (columns[1] + rows[0]) ** 2
    variance = same + (1 - kappa) ** 2 * float(apart) - (kappa - chance * (1 - kappa)) ** 2
    return kappa, math.sqrt(max(0.0, variance) / float(table.sum())) / (1 - chance)


def _labels(name: str, labels: Array) -> Array:
    wrong = ~np.isin(labels, (0, 1))
    if wrong.any():
        raise UsageError(f"{name} must hold 0 and 1 only, got {labels[wrong][0]:g}: set a threshold first")
    return labels
