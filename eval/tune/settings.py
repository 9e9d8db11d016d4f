"""Choosing settings on dev questions, and reporting the choice once on the sealed test questions.

The choice is the candidate with the best mean of recall@n and mrr@n over the dev questions, averaged over the sets
where there are several; of equals, the one that stands first in the grid, which begins with the current settings. Its
figure on dev is flattered by the choice, so what is reported is the paired difference on test, which is looked at once
for each choice: every look is counted in the home folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...programs.program import GroundedProgram
from ...retrieval.errors import BoundError
from ...retrieval.models.cache import CachedReranker
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import shared_embedder, shared_reranker
from ...retrieval.models.rerankers import Reranker
from ...retrieval.passages import Passage
from ...retrieval.search import Searcher
from ...retrieval.settings import FinalOrder, Fusion, SearchSettings
from ...retrieval.text.chunk_size import Chunking
from ..goldsets.goldset import ALL, GoldQuestion, GoldSet, read_gold_set
from ..goldsets.importing import split_by_document
from ..goldsets.splits import names_split
from ..metrics.means import cluster_labels
from ..metrics.ranking import measures, per_question
from ..metrics.run_scores import ranking
from ..runs.folder import fingerprint
from ..runs.look_counter import count_look
from ..runs.retrieval_run import SEED, RetrievalSetup, search_record, search_text
from ..stats.paired import Comparison, compare_paired


@dataclass(frozen=True)
class TrialSettings:
    """One configuration of retrieval."""

    settings: SearchSettings
    chunking: Chunking

    def as_dict(self) -> dict[str, Any]:
        """Return what it sets, as JSON values."""
        return {
            **self.settings.as_dict(),
            "chunk_tokens": self.chunking.tokens,
            "chunk_overlap": self.chunking.overlap,
        }


@dataclass(frozen=True)
class Trial:
    """What one candidate came to on dev."""

    candidate: TrialSettings
    score: float
    """What is chosen by: the mean of recall@n and mrr@n, averaged over the sets."""
    by_set: Mapping[str, Mapping[str, float]]
    """Mean of each measure by set."""


@dataclass(frozen=True)
class TestComparison:
    """The choice against the current settings, on the test questions of one set."""

    name: str
    n: int
    look: int
    """How many times these test questions have been looked at now."""
    now: Mapping[str, float]
    chosen: Mapping[str, float]
    best_stage: str
    """The best single stage by the first measure under the chosen settings: dense, lexical, fused or reranked."""
    comparisons: Mapping[str, Comparison]
    """``now → chosen`` and ``best stage → chosen`` in recall@n, ``… mrr`` in mrr@n."""


@dataclass(frozen=True)
class SweepResult:
    """A whole sweep."""

    trials: tuple[Trial, ...]
    """Best first."""
    chosen: TrialSettings
    sealed: tuple[TestComparison, ...]


def grid(
    now: SearchSettings,
    *,
    k: Iterable[int] = (),
    n: Iterable[int] = (),
    dense_weight: Iterable[float] = (),
    lexical_weight: Iterable[float] = (),
    proximity_weight: Iterable[float] = (),
    fusion: Iterable[Fusion] = (),
    rrf_constant: Iterable[float] = (),
    rerank_weight: Iterable[float] = (),
    name_weight: Iterable[float] = (),
    final: Iterable[FinalOrder] = (),
    rerank: Iterable[bool] = (),
    chunking: Iterable[Chunking] = (),
) -> list[TrialSettings]:
    """Return every combination, the current settings first; what is not named stays as it is."""
    axes: dict[str, list[Any]] = {
        "k": list(k) or [now.k],
        "n": list(n) or [now.n],
        "dense_weight": list(dense_weight) or [now.dense_weight],
        "lexical_weight": list(lexical_weight) or [now.lexical_weight],
        "proximity_weight": list(proximity_weight) or [now.proximity_weight],
        "fusion": list(fusion) or [now.fusion],
        "rrf_constant": list(rrf_constant) or [now.rrf_constant],
        "rerank_weight": list(rerank_weight) or [now.rerank_weight],
        "name_weight": list(name_weight) or [now.name_weight],
        "final": list(final) or [now.final],
        "rerank": list(rerank) or [now.rerank],
    }
    chunkings = list(chunking) or [Chunking()]
    found = [TrialSettings(now, chunkings[0])]
    for values in itertools.product(*axes.values()):
        settings = replace(now, **dict(zip(axes, values, strict=True)))
        found += [TrialSettings(settings, each) for each in chunkings]
    return list(dict.fromkeys(found))


def dev_and_test(folder: Path) -> tuple[GoldSet, GoldSet]:
    """Return the dev and the test questions of a gold set.

    A set that names no dev split is divided by document: two fifths of its questions are dev, always the same.
    """
    whole = read_gold_set(folder, ALL)
    if names_split(whole, "dev"):
        return read_gold_set(folder, "dev"), read_gold_set(folder, "test")
    splits = split_by_document(whole.judged, shares={"dev": 0.4, "test": 0.6}, seed=SEED)
    return questions_of_split(whole, splits, "dev"), questions_of_split(whole, splits, "test")


def sweep(
    folders: Sequence[Path],
    candidates: Sequence[TrialSettings],
    *,
    profile: str,
    index_progress: Progress = no_progress,
    progress: Progress = no_progress,
) -> SweepResult:
    """Try every candidate on the dev questions of each set, choose, and look at the test questions once.

    Raises:
        BoundError: candidates that keep different numbers of passages, whose measures are not comparable.
        GoldSetError: see `read_gold_set`.
    """
    if len({candidate.settings.n for candidate in candidates}) > 1:
        raise BoundError(
            "candidates must keep the same n: recall@n of different n cannot be compared. Sweep each n by itself"
        )
    sets = [(folder.name, *dev_and_test(folder)) for folder in folders]
    engine = _CachingSearch(profile, index_progress)
    scores: dict[TrialSettings, dict[str, dict[str, float]]] = {}
    for done, candidate in enumerate(candidates, start=1):
        scores[candidate] = {name: _means(engine.values(dev, candidate)["final"]) for name, dev, _ in sets}
        progress(done, len(candidates))
    trials = [Trial(candidate, _score(by_set), by_set) for candidate, by_set in scores.items()]
    best = sorted(trials, key=lambda trial: -trial.score)  # stable: of equals the first of the grid
    now, chosen = candidates[0], best[0].candidate
    return SweepResult(
        trials=tuple(best),
        chosen=chosen,
        sealed=tuple(_compare_on_test(engine, name, test, now, chosen) for name, _, test in sets),
    )


Values = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Value by measure by question id by stage."""


class _CachingSearch:
    """Searches with a reranker that remembers, so that candidates share the pairs they have in common."""

    def __init__(self, profile: str, progress: Progress) -> None:
        self._profile, self._progress = profile, progress
        self._embedder, self._reranker = shared_embedder(profile), remembering_reranker(profile)
        self._searchers: dict[tuple[str, Chunking], Searcher] = {}

    def values(self, gold: GoldSet, candidate: TrialSettings) -> Values:
        return stage_values(self._searcher(gold, candidate.chunking), gold, candidate.settings)

    def _searcher(self, gold: GoldSet, chunking: Chunking) -> Searcher:
        key = (str(gold.folder), chunking)
        if key not in self._searchers:
            folder = RetrievalSetup(gold, self._profile, chunking=chunking).folder(self._progress)
            self._searchers[key] = Searcher(folder, self._embedder, self._reranker)
        return self._searchers[key]


def remembering_reranker(profile: str) -> Reranker | None:
    """Return a profile's reranker, which scores each pair once, however many settings are tried; ``None`` if it has none."""
    reranker = shared_reranker(profile)
    return reranker if reranker is None or isinstance(reranker, CachedReranker) else CachedReranker(reranker)


def stage_values(searcher: Searcher, gold: GoldSet, settings: SearchSettings) -> Values:
    """Search for every judged question, and return what each stage's order is worth."""
    chosen = measures(settings.n, settings.k)
    grades = {question.id: question.grades for question in gold.judged}
    rankings: dict[str, dict[str, list[str]]] = {}
    for question in gold.judged:
        found = searcher.search(search_text(question), settings)
        passages: dict[str, Passage] = {p.id: p for p in [*found.dense, *found.lexical]}
        passages |= {c.passage.id: c.passage for c in found.candidates}
        record = search_record(found)
        for stage in ("dense", "lexical", "fused", "reranked", "final"):
            rankings.setdefault(stage, {})[question.id] = ranking(
                question, record, stage, settings.k, passages
            )
    return {stage: per_question(chosen, grades, found) for stage, found in rankings.items()}


def question_scores(searcher: Searcher, gold: GoldSet, settings: SearchSettings) -> dict[str, float]:
    """Return what the final order is worth to each judged question: the mean of recall@n and mrr@n."""
    return {id: quality(each) for id, each in stage_values(searcher, gold, settings)["final"].items()}


def quality(values: Mapping[str, float]) -> float:
    """Return the mean of the first two measures, recall@n and mrr@n, by which settings are chosen."""
    return sum(list(values.values())[:2]) / 2


def compare_scores(gold: GoldSet, before: Mapping[str, float], after: Mapping[str, float]) -> Comparison:
    """Compare two scores of each judged question, by id: paired, and clustered by shared gold."""
    ids = [question.id for question in gold.judged]
    return compare_paired(
        [before[id] for id in ids],
        [after[id] for id in ids],
        clusters=cluster_labels(gold.judged),
        seed=SEED,
    )


def _compare_on_test(
    engine: _CachingSearch, name: str, test: GoldSet, now: TrialSettings, chosen: TrialSettings
) -> TestComparison:
    before, after = engine.values(test, now)["final"], engine.values(test, chosen)
    recall, mrr = list(measures(chosen.settings.n, chosen.settings.k))[:2]
    stages = {stage: _means(after[stage]) for stage in ("dense", "lexical", "fused", "reranked")}
    best = max(stages, key=lambda stage: stages[stage][recall])

    def against(a: Mapping[str, Mapping[str, float]], measure: str) -> Comparison:
        one, other = ({id: each[measure] for id, each in values.items()} for values in (a, after["final"]))
        return compare_scores(test, one, other)

    return TestComparison(
        name=name,
        n=len(test.judged),
        look=count_look(test, fingerprint(chosen.as_dict())),
        now=_means(before),
        chosen=_means(after["final"]),
        best_stage=best,
        comparisons={
            "now → chosen": against(before, recall),
            "now → chosen, mrr": against(before, mrr),
            f"{best} → chosen": against(after[best], recall),
            f"{best} → chosen, mrr": against(after[best], mrr),
        },
    )


def questions_of_split(whole: GoldSet, splits: Mapping[str, str], split: str) -> GoldSet:
    """Return the questions that were given to a split."""
    kept: dict[str, GoldQuestion] = {
        id: question for id, question in whole.questions.items() if splits.get(id) == split
    }
    return replace(whole, questions=kept, split=f"{split} by document")


def _means(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    names = next(iter(values.values()), {})
    return {name: sum(each[name] for each in values.values()) / len(values) for name in names}


def _score(by_set: Mapping[str, Mapping[str, float]]) -> float:
    """Return the mean over the sets of the mean of the first two measures."""
    return sum(map(quality, by_set.values())) / len(by_set)


def save_chosen(program: GroundedProgram, found: SweepResult, target: str | Path) -> Path:
    """Save a program with the chosen settings of search, under a name or in a folder; returns the folder."""
    program.retriever.settings = found.chosen.settings
    notes = {
        "tuned on": [entry.name for entry in found.sealed],
        "verdicts on test": {
            entry.name: {name: result.verdict for name, result in entry.comparisons.items()}
            for entry in found.sealed
        },
    }
    return program.save(target, notes=notes)


def sweep_as_dict(found: SweepResult) -> dict[str, Any]:
    """Return a sweep as JSON values."""
    return {
        "chosen": found.chosen.as_dict(),
        "trials": [
            {"settings": trial.candidate.as_dict(), "score": trial.score, "by_set": trial.by_set}
            for trial in found.trials
        ],
        "sealed": [
            {
                **{
                    name: getattr(entry, name)
                    for name in ("name", "n", "look", "now", "chosen", "best_stage")
                },
                "comparisons": {
                    name: {**asdict(result), "verdict": result.verdict}
                    for name, result in entry.comparisons.items()
                },
            }
            for entry in found.sealed
        ],
    }
