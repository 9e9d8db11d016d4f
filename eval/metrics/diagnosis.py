"""Where each lost gold was lost, who stands in its place, and what to change: by rule, from the ranks alone.

not in the index             no document of that id is in the index: the corpus lacks it, or holds it empty
cut by chunking              no passage holds at least half of the gold span
found by neither stage       neither order had it as deep as the fusion looked
lexical only, dense only     one order had it, the other had not, and it did not come into the passages
cut by the fusion            both had it, and it is not among the k candidates
lost by the rerank           it was among the n before the reranker, and is not after
lost by the final order      the reranker had it among its n, and the final order has not
ranked too low               it is among the candidates, and no stage had it among the n
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from ..runs.ledger import Row
from .run_scores import STAGES, RunScores, units_found

Diagnosis = Literal[
    "not in the index",
    "cut by chunking",
    "found by neither stage",
    "lexical only",
    "dense only",
    "cut by the fusion",
    "lost by the rerank",
    "lost by the final order",
    "ranked too low",
]

ADVICE: Mapping[Diagnosis, str] = {
    "not in the index": "The corpus lacks the document or holds it empty: add it (to an index of yours with `quincunx index "
    "update NAME PATH`), or correct the id in the gold.",
    "cut by chunking": "Cut larger passages, or with more overlap (--chunk-tokens, --chunk-overlap), and build again.",
    "found by neither stage": "Question and page share neither words nor meaning for these models: add the words that "
    "people use to the page, or try another embedder.",
    "lexical only": "Only the words matched: raise lexical_weight, or k so that it reaches the reranker.",
    "dense only": "Only the meaning matched: raise dense_weight, or k so that it reaches the reranker.",
    "cut by the fusion": "Both orders had it far down: raise k.",
    "lost by the rerank": "The reranker put others above it: try final='combined', another reranker, or none.",
    "lost by the final order": "The reranker had it among its first: try final='reranked'.",
    "ranked too low": "Raise n, or try a stronger reranker.",
}


@dataclass(frozen=True)
class LostUnit:
    """A unit of gold that did not come into the n passages."""

    question: str
    unit: str
    grade: int
    ranks: Mapping[str, int | None]
    """By stage, from 1 among units; ``None`` where the stage did not return it."""
    displaced_by: str | None
    """Id of the passage that stands in its place."""
    diagnosis: Diagnosis

    @property
    def advice(self) -> str:
        return ADVICE[self.diagnosis]


def diagnose(scored: RunScores) -> list[LostUnit]:
    """Return every lost unit of gold, question by question, best grade first."""
    lost = []
    for id in scored.scored:
        question, row = scored.questions[id], scored.rows[id]
        grades = question.grades
        for unit in sorted(grades, key=lambda unit: (-grades[unit], unit)):
            ranks = _ranks(scored, question, row, unit)
            final = ranks["final"]
            if final is None or final > scored.n:
                lost.append(
                    LostUnit(
                        question=id,
                        unit=unit,
                        grade=grades[unit],
                        ranks=ranks,
                        displaced_by=_displacing(row.record["candidates"], ranks, scored.n),
                        diagnosis=_diagnosis(question, row, unit, ranks, scored),
                    )
                )
    return lost


def _ranks(scored: RunScores, question: GoldQuestion, row: Row, unit: str) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for stage in STAGES:
        order: Sequence[str] = scored.rankings[stage][question.id]
        if stage in ("dense", "lexical"):  # deeper than the k that are scored
            order = units_found(question, [scored.passages[id] for id in row.record[stage]])
        found[stage] = order.index(unit) + 1 if unit in order else None
    return found


def _displacing(
    candidates: Sequence[Mapping[str, Any]], ranks: Mapping[str, int | None], n: int
) -> str | None:
    """Return the best passage that was lifted over the gold from below it, or else the last that is kept."""
    kept = sorted((c for c in candidates if c["final_rank"] <= n), key=lambda c: int(c["final_rank"]))
    fused = ranks["fused"]
    lifted = [c for c in kept if fused is not None and c["fused_rank"] > fused]
    chosen = lifted[:1] or kept[-1:]
    return str(chosen[0]["id"]) if chosen else None


def _diagnosis(
    question: GoldQuestion, row: Row, unit: str, ranks: Mapping[str, int | None], scored: RunScores
) -> Diagnosis:
    if not row.record["held"].get(unit):
        document = next((span.document for span in question.spans if span.id == unit), unit)
        return "not in the index" if document in row.record["absent"] else "cut by chunking"
    dense, lexical, fused = ranks["dense"], ranks["lexical"], ranks["fused"]
    if fused is None:
        if dense is None and lexical is None:
            return "found by neither stage"
        if dense is None or lexical is None:
            return "lexical only" if dense is None else "dense only"
        return "cut by the fusion"
    if fused <= scored.n:
        return "lost by the rerank"
    if (ranks["reranked"] or scored.k + 1) <= scored.n:
        return "lost by the final order"
    if dense is None or lexical is None:
        return "lexical only" if dense is None else "dense only"
    return "ranked too low"


def place_in_passages(unit: str, passages: Mapping[str, Passage], held: Mapping[str, Sequence[str]]) -> str:
    """Return the id of a passage that holds a unit, to be shown; the unit's own name where none does."""
    return next((id for id in held.get(unit, ()) if id in passages), unit)
