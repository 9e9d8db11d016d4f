"""The page of an optimisation: what was gained, what it cost, and the prompts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import Any

from ..metrics.records import Mean
from .facts import origin_facts, saved_gain
from .page import render_page

WIDTH, HEIGHT = 560.0, 160.0


@dataclass(frozen=True)
class Curve:
    """Scores from 0 to 1 in the order they came, in units of the chart's view box."""

    points: Sequence[tuple[float, float]]
    best: str
    """Path of the best score so far."""


@dataclass(frozen=True)
class PartMeans:
    """One part of the metric, over the answerable test questions that have it for both programs."""

    name: str
    before: float
    after: float
    n: int


def render_optimization_page(name: str, header: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the page of a run: its header, and its report as `OptimizationResult.as_dict` gives it."""
    means = [Mean(gain["difference"], gain["low"], gain["high"], gain["n"], 0) for gain in found["gains"]]
    scores = [step["dev"] for step in found["curve"]]
    return render_page(
        "optimised.html.j2",
        name=name,
        found=found,
        facts=[*origin_facts(header), *found["facts"]],
        gain=saved_gain(found),
        means=means,
        curve=curve(scores) if scores else None,
        parts=part_means(found),
    )


def part_means(found: Mapping[str, Any]) -> list[PartMeans]:
    """Return what the parts of the metric were for the program before and for the saved one; none where not tested."""
    before, after = (found["scores"].get(name, {}) for name in ("before", f"after {found['seed']}"))
    pairs: dict[str, list[tuple[float, float]]] = {}
    for id, verdict in before.items():
        others = after[id]["parts"] if id in after else {}
        for name, value in verdict["parts"].items():
            if name in others:
                pairs.setdefault(name, []).append((value, others[name]))
    means = []
    for name, both in pairs.items():
        earlier, later = (fmean(values) for values in zip(*both, strict=True))
        means.append(PartMeans(name, earlier, later, len(both)))
    return means


def curve(scores: Sequence[float]) -> Curve:
    """Draw scores, at least one."""
    step = WIDTH / len(scores)
    places = [(step * (number + 0.5), HEIGHT * (1 - score)) for number, score in enumerate(scores)]
    best = [HEIGHT * (1 - score) for score in accumulate(scores, max)]
    path = "".join(f"V{y:.1f}H{step * number:.1f}" for number, y in enumerate(best, start=1))
    return Curve(places, f"M0 {best[0]:.1f}{path}")
