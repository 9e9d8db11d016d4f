"""Tuning a cross-encoder on a gold set, and saying on sealed questions what that changed.

    found = tune_reranker("gold/", out=Path("reranker"))      # from the MiniLM weights
    found.comparisons["recall@5"].verdict

The train questions are read with their gold and with hard negatives: passages without gold that the first stage finds
for them. After each epoch the dev questions decide whether to go on, and the best epoch is kept. The test questions are
looked at once, at the end.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...retrieval.errors import BoundError, GoldSetError, MissingExtraError, UsageError
from ...retrieval.models.bge import load_cross_encoder
from ...retrieval.models.cross_encoder import usable_positions
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE, shared_embedder, shared_reranker
from ...retrieval.models.rerankers import Reranker
from ...retrieval.models.weights import folder_revision, locate, minilm_folder
from ...retrieval.quiet import without_bars
from ...retrieval.search import Searcher
from ...retrieval.settings import SearchSettings
from ...retrieval.storage.disk import publish_file, storing
from ..goldsets.goldset import ALL, GoldQuestion, GoldSet, read_gold_set
from ..goldsets.importing import split_by_document
from ..goldsets.splits import names_split, read_splits
from ..metrics.means import cluster_labels, mean_of
from ..metrics.ranking import measures
from ..runs.folder import fingerprint
from ..runs.gold_fingerprint import gold_fingerprint
from ..runs.look_counter import count_look
from ..runs.retrieval_run import SEED, GoldLocator, RetrievalSetup, search_text
from ..stats.paired import Comparison, Interval, compare_paired
from .settings import questions_of_split, stage_values

REPORT = "tuning.json"
SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}
"""Of the questions of a set that names no splits."""


@dataclass(frozen=True)
class TrainingRecipe:
    """Everything that decides what is learnt, beside the gold set and the weights to begin from."""

    negatives: int = 4
    """Passages without gold for each train question, from the 20 that the first stage finds."""
    epochs: int = 8
    """Most; fewer when dev gets no better."""
    patience: int = 2
    """Epochs without a better dev score before it ends."""
    batch: int = 16
    learning_rate: float = 1e-4
    """Greatest, of the encoder."""
    head_learning_rate: float = 1e-3
    """Greatest, of the head: it may start from nothing."""
    max_tokens: int = 192
    """Of a pair, in training only."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("negatives", "epochs", "patience", "batch", "max_tokens"):
            if getattr(self, name) < 1:
                raise BoundError(f"{name} must be at least 1 (got {getattr(self, name)})")
        if self.seed < 0:
            raise BoundError(f"seed must be at least 0 (got {self.seed})")
        for name in ("learning_rate", "head_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise BoundError(f"{name} must be a number over 0 and under 1 (got {getattr(self, name)})")


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
    stages: Sequence[StageMeans]
    """``fused`` (no reranker), ``before`` and ``after``: the final order with the profile's reranker, and with this."""
    comparisons: Mapping[str, Comparison]
    """``before → after`` by measure, paired."""
    look: int
    """How many times these test questions have been looked at now."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "revision": self.revision,
            "recipe": asdict(self.recipe),
            "pairs": self.pairs,
            "dev": list(self.dev),
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
    embedder, before = shared_embedder(profile), shared_reranker(profile)
    searcher, locator = Searcher(index, embedder, None), GoldLocator(index)
    pairs, samples = (
        _pairs(searcher, locator, splits["train"], recipe),
        _samples(searcher, locator, splits["dev"]),
    )
    progress(
        f"{len(splits['train'].judged)} train questions, {len(pairs)} pairs; {len(samples)} dev questions"
    )
    dev = _train(base, pairs, samples, recipe, out, progress)
    after = load_cross_encoder(out)
    stages, comparisons = _compare_on_test(index, profile, before, after, splits["test"])
    revision = folder_revision(out)
    found = TunedReranker(
        folder=out,
        revision=revision,
        recipe=recipe,
        pairs=len(pairs),
        dev=dev,
        stages=stages,
        comparisons=comparisons,
        look=count_look(splits["test"], fingerprint(revision)),
    )
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


@without_bars()
def _train(
    base: Path,
    pairs: Sequence[tuple[str, str, float]],
    samples: list[dict[str, Any]],
    recipe: TrainingRecipe,
    out: Path,
    progress: Callable[[str], None],
) -> list[float]:
    """Train, write the best epoch's weights to ``out``, and return the dev score of each epoch."""
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import EarlyStoppingCallback, PrinterCallback, set_seed

    set_seed(recipe.seed)  # of the head, where the base has none
    model = CrossEncoder(
        str(base),
        num_labels=1,
        max_length=recipe.max_tokens,
        local_files_only=True,
        trust_remote_code=False,
    )
    if recipe.max_tokens > usable_positions(model):
        raise BoundError(
            f"max_tokens must be at most {usable_positions(model)} for {base.name} (got {recipe.max_tokens})"
        )
    questions, passages, labels = zip(*pairs, strict=True)
    data = Dataset.from_dict({"question": list(questions), "passage": list(passages), "label": list(labels)})
    evaluator = CrossEncoderRerankingEvaluator(
        samples, at_k=5, name="dev", write_csv=False, show_progress_bar=False
    )
    order = _ByLength([len(passage) for passage in passages], recipe.batch, recipe.seed)
    measure = "eval_dev_ndcg@5"
    with tempfile.TemporaryDirectory() as scratch:
        arguments = CrossEncoderTrainingArguments(
            output_dir=scratch,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            learning_rate=recipe.learning_rate,
            learning_rate_mapping={r"classifier": recipe.head_learning_rate},
            warmup_steps=0.1,
            batch_sampler=partial(_sampler, order),
            seed=recipe.seed,
            dataloader_pin_memory=model.device.type == "cuda",
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model=measure,
            greater_is_better=True,
            report_to="none",
            disable_tqdm=True,
        )
        trainer = CrossEncoderTrainer(
            model=model,
            args=arguments,
            train_dataset=data,
            loss=BinaryCrossEntropyLoss(model),
            evaluator=evaluator,
            callbacks=[EarlyStoppingCallback(early_stopping_patience=recipe.patience)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        dev = [float(entry[measure]) for entry in trainer.state.log_history if measure in entry]
        progress(f"dev nDCG@5 by epoch: {', '.join(f'{score:.3f}' for score in dev)}")
        with storing(out):
            model.save_pretrained(str(out), create_model_card=False)
    return dev


class _ByLength:
    """An order anew in each epoch, in which the passages of a batch are of like length: padding costs half the time."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch = lengths, batch
        self._draw = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        mixed = self._draw.permutation(len(self._lengths))
        near = sorted(mixed.tolist(), key=lambda place: self._lengths[place] // 100)
        whole = len(near) - len(near) % self._batch
        cuts = [near[begin : begin + self._batch] for begin in range(0, whole, self._batch)]
        for cut in self._draw.permutation(len(cuts)):
            yield from cuts[cut]
        yield from near[whole:]


def _sampler(order: _ByLength, dataset: object, **options: Any) -> Any:
    """Cut an order into batches, as the library asks for them; a function, since the trainer writes it down."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    return DefaultBatchSampler(order, **options)


def _compare_on_test(
    index: Path, profile: str, before: Reranker | None, after: Reranker, test: GoldSet
) -> tuple[list[StageMeans], dict[str, Comparison]]:
    settings = SearchSettings()
    chosen = [str(measure) for measure in measures(settings.n, settings.k)][:2]
    questions = test.judged
    embedder = shared_embedder(profile)
    old, new = (
        stage_values(
            Searcher(index, embedder, reranker), test, replace(settings, rerank=reranker is not None)
        )
        for reranker in (before, after)
    )
    orders = {"fused": new["fused"], "before": old["final"], "after": new["final"]}
    columns = {
        name: {measure: [values[question.id][measure] for question in questions] for measure in chosen}
        for name, values in orders.items()
    }
    stages = [
        StageMeans(name, {measure: mean_of(column, questions, SEED) for measure, column in by.items()})
        for name, by in columns.items()
    ]
    groups = cluster_labels(questions)
    comparisons = {
        measure: compare_paired(
            columns["before"][measure], columns["after"][measure], clusters=groups, seed=SEED
        )
        for measure in chosen
    }
    return stages, comparisons
