"""How well each stage of retrieval finds the gold: the funnel of a gold set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import ir_measures
from ir_measures import RR, Qrel, R, ScoredDoc, nDCG

from ..retrieval.building import build
from ..retrieval.embedders import Progress, no_progress
from ..retrieval.errors import UsageError
from ..retrieval.home import home
from ..retrieval.profiles import DEFAULT_PROFILE, shared_embedder, shared_reranker
from ..retrieval.searching import Searcher, SearchResult, SearchSettings
from .goldset import GoldSet

STAGES = ("dense", "lexical", "fused", "reranked", "final")
MEASURES = {"recall@5": R @ 5, "mrr@5": RR @ 5, "ndcg@5": nDCG @ 5, "recall@20": R @ 20}


@dataclass(frozen=True)
class RetrievalReport:
    """Mean of each measure for each stage, over all questions that have gold."""

    gold: str
    profile: str
    settings: SearchSettings
    n_queries: int
    """Questions that have gold, failed ones included."""
    failures: Mapping[str, str]
    """Why a question could not be searched for, by id; it counts as 0 in every mean."""
    stages: Mapping[str, Mapping[str, float]]


def evaluate_retrieval(
    gold: GoldSet,
    *,
    profile: str = DEFAULT_PROFILE,
    settings: SearchSettings | None = None,
    index_progress: Progress = no_progress,
    search_progress: Progress = no_progress,
) -> RetrievalReport:
    """Index the gold set's corpus (kept in the home folder for the next time) and search for its questions.

    Passages count for the documents or spans that are gold: each stands where its first passage stands.
    """
    settings = settings or SearchSettings()
    digest = hashlib.sha256(str(gold.folder.resolve()).encode()).hexdigest()[:12]
    folder = home() / "gold" / f"{gold.folder.name}-{digest}"
    embedder = shared_embedder(profile)
    build(folder, gold.documents, embedder, progress=index_progress)
    searcher = Searcher(folder, embedder, shared_reranker(profile))
    questions = gold.judged
    results: dict[str, SearchResult] = {}
    failures: dict[str, str] = {}
    for done, question in enumerate(questions, start=1):
        try:
            results[question.id] = searcher.search(question.text, settings)
        except (
            UsageError
        ) as error:  # such as a question longer than the model reads; it scores 0 and is named
            failures[question.id] = str(error)
        search_progress(done, len(questions))
    return RetrievalReport(
        gold=gold.folder.name,
        profile=profile,
        settings=settings,
        n_queries=len(questions),
        failures=failures,
        stages={
            stage: score(gold, {id: _ranking(gold, id, result, stage) for id, result in results.items()})
            for stage in STAGES
        },
    )


def score(gold: GoldSet, rankings: Mapping[str, list[str]]) -> dict[str, float]:
    """Score one ranking of units (see `GoldSet.units`) per question; a question without a ranking counts as 0."""
    qrels = [
        Qrel(question, document, grade)
        for question, grades in gold.relevance.items()
        for document, grade in grades.items()
    ]
    # Strictly falling scores: with tied ones the measures contradict each other.
    run = [
        ScoredDoc(question, document, -float(rank))
        for question, ranking in rankings.items()
        for rank, document in enumerate(ranking)
    ]
    means = ir_measures.calc_aggregate(list(MEASURES.values()), qrels, run)
    return {name: float(means[measure]) for name, measure in MEASURES.items()}


def _ranking(gold: GoldSet, question: str, result: SearchResult, stage: str) -> list[str]:
    """Return the units of a stage, best first."""
    if stage in ("dense", "lexical"):
        return gold.units(question, result.dense if stage == "dense" else result.lexical)
    rank = {
        "fused": lambda c: c.fused_rank,
        "reranked": lambda c: c.rerank_rank if c.rerank_rank is not None else c.fused_rank,
        "final": lambda c: c.final_rank,
    }[stage]
    return gold.units(question, (candidate.passage for candidate in sorted(result.candidates, key=rank)))
