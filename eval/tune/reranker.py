"""Tuning a cross-encoder on a gold set, and saying on sealed questions what that changed.

    found = tune_reranker("gold/", out=Path("reranker"))      # from the MiniLM weights
    found.better, found.on_dev.verdict

The train questions are read with their gold and with hard negatives: passages without gold that the first stage finds
for them. After each epoch the dev questions decide whether to go on, and the best epoch is kept. If on dev the final order
is better with it than with the profile's own reranker, the test questions are looked at, once; if not, they stay sealed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...retrieval.errors import GoldSetError, MissingExtraError, UsageError
from ...retrieval.models.bge import load_cross_encoder
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE, shared_embedder
from ...retrieval.models.weights import folder_revision, locate, minilm_folder
from ...retrieval.search import Searcher
from ...retrieval.settings import SearchSettings
from ...retrieval.storage.disk import publish_file, storing
from ..goldsets.goldset import ALL, GoldQuestion, GoldSet, read_gold_set
from ..goldsets.importing import split_by_document
from ..goldsets.splits import names_split, read_splits
from ..metrics.means import detectable_words, mean_of
from ..metrics.ranking import measures
from ..runs.folder import fingerprint
from ..runs.gold_fingerprint import gold_fingerprint
from ..runs.look_counter import count_look
from ..runs.retrieval_run import SEED, GoldLocator, RetrievalSetup, search_text
from ..stats.paired import Comparison, Interval
from .settings import compare_scores, question_scores, questions_of_split, remembering_reranker, stage_values
from .training import TrainingRecipe, train_cross_encoder

REPORT = "tuning.json"
SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}
"""Of the questions of a set that names no splits."""


@dataclass(frozen=True)
class StageMeans:
    """One order of the passages, on the test questions."""

    name: str
    means: Mapping[str, Interval]
    """By measure, recall@n and mrr@n."""


@dataclass(frozen=True)
class TunedReranker:
    """A tuned cross-encoder, and what it changed."""

    folder: Path
    """Of the weights, for ``QUINCUNX_CROSS_ENCODER``."""
    revision: str
    """sha256 over the folder."""
    recipe: TrainingRecipe
    pairs: int
    """Questions with one passage each that it learnt from."""
    dev: Sequence[float]
    """nDCG@5 on the dev questions after each epoch."""
    on_dev: Comparison
    """``before → after`` on the dev questions, in the mean of recall@n and mrr@n. It is flattered: dev chose the epoch."""
    stages: Sequence[StageMeans] = ()
    """``fused`` (no reranker), ``before`` and ``after``: the final order with the profile's reranker, and with this. Empty
    where it was no better on dev, as then the test questions are not asked."""
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    """``before → after`` by measure, paired, on the test questions."""
    look: int | None = None
    """How many times these test questions have been looked at now; ``None`` where they were not."""

    @property
    def better(self) -> bool:
        """Whether it is to be used: it gained on dev, and no measure is worse on test."""
        worse = any(result.outcome == "worse" for result in self.comparisons.values())
        return self.on_dev.difference > 0 and not worse

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "revision": self.revision,
            "recipe": asdict(self.recipe),
            "pairs": self.pairs,
            "dev": list(self.dev),
            "on_dev": {**asdict(self.on_dev), "verdict": self.on_dev.verdict},
            "better": self.better,
            "stages": {
                stage.name: {m: asdict(mean) for m, mean in stage.means.items()} for stage in self.stages
            },
            "comparisons": {
                name: {**asdict(result), "verdict": result.verdict}
                for name, result in self.comparisons.items()
            },
            "look": self.look,
        }


def tune_reranker(
    gold: str | Path,
    *,
    out: Path,
    base: Path | None = None,
    recipe: TrainingRecipe | None = None,
    profile: str = DEFAULT_PROFILE,
    index_progress: Progress = no_progress,
    progress: Callable[[str], None] = lambda line: None,
) -> TunedReranker:
    """Tune a cross-encoder, and write its weights and the report into ``out``.

    Args:
        gold: folder of a gold set with the splits train, dev and test, or the name of one that ships with the package; one without is divided by document, always alike.
        out: a folder that holds nothing yet.
        base: the weights to begin from, those of a cross-encoder or of a bare encoder; MiniLM's if left out.
        recipe: what decides the learning.
        profile: whose first stage finds the negatives, and whose reranker it is compared with.
        index_progress: called with (done, total) documents while the index is built.
        progress: called with a line of text at each step.

    Raises:
        UsageError: ``out`` holds something. MissingWeightsError: ``base`` holds no model.
        GoldSetError: a split has too few questions with gold in the index, or two share some.
        MissingExtraError: the ``tune`` extra is not installed.
    """
    if find_spec("datasets") is None or find_spec("accelerate") is None:
        raise MissingExtraError("datasets or accelerate", "tune")
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: choose another one for the tuned reranker")
    recipe = recipe or TrainingRecipe()
    base, base_revision = locate("the base of the tuning", folder=base or minilm_folder())
    splits = splits_of(gold)
    index = RetrievalSetup(splits["test"], profile).folder(index_progress)
    embedder, before = shared_embedder(profile), remembering_reranker(profile)
    searcher, locator = Searcher(index, embedder, None), GoldLocator(index)
    pairs, samples = (
        _pairs(searcher, locator, splits["train"], recipe),
        _samples(searcher, locator, splits["dev"]),
    )
    progress(
        f"{len(splits['train'].judged)} train questions, {len(pairs)} pairs; an epoch is chosen by {len(samples)} dev "
        f"questions whose gold is found, and compared on all {len(splits['dev'].judged)}: "
        f"{detectable_words(len(splits['dev'].judged))}"
    )
    dev = train_cross_encoder(base, pairs, samples, recipe, out, progress)
    after = load_cross_encoder(out)
    searchers = [Searcher(index, embedder, reranker) for reranker in (before, after)]
    on_dev = _compare_on_dev(searchers, splits["dev"])
    revision = folder_revision(out)
    found = TunedReranker(out, revision, recipe, len(pairs), dev, on_dev)
    if found.better:
        stages, comparisons = _compare_on_test(searchers, splits["test"])
        look = count_look(splits["test"], fingerprint(revision))
        found = replace(found, stages=stages, comparisons=comparisons, look=look)
    report = {
        **found.as_dict(),
        "base": base_revision,
        "profile": profile,
        "gold": {name: gold_fingerprint(gold) for name, gold in splits.items()},
    }
    # Beside the weights and not among them: their identity is a hash over the folder.
    path = out.with_name(f"{out.name}.{REPORT}")
    with storing(path):
        publish_file(path, [memoryview((json.dumps(report, indent=1, sort_keys=True) + "\n").encode())])
    return found


def splits_of(folder: str | Path) -> dict[str, GoldSet]:
    """Return train, dev and test of a gold set; one that has no train questions is divided by document."""
    whole = read_gold_set(folder, ALL)
    if names_split(whole, "train"):
        return read_splits(folder)
    splits = split_by_document(whole.judged, shares=SHARES, seed=SEED)
    return {name: questions_of_split(whole, splits, name) for name in SHARES}


@dataclass(frozen=True)
class _FirstStage:
    """What the first stage finds for a question."""

    question: str
    gold: tuple[str, ...]
    """Texts of those that hold its gold, best first."""
    others: tuple[str, ...]
    """Texts of those without, best first."""


def _first_stage(searcher: Searcher, locator: GoldLocator, question: GoldQuestion) -> _FirstStage:
    result = searcher.search(search_text(question), SearchSettings(rerank=False))
    ranked = [candidate.passage for candidate in result.candidates]
    right = {passage.id for passage in locator.locate(question)[1]}
    return _FirstStage(
        question=search_text(question),
        gold=tuple(passage.reading for passage in ranked if passage.id in right),
        others=tuple(passage.reading for passage in ranked if passage.id not in right),
    )


def _pairs(
    searcher: Searcher, locator: GoldLocator, train: GoldSet, recipe: TrainingRecipe
) -> list[tuple[str, str, float]]:
    """Return question, passage and 1 or 0, for each question with gold among its candidates."""
    draw = np.random.default_rng(recipe.seed)
    pairs: list[tuple[str, str, float]] = []
    for question in train.judged:
        found = _first_stage(searcher, locator, question)
        if not found.gold:
            continue
        count = min(recipe.negatives, len(found.others))
        chosen = sorted(draw.choice(len(found.others), size=count, replace=False)) if count else []
        pairs += [(found.question, text, 1.0) for text in found.gold]
        pairs += [(found.question, found.others[place], 0.0) for place in chosen]
    if len({label for _, _, label in pairs}) < 2:
        raise GoldSetError(
            f"{train.folder}: for no train question are both gold and other passages found, so nothing can be learnt"
        )
    return pairs


def _samples(searcher: Searcher, locator: GoldLocator, dev: GoldSet) -> list[dict[str, Any]]:
    """Return the dev questions as the library's evaluator takes them."""
    found = [_first_stage(searcher, locator, question) for question in dev.judged]
    samples = [
        {"query": one.question, "positive": list(one.gold), "negative": list(one.others)}
        for one in found
        if one.gold and one.others
    ]
    if not samples:
        raise GoldSetError(
            f"{dev.folder}: the first stage finds gold for no dev question, so nothing can be chosen by"
        )
    return samples


def _settings_with(searcher: Searcher) -> SearchSettings:
    return SearchSettings(rerank=searcher.reranker is not None)


def _compare_on_dev(searchers: Sequence[Searcher], dev: GoldSet) -> Comparison:
    before, after = (question_scores(searcher, dev, _settings_with(searcher)) for searcher in searchers)
    return compare_scores(dev, before, after)


def _compare_on_test(
    searchers: Sequence[Searcher], test: GoldSet
) -> tuple[list[StageMeans], dict[str, Comparison]]:
    settings = SearchSettings()
    chosen = [str(measure) for measure in measures(settings.n, settings.k)][:2]
    old, new = (stage_values(searcher, test, _settings_with(searcher)) for searcher in searchers)
    orders = {"fused": new["fused"], "before": old["final"], "after": new["final"]}
    scores = {
        name: {measure: {id: each[measure] for id, each in values.items()} for measure in chosen}
        for name, values in orders.items()
    }
    stages = [
        StageMeans(
            name, {measure: mean_of(list(by_id.values()), test.judged, SEED) for measure, by_id in by.items()}
        )
        for name, by in scores.items()
    ]
    comparisons = {
        measure: compare_scores(test, scores["before"][measure], scores["after"][measure])
        for measure in chosen
    }
    return stages, comparisons
