"""Shares, means and differences in the few characters of a table's cell."""

from __future__ import annotations

from ...eval.stats.paired import Comparison, Interval


def figure(value: float, digits: int = 3) -> str:
    """Return a share without the 0 before its point."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def bounds(low: float, high: float) -> str:
    return f"[{figure(low, 2)} {figure(high, 2)}]"


def difference(result: Comparison) -> str:
    sign = "+" if result.difference > 0 else ""
    return f"{sign}{figure(result.difference)} {bounds(result.low, result.high)}"


def mean_cell(mean: Interval | None) -> str:
    return "–" if mean is None else f"{figure(mean.mean)}\n{bounds(mean.low, mean.high)}"
