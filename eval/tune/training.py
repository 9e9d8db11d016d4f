"""Training a cross-encoder on pairs of question and passage: repeatable, and stopped by dev questions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...retrieval.errors import BoundError
from ...retrieval.models.cross_encoder import usable_positions
from ...retrieval.quiet import without_bars
from ...retrieval.storage.disk import storing


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


@without_bars()
def train_cross_encoder(
    base: Path,
    pairs: Sequence[tuple[str, str, float]],
    samples: list[dict[str, Any]],
    recipe: TrainingRecipe,
    out: Path,
    progress: Callable[[str], None],
) -> list[float]:
    """Train, write the best epoch's weights to ``out``, and return nDCG@5 of the dev questions after each epoch.

    ``pairs``: question, passage, and 1 or 0; ``samples``: dev questions as the library's evaluator takes them.
    """
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
