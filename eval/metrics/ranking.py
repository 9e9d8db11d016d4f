"""Measures of a ranking, question by question, as ir-measures computes them.

``recall@k`` share of the gold in the first k; ``mrr@k`` one over the rank of the first gold there, else 0; ``ndcg@k``
gain of graded gold, discounted by rank; ``map`` mean precision at each gold; ``hit@k`` whether any gold is there. Gold is
what has a grade of 1 or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures
from ir_measures import AP, RR, Qrel, R, ScoredDoc, Success, nDCG

Rankings = Mapping[str, Sequence[str]]
"""Units by question id, best first."""
Grades = Mapping[str, Mapping[str, int]]
"""Grade by unit by question id."""


def measures(n: int, k: int) -> dict[str, ir_measures.Measure]:
    """Return the measures of a funnel of k candidates and n passages, the primary one first."""
    return {
        f"recall@{n}": R @ n,
        f"mrr@{n}": RR @ n,
        f"ndcg@{n}": nDCG @ n,
        f"hit@{n}": Success @ n,
        "map": AP,
        f"recall@{k}": R @ k,
    }


def qrels_of(grades: Grades) -> list[Qrel]:
    """Return the judgements as ir-measures takes them."""
    return [
        Qrel(question, unit, grade) for question, units in grades.items() for unit, grade in units.items()
    ]


def run_of(rankings: Rankings) -> list[ScoredDoc]:
    """Return a run with strictly falling scores: with tied ones the measures contradict each other."""
    return [
        ScoredDoc(question, unit, -float(rank))
        for question, ranking in rankings.items()
        for rank, unit in enumerate(ranking, start=1)
    ]


def per_question(
    chosen: Mapping[str, ir_measures.Measure], grades: Grades, rankings: Rankings
) -> dict[str, dict[str, float]]:
    """Return each measure by name by question id, for every question that has gold; one without a ranking gets 0."""
    values = {question: dict.fromkeys(chosen, 0.0) for question, units in grades.items() if units}
    names = {str(measure): name for name, measure in chosen.items()}
    for metric in ir_measures.iter_calc(list(chosen.values()), qrels_of(grades), run_of(rankings)):
        if metric.query_id in values:
            values[metric.query_id][names[str(metric.measure)]] = float(metric.value)
    return values
