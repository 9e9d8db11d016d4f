"""How much of float32's order a number format keeps, told from the scores of a few dozen pairs.

With few pairs, counting which of them change places says little: one swap more or less is a third of what the bound
allows. But each pair shows an error, and a few dozen errors show how large errors are with these weights. So the errors
are dealt to the pairs anew, many times over, and the best passages of every deal are compared with those of float32, for
each number of best ones up to half of them. What comes out has the distribution of the scores in it, near ties
included, and that of the errors, outliers included, but does not hang on one near tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau  # type: ignore[import-untyped]

from ..rerankers import Scores

LEAST_OVERLAP = 0.97
"""Least share of float32's best passages that are among the format's: on a CPU bf16 comes out above .99, int8 between .94
and .98 (`bench/fidelity.py`)."""
LEAST_TAU = 0.95
"""Least Kendall's τ of the orders themselves, a mean over the questions: errors that hang together, such as all long
passages too low, escape the deals."""
DEALS = 200

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fidelity:
    """How much of float32's order a format keeps."""

    overlap: float
    """Share of float32's best passages of a question that are among the format's best, as the deals estimate it."""
    kendall_tau: float
    """Agreement of the two orders of a question's passages, −1 to 1, a mean over the questions."""

    @property
    def keeps_order(self) -> bool:
        """Whether it is within the bounds, `LEAST_OVERLAP` and `LEAST_TAU`."""
        return self.overlap >= LEAST_OVERLAP and self.kendall_tau >= LEAST_TAU

    @classmethod
    def exact(cls) -> Fidelity:
        """Return that of float32 to itself."""
        return cls(1.0, 1.0)

    def __str__(self) -> str:
        kept = "order kept" if self.keeps_order else "order not kept"
        return f"{kept} (overlap {self.overlap:.3f}, Kendall τ {self.kendall_tau:.3f})"


def compare_orders(exact: Sequence[Scores], reduced: Sequence[Scores]) -> Fidelity:
    """Return the fidelity of a format's scores, given for each question those of its passages in both formats.

    Scores that are not finite, or all the same where float32's are not, keep nothing of the order; where float32 itself
    gives every passage the same, nothing can be told, which counts as nothing kept.
    """
    pairs = [
        (np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in zip(exact, reduced, strict=True)
    ]
    if not all(np.isfinite(b).all() and np.ptp(a) > 0 and np.ptp(b) > 0 for a, b in pairs):
        return Fidelity(0.0, 0.0)
    taus = [float(kendalltau(a, b).statistic) for a, b in pairs]
    errors = np.concatenate([_errors(a, b) for a, b in pairs])
    generator = np.random.default_rng(0)
    overlaps = []
    for a, _ in pairs:
        deals = generator.choice(errors, size=(DEALS, len(a)))  # (deals, passages)
        overlaps.append(_overlap(a, a + deals))
    return Fidelity(float(np.mean(overlaps)), float(np.mean(taus)))


def _errors(exact: Values, reduced: Values) -> Values:
    """Return what a format adds to a question's scores, beside a shift and a stretch, which change no order."""
    centred, other = exact - exact.mean(), reduced - reduced.mean()
    scale = max(float(centred @ other) / float(other @ other), 0.0)
    return np.asarray(scale * other - centred)


def _overlap(exact: Values, other: Values) -> float:
    """Return what share of the best of one order, (passages,), is among the best of others, (orders, passages).

    It is the mean over the numbers of best ones from two to half of the passages.
    """
    count = len(exact)
    places = np.empty(count, dtype=np.intp)
    places[np.argsort(-exact, kind="stable")] = np.arange(count)
    found = places[
        np.argsort(-other, axis=1, kind="stable")
    ]  # (orders, passages): place by the one, in the other's order
    cuts = range(2, count // 2 + 1)
    return float(np.mean([(found[:, :cut] < cut).mean() for cut in cuts]))
