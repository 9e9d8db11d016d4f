"""Cross-encoders of bge-reranker-base's architecture with random weights, and pairs of chosen lengths for them.

The time of a forward pass depends on shapes, not on what was learnt. The vocabulary is made up, one token a word, and
far smaller than the real 250,002 pieces: looking a token up costs the same in both, and token counts come out exact.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaTokenizer

from quincunx.retrieval.models.precision.probe_texts import PASSAGES, QUESTIONS

Size = Literal["base", "v2-m3", "tiny"]

SHAPES: dict[Size, tuple[int, int, int, int]] = {
    "base": (12, 768, 12, 3072),
    "v2-m3": (24, 1024, 16, 4096),
    "tiny": (2, 32, 2, 64),
}
"""Layers, hidden, heads, feed-forward; ``base`` and ``v2-m3`` are the bge rerankers', ``tiny`` is for tests."""
MAX_TOKENS = 512
SPECIAL = 4
"""Of a pair: ``<s> question </s></s> passage </s>``."""
QUESTION_TOKENS = 8
LENGTHS: dict[str, tuple[int, ...]] = {
    "short": tuple(range(20, 60, 2)),
    "mixed": (19, 25, 40, 60, 80, 100, 120, 130, 150, 160, 170, 180, 200, 220, 240, 260, 310, 404, 480, 512),
    "long": tuple(range(400, 500, 5)),
}
"""Tokens of the 20 pairs of a question, special ones included. ``mixed`` makes 3,860 tokens, and 10,240 when all are
padded to the longest."""


@dataclass(frozen=True)
class Asked:
    """One question and its candidates."""

    question: str
    passages: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(self.question, passage) for passage in self.passages]


@cache
def made_up_words(count: int = 2000) -> tuple[str, ...]:
    """Return distinct words of four syllables, always the same."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    generator = np.random.default_rng(0)
    drawn = ("".join(generator.choice(syllables, size=4)) for _ in range(2 * count))
    return tuple(dict.fromkeys(drawn))[:count]


def words_of(texts: Iterable[str], most: int = 20_000) -> list[str]:
    """Return the words of a corpus, most frequent first, for a checkpoint that reads it in as few tokens."""
    counts = Counter(word for text in texts for word in re.findall(r"\w+", text))
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]


def cross_encoder(size: Size, words: Sequence[str] = (), *, seed: int = 0) -> Path:
    """Return a folder with such a checkpoint, made once and kept."""
    # The probe of number formats is read in words too, as it is by a vocabulary that was learnt.
    words = list(dict.fromkeys([*(words or made_up_words()), *words_of([*QUESTIONS, *PASSAGES])]))
    recipe = repr((SHAPES[size], list(words), seed, torch.__version__))
    return made_once(size, recipe, lambda folder: _save(folder, size, words, seed))


def made_once(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that ``make`` fills by the recipe, kept from an earlier run where there was one.

    ``QUINCUNX_BENCH_CACHE`` names the folder above, else it is the temporary one.
    """
    kept = os.environ.get("QUINCUNX_BENCH_CACHE")
    home = Path(kept) if kept else Path(tempfile.gettempdir()) / f"quincunx-bench-{os.getuid()}"
    home.mkdir(parents=True, exist_ok=True)
    folder = home / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(dir=home))
        make(fresh)
        try:
            fresh.rename(folder)
        except OSError:  # another process was first, by the same recipe
            shutil.rmtree(fresh)
    return folder


def add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", choices=list(SHAPES), default="base", help="size of the random checkpoint")


def _save(folder: Path, size: Size, words: Sequence[str], seed: int) -> None:
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    # A word whole is likelier than any way to put it together from another word and characters.
    whole = [(f"▁{word}", -8.0) for word in words if len(word) > 1]
    characters = [(chr(code), -12.0) for code in range(33, 127)]
    pieces = [*special, ("▁", -10.0), *whole, *characters, ("<mask>", 0.0)]
    layers, hidden, heads, feed_forward = SHAPES[size]
    config = XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=feed_forward,
        max_position_embeddings=MAX_TOKENS + 2,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = XLMRobertaForSequenceClassification(config)
    model.save_pretrained(folder)
    XLMRobertaTokenizer(vocab=pieces, model_max_length=MAX_TOKENS).save_pretrained(folder)


def asked(mix: str, seed: int) -> Asked:
    """Draw a question and 20 passages of a mix's lengths, in random order; no text comes up for two seeds."""
    generator = np.random.default_rng(seed)
    words = made_up_words()
    lengths = generator.permutation(LENGTHS[mix]) - SPECIAL - QUESTION_TOKENS
    passages = tuple(" ".join(generator.choice(words, size=length)) for length in lengths)
    return Asked(" ".join(generator.choice(words, size=QUESTION_TOKENS)), passages)


def token_counts(folder: Path, work: Asked) -> list[int]:
    """Return the tokens of each pair as the checkpoint's own tokenizer counts them."""
    tokenizer = XLMRobertaTokenizer.from_pretrained(folder)
    return [len(tokenizer(*pair)["input_ids"]) for pair in work.pairs]


def histogram(counts: Sequence[int]) -> str:
    """Return how many pairs have how many tokens, on one line."""
    edges = (0, 32, 64, 128, 256, 384, 512)
    bins = [sum(low < count <= high for count in counts) for low, high in pairwise(edges)]
    shown = "  ".join(
        f"{low + 1}–{high}: {n}" for (low, high), n in zip(pairwise(edges), bins, strict=True) if n
    )
    padded = len(counts) * max(counts)
    return f"{len(counts)} pairs, {sum(counts):,} tokens ({padded:,} padded to the longest): {shown}"
