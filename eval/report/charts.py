"""The shapes of the page's charts, in units of their SVG view boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..metrics.records import Mean, Report

DELTA_WIDTH, DELTA_HEIGHT = 560.0, 160.0
"""The chart of differences; its zero line runs through the middle."""
SAME_WIDTH = 96.0
"""The gap between gains and losses, where the questions without a difference are counted."""
TIME_WIDTH, TIME_HEIGHT, TIME_BINS = 560.0, 130.0, 40


@dataclass(frozen=True)
class Deltas:
    """Differences of the primary measure, one bar a question: gains, then losses, the largest outermost."""

    gains: int
    same: int
    losses: int
    unscored: int
    """Questions without a difference, failed ones included."""
    largest: float
    """The difference that a bar of full height shows; 0 where there is none."""
    gains_path: str
    losses_path: str
    gap: float
    """Where the gap begins."""


def delta_chart(report: Report) -> Deltas:
    """Draw the difference that the reranker made to each question."""
    values = [question.delta for question in report.questions if question.delta is not None]
    gains = sorted((value for value in values if value > 0), reverse=True)
    losses = sorted((value for value in values if value < 0), reverse=True)
    largest = max((abs(value) for value in values), default=0.0)
    width = min(14.0, (DELTA_WIDTH - SAME_WIDTH) / max(1, len(gains) + len(losses)))
    used = width * (len(gains) + len(losses)) + SAME_WIDTH
    left = (DELTA_WIDTH - used) / 2
    gap = left + width * len(gains)
    return Deltas(
        gains=len(gains),
        same=len(values) - len(gains) - len(losses),
        losses=len(losses),
        unscored=len(report.questions) - len(values),
        largest=largest,
        gains_path=_bars(gains, left, width, largest),
        losses_path=_bars(losses, gap + SAME_WIDTH, width, largest),
        gap=gap,
    )


def _bars(values: Sequence[float], left: float, width: float, largest: float) -> str:
    middle = DELTA_HEIGHT / 2
    space = 1.0 if width >= 4 else 0.0
    scale = (middle - 4) / largest if largest else 0.0
    return "".join(
        f"M{left + number * width:.2f} {middle:g}v{-value * scale:.2f}H{left + (number + 1) * width - space:.2f}V{middle:g}z"
        for number, value in enumerate(values)
    )


@dataclass(frozen=True)
class StageTime:
    """How long a stage took; seconds."""

    stage: str
    n: int
    p50: float
    p95: float
    longest: float


@dataclass(frozen=True)
class Bin:
    """A column of the histogram of times."""

    x: float
    width: float
    height: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Latency:
    """The times of the questions."""

    total: StageTime
    rows: tuple[StageTime, ...]
    """Each stage, then all together."""
    bins: tuple[Bin, ...]
    p50_x: float
    p95_x: float


def latency_chart(report: Report) -> Latency | None:
    """Draw how long the questions took, all timed stages together; nothing where none was timed."""
    totals = [
        sum(known)
        for question in report.questions
        if (known := [seconds for seconds in question.seconds if seconds is not None])
    ]
    if not totals:
        return None
    stages = []
    for column, stage in enumerate(report.timed):
        taken = [q.seconds[column] for q in report.questions if q.seconds]
        if known := [seconds for seconds in taken if seconds is not None]:
            stages.append(_times(stage, known))
    total = _times("all together", totals)
    # A few very slow questions must not squeeze the rest into one column: the last one takes all above.
    top = min(total.longest, 2 * total.p95) or 1.0
    size = top / TIME_BINS
    counts = [0] * TIME_BINS
    for seconds in totals:
        counts[max(0, min(TIME_BINS - 1, int(seconds / size)))] += 1
    width = TIME_WIDTH / TIME_BINS
    bins = tuple(
        Bin(
            x=number * width,
            width=width - 1,
            height=max(1.5, TIME_HEIGHT * count / max(counts)),
            low=number * size,
            high=total.longest if number == TIME_BINS - 1 else (number + 1) * size,
            count=count,
        )
        for number, count in enumerate(counts)
        if count
    )
    return Latency(
        total,
        (*stages, total),
        bins,
        TIME_WIDTH * min(1, total.p50 / top),
        TIME_WIDTH * min(1, total.p95 / top),
    )


def _times(stage: str, seconds: Sequence[float]) -> StageTime:
    ordered = sorted(seconds)
    return StageTime(stage, len(ordered), quantile(ordered, 0.5), quantile(ordered, 0.95), ordered[-1])


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile of values in ascending order, on the line between its two neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


UNIT = (0.0, 1.0)


def axis(values: Iterable[Mean]) -> tuple[float, float]:
    """Return whole tenths that hold all intervals, so that they can be compared by eye; 0 to 1 where none is."""
    ends = [
        end
        for value in values
        if value.mean is not None
        for end in (value.low, value.high)
        if end is not None
    ]
    if not ends:
        return UNIT
    low, high = math.floor(10 * min(ends)) / 10, math.ceil(10 * max(ends)) / 10
    return (low, high) if low < high else (low, low + 0.1)


def whisker(value: Mean, axis: tuple[float, float] = UNIT) -> tuple[float, float, float] | None:
    """Return where the interval's ends and the mean stand on an axis, 0 to 100; nothing where one is missing."""
    if value.mean is None or value.low is None or value.high is None:
        return None
    start, end = axis
    if not start <= value.low <= value.mean <= value.high <= end:
        return None
    low, high, mean = (100 * (part - start) / (end - start) for part in (value.low, value.high, value.mean))
    return low, high, mean


def table_axis(report: Report) -> tuple[float, float]:
    """Return the one axis that all intervals of the stage table stand on."""
    return axis(cell for row in report.table for cell in row.cells)
