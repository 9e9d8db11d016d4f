"""What a retrieval run comes to: means with intervals, the funnel, and the comparisons declared in advance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..goldsets.clusters import question_clusters
from ..goldsets.goldset import GoldQuestion
from ..stats.paired import Comparison, FamilyComparison, Interval, compare_paired, holm, interval
from ..stats.power import minimum_detectable_effect
from .diagnosis import Diagnosis, LostUnit
from .records import FunnelStep
from .run_scores import STAGES, RunScores, units_found

FAMILY = (("fused", "final"), ("fused", "reranked"), ("dense", "final"), ("lexical", "final"))
"""Which stages are compared, baseline first: without and with the reranker, and each single stage with the whole."""
COMPARED = 2
"""How many measures they are compared in: the primary one and the next, `mrr@n`."""
DISCORDANCE = 0.2
"""Share of questions on which two systems are taken to differ, for the effect that a set can show."""


@dataclass(frozen=True)
class StageComparison(FamilyComparison):
    """One comparison of the family."""

    baseline: str
    stage: str
    measure: str
    result: Comparison
    holm_p: float
    """p after Holm's correction over the family."""


def stage_means(scored: RunScores, seed: int) -> dict[str, dict[str, Interval]]:
    """Return each measure's mean over the questions that did not fail, with its interval, by stage."""
    if not scored.scored:
        return {stage: {} for stage in STAGES}
    questions = [scored.questions[id] for id in scored.scored]
    return {
        stage: {
            measure: mean_of(scored.column(stage, measure), questions, seed) for measure in scored.measures
        }
        for stage in STAGES
    }


def mean_of(
    values: Sequence[float], questions: Sequence[GoldQuestion], seed: int, least: float = 0.0
) -> Interval:
    """Return the mean of a measure from ``least`` to 1, clustered by shared gold.

    Of a single question it may lie anywhere.
    """
    if len(values) < 2:
        return Interval(values[0], least, 1.0, 1)
    return interval(values, clusters=cluster_labels(questions), seed=seed)


def cluster_labels(questions: Sequence[GoldQuestion]) -> list[int] | None:
    """Return the groups that questions were drawn in; ``None`` where each stands for itself, or all are one."""
    groups = question_clusters(questions)
    return groups if 2 <= len(set(groups)) < len(groups) else None


def stage_comparisons(scored: RunScores, seed: int) -> list[StageComparison]:
    """Return the declared family, paired by question and clustered by shared gold; none with fewer than 2 questions."""
    if len(scored.scored) < 2:
        return []
    groups = cluster_labels([scored.questions[id] for id in scored.scored])
    found = {}
    for measure in scored.measures[:COMPARED]:
        for baseline, stage in FAMILY:
            a, b = scored.column(baseline, measure), scored.column(stage, measure)
            found[baseline, stage, measure] = compare_paired(a, b, clusters=groups, seed=seed)
    adjusted = holm({"/".join(key): result.p for key, result in found.items()})
    return [StageComparison(*key, result, adjusted["/".join(key)]) for key, result in found.items()]


def funnel(scored: RunScores) -> list[FunnelStep]:
    """Return how many questions have gold left at each step."""
    each = [steps_reached(scored, id) for id in scored.scored]
    return [
        FunnelStep(name, sum(steps[place] for steps in each), len(each))
        for place, name in enumerate(funnel_steps(scored))
    ]


def funnel_steps(scored: RunScores) -> tuple[str, ...]:
    """Name the steps."""
    return ("in the index", "found by a stage", f"in the {scored.k}", f"in the {scored.n}")


def steps_reached(scored: RunScores, id: str) -> tuple[bool, ...]:
    """Return whether a question has any unit of gold left at each step of the funnel."""
    question, record = scored.questions[id], scored.rows[id].record
    gold = set(question.grades)
    deep = units_found(question, [scored.passages[p] for p in [*record["dense"], *record["lexical"]]])
    final = scored.rankings["final"][id]
    return (
        any(record["held"].values()),
        not gold.isdisjoint([*deep, *final]),
        not gold.isdisjoint(final),
        not gold.isdisjoint(final[: scored.n]),
    )


def latency(scored: RunScores) -> tuple[float, float] | None:
    """Return the median and the 95th percentile of the seconds that an example took; ``None`` where none was done."""
    took = sorted(row.seconds.get("whole", 0.0) for row in scored.rows.values() if not row.failed)
    if not took:
        return None
    low, high = np.quantile(took, (0.5, 0.95))
    return float(low), float(high)


def count_diagnoses(lost: Sequence[LostUnit]) -> dict[Diagnosis, int]:
    """Count the diagnoses, the most frequent first."""
    return dict(Counter(entry.diagnosis for entry in lost).most_common())


def detectable_difference(n: int) -> float | None:
    """Return the smallest difference in a 0/1 measure that n questions show with 80 % power; ``None`` if none is."""
    effect = minimum_detectable_effect(n, discordance=DISCORDANCE) if n > 1 else math.inf
    return effect if math.isfinite(effect) else None


def detectable_words(n: int) -> str:
    """Say what n questions can show, as the end of a sentence that begins with how many they are."""
    effect = detectable_difference(n)
    if effect is None:
        return "so few that no difference between two systems, however large, can be told from chance"
    return f"a difference in hit or recall below {effect:.3f} will not be told from chance (80 % power)"
