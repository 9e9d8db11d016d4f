"""The page of tracked runs: one curve for all that did the same work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..metrics.records import Mean
from .charts import axis
from .facts import settings_text
from .page import render_page
from .run_entries import RunEntry

WIDTH, HEIGHT = 560.0, 160.0


@dataclass(frozen=True)
class Point:
    """A run in units of the chart's view box."""

    entry: RunEntry
    x: float
    y: float
    ends: tuple[float, float]
    """Where its interval begins and ends."""


@dataclass(frozen=True)
class Series:
    """Runs of the same program and models on the same questions, oldest first."""

    title: str
    points: Sequence[Point]
    axis: tuple[float, float]
    path: str


def series_of(entries: Sequence[RunEntry]) -> list[Series]:
    """Deal runs out to curves: figures of different work are on none together."""
    alike: dict[tuple[str | None, ...], list[RunEntry]] = {}
    for entry in entries:
        work = (entry.kind, entry.program, entry.data, entry.split, entry.questions, entry.profile, entry.lm)
        alike.setdefault((*work, entry.measure), []).append(entry)
    return [_series(runs) for runs in alike.values()]


def _series(runs: Sequence[RunEntry]) -> Series:
    first = runs[0]
    low, high = axis(Mean(run.value, run.low, run.high, run.n or 0, 0) for run in runs)

    def height(value: float) -> float:
        return HEIGHT * (high - value) / (high - low)

    points = []
    for number, run in enumerate(runs):
        assert run.value is not None  # else it is not tracked
        ends = [run.value if end is None else end for end in (run.low, run.high)]
        x = WIDTH * (number + 0.5) / len(runs)
        points.append(Point(run, x, height(run.value), (height(ends[0]), height(ends[1]))))
    path = "L".join(f"{point.x:.1f} {point.y:.1f}" for point in points)
    parts = (
        first.program or first.kind,
        first.measure,
        f"{first.data}, {first.split}",
        first.profile,
        first.lm,
    )
    return Series(" · ".join(filter(None, parts)), points, (low, high), f"M{path}")


def render_track_page(name: str, entries: Sequence[RunEntry]) -> str:
    """Return the page of tracked runs, oldest first."""
    return render_page(
        "tracked.html.j2",
        name=name,
        series=series_of(entries),
        width=WIDTH,
        height=HEIGHT,
        settings_text=settings_text,
    )
