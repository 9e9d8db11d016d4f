"""A cross-encoder with trained weights: all-MiniLM-L6-v2, tuned for a few minutes on questions and their answers.

No trained cross-encoder comes in a package, and random weights are kinder to number formats than trained ones, whose
activations have outliers. It is for comparing precisions, on questions that it was not tuned on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from bench.checkpoints import made_once
from quincunx.retrieval.models.weights import minilm_folder

BATCH = 16
EPOCHS = 4
STEP, HEAD_STEP = 1e-4, 1e-3
"""Greatest learning rate of the encoder, and of the head that starts from nothing."""
MAX_TOKENS = 192
"""Of a pair, in tuning only."""

Example = tuple[str, str, bool]
"""Question, passage, whether the one answers the other."""


def tuned_minilm(examples: Sequence[Example], seed: int = 0) -> Path:
    """Return a folder with such a cross-encoder, made once for these examples and kept."""
    told = repr((list(examples), seed, BATCH, EPOCHS, STEP, HEAD_STEP, MAX_TOKENS, torch.__version__))
    return made_once("tuned-minilm", told, lambda folder: _tune(folder, examples, seed))


def _tune(folder: Path, examples: Sequence[Example], seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _tune_seeded(folder, examples, seed)


def _tune_seeded(folder: Path, examples: Sequence[Example], seed: int) -> None:
    network: Any = BertForSequenceClassification.from_pretrained(
        minilm_folder(), num_labels=1, local_files_only=True, dtype=torch.float32
    )
    tokenizer: Any = AutoTokenizer.from_pretrained(minilm_folder(), local_files_only=True)
    head, body = [*network.classifier.parameters()], [*network.bert.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": STEP}, {"params": head, "lr": HEAD_STEP}], weight_decay=0.01
    )
    batches = [batch for epoch in range(EPOCHS) for batch in _batches(examples, seed + epoch)]
    warm = max(1, len(batches) // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / len(batches))
    )
    loss_of = torch.nn.BCEWithLogitsLoss()
    network.train()
    losses = []
    for batch in batches:
        questions, passages, answers = zip(*batch, strict=True)
        encoded = tokenizer(
            list(questions),
            list(passages),
            padding=True,
            truncation="only_second",
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        logits = network(**encoded).logits.squeeze(-1)  # (batch,)
        loss: Any = loss_of(logits, torch.tensor(answers, dtype=torch.float32))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    tenth = max(1, len(losses) // 10)
    print(
        f"tuned MiniLM on {len(examples)} pairs: loss {np.mean(losses[:tenth]):.3f} → {np.mean(losses[-tenth:]):.3f}"
    )
    network.eval()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _batches(examples: Sequence[Example], seed: int) -> list[list[Example]]:
    """Return batches of like length, in random order."""
    generator = np.random.default_rng(seed)
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i][1]) // 100, generator.random()))
    cut = [[examples[i] for i in order[begin : begin + BATCH]] for begin in range(0, len(order), BATCH)]
    return [cut[i] for i in generator.permutation(len(cut))]
