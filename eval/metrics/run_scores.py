"""Scores of a retrieval run, from its rows alone: nothing is searched again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from ..runs.ledger import Row, RunLedger
from .ranking import measures, per_question

STAGES = ("dense", "lexical", "fused", "reranked", "final")

Values = Mapping[str, Mapping[str, float]]
"""Value by measure by question id."""


@dataclass(frozen=True)
class RunScores:
    """What the rows of a run are worth."""

    questions: Mapping[str, GoldQuestion]
    """All questions of the run, by id."""
    rows: Mapping[str, Row]
    """Failed ones too."""
    passages: Mapping[str, Passage]
    n: int
    k: int
    measures: tuple[str, ...]
    """The primary one, which is declared here and not chosen afterwards, first."""
    rankings: Mapping[str, Mapping[str, Sequence[str]]]
    """Units by question id by stage, best first."""
    values: Mapping[str, Values]
    """By stage, for every question that has gold and was searched for."""

    @property
    def scored(self) -> list[str]:
        """The ids of the questions that have gold and did not fail, in their order."""
        return [id for id, row in self.rows.items() if not row.failed and self.questions[id].grades]

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows.values() if row.failed]

    def column(self, stage: str, measure: str) -> list[float]:
        """Return one measure at one stage, question by question as `scored` has them."""
        return [self.values[stage][id][measure] for id in self.scored]


def score_run(run: RunLedger) -> RunScores:
    """Score what a run has found so far."""
    questions = {question.id: question for question in run.questions()}
    rows, passages = run.rows(), run.passages()
    n, k = int(run.header["search"]["n"]), int(run.header["search"]["k"])
    chosen = measures(n, k)
    succeeded = {id: row for id, row in rows.items() if not row.failed}
    grades = {id: questions[id].grades for id in succeeded if questions[id].grades}
    rankings = {
        stage: {id: ranking(questions[id], row.record, stage, k, passages) for id, row in succeeded.items()}
        for stage in STAGES
    }
    return RunScores(
        questions=questions,
        rows=rows,
        passages=passages,
        n=n,
        k=k,
        measures=tuple(chosen),
        rankings=rankings,
        values={stage: per_question(chosen, grades, rankings[stage]) for stage in STAGES},
    )


def ranking(
    question: GoldQuestion, record: Mapping[str, Any], stage: str, k: int, passages: Mapping[str, Passage]
) -> list[str]:
    """Return the units of a stage, best first: the first k of the dense and lexical orders, or all candidates."""
    if stage in ("dense", "lexical"):
        ids = record[stage][:k]
    else:
        ids = [candidate["id"] for candidate in sorted(record["candidates"], key=lambda c: rank_of(c, stage))]
    return units_found(question, [passages[id] for id in ids])


def rank_of(candidate: Mapping[str, Any], stage: str) -> int:
    """Return a candidate's rank at a stage; where none reranked it, the fused one."""
    name = {"fused": "fused_rank", "reranked": "rerank_rank", "final": "final_rank"}[stage]
    return int(candidate[name] or candidate["fused_rank"])


def units_found(question: GoldQuestion, passages: Iterable[Passage]) -> list[str]:
    """Return what a ranking of passages finds, each unit at the rank of its first passage.

    A passage that finds nothing new keeps its rank under a name of its own, since a program that gets five
    passages gets it too. Only a passage that is the first for several gold spans takes several ranks.
    """
    found: dict[str, None] = {}
    for passage in passages:
        if question.spans:
            in_passage = [span.id for span in question.spans if span.is_in(passage)]
        else:
            in_passage = [passage.document_id]
        fresh = [unit for unit in in_passage if unit not in found]
        found |= dict.fromkeys(fresh or [f"passage {passage.id}"])
    return list(found)
