"""Late interaction (MaxSim): the reranker that needs no training, over the token vectors of an encoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from ..processes import Lock, require_own_device, working
from ..quiet import without_bars
from . import weights
from .compute_thread import computing
from .embedders import UNLIMITED
from .pairs import Truncation, token_runs
from .queue import PassQueue
from .rerankers import Scores, require_scores

TEXTS_AT_ONCE = 64
"""Texts of several callers that are read together."""


class LateInteractionReranker:
    """MaxSim over token vectors: for each token of the question its best cosine in the passage, summed.

    Source: Khattab and Zaharia 2020 (ColBERT), here with the unchanged token vectors of a
    sentence-transformers encoder, and without the two tokens that mark the question's ends: what they
    are nearest to says little of the question. Passages are encoded apart from the question, so their token
    vectors are kept, up to ``cache_bytes``, for the next question that meets them.
    """

    @computing
    def __init__(self, folder: Path, *, name: str, cache_bytes: int = 128 * 2**20) -> None:
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.util import get_device_name

        from .passes.token_passes import TokenPasses

        self.name = name
        # The encoder alone: the library's MultiVectorEncoder would add a random projection to it.
        options = {"local_files_only": True, "trust_remote_code": False, "dtype": "float32"}
        with without_bars():
            encoder = Transformer(str(folder), model_kwargs=options)
        self._passes = TokenPasses(encoder.to(get_device_name()).eval())
        self._tokenizer = encoder.tokenizer
        self._max_tokens = int(encoder.max_seq_length or UNLIMITED)
        self._counter = _own_tokenizer(encoder.tokenizer)
        self._queue = PassQueue(name, self._read, lambda: TEXTS_AT_ONCE)
        self._lock = Lock(interrupted=self._forget)
        self._process = os.getpid()
        self._cache_bytes = cache_bytes
        self._forget()

    def _forget(self) -> None:
        self._cache: LRUCache[str, npt.NDArray[np.float32]] = LRUCache(
            self._cache_bytes, getsizeof=lambda vectors: vectors.nbytes
        )

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        query, *tokens = self.token_vectors([question, *passages])
        words = query[1:-1]
        # (question tokens, passage tokens) for each passage → best passage token for each question token → sum
        with working():
            scores = np.array([(words @ vectors.T).max(axis=1).sum() for vectors in tokens], dtype=np.float32)
        return require_scores(scores, len(passages), self.name)

    def truncations(self, question: str, passages: Sequence[str]) -> list[Truncation]:
        """Return, for each passage, the tokens that `score` does not read of the question and of it."""
        asked, *counts = self._counts([question, *passages])
        cut, most = max(0, asked - self._max_tokens), self._max_tokens
        # The question is read once for all of them.
        return [Truncation(cut, max(0, count - most), min(count, most)) for count in counts]

    def relevance(self, question: str, scores: Scores) -> npt.NDArray[np.float64]:
        """Return scores for a question from 0 to 1: (1 + the mean cosine of the question's tokens) ÷ 2."""
        (count,) = self._counts([question])
        words = min(count, self._max_tokens) - 2  # without the tokens that mark its ends
        mean = scores.astype(np.float64) / max(1, words)
        return np.clip((1 + mean) / 2, 0, 1)

    def _counts(self, texts: list[str]) -> list[int]:
        """Return how many tokens texts have, those that mark their ends included."""
        with working(for_other=True):  # the tokenizer has a lock of its own, which no fork may copy held
            return [len(encoding.ids) for encoding in self._counter.encode_batch(texts)]

    def token_vectors(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Return the normalised vectors of each text's tokens, (tokens, dims), those that mark its ends included."""
        kept = self._kept(texts)
        missing = sorted(set(texts).difference(kept), key=lambda text: (len(text), text))
        if missing:
            kept |= dict(zip(missing, self._queue.submit(missing).result(), strict=True))
        return [kept[text] for text in texts]

    def _kept(self, texts: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        with self._lock:
            return {text: self._cache[text] for text in texts if text in self._cache}

    def _read(self, texts: list[str]) -> list[npt.NDArray[np.float32]]:
        """Return the vectors of each text's tokens, in the compute thread; each text is read once, whoever asks."""
        require_own_device(self._passes.device, self._process)
        found = self._kept(texts)  # what a pass has read since they were asked for
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            with working(for_other=True):
                told = self._tokenizer(missing, truncation=True, max_length=self._max_tokens, padding=False)
            fresh = dict(zip(missing, self._passes.vectors(token_runs(told)), strict=True))
            found |= fresh
            with self._lock:
                for text, vectors in fresh.items():
                    if vectors.nbytes <= self._cache.maxsize:
                        self._cache[text] = vectors
        return [found[text] for text in texts]


def _own_tokenizer(tokenizer: Any) -> Any:
    """Return a tokenizer of its own that cuts nothing: the model's keeps what it is to cut as state."""
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_truncation()
    own.no_padding()
    return own


def load_minilm_late_interaction(cache_bytes: int = 128 * 2**20) -> LateInteractionReranker:
    """Load MaxSim over the token vectors of the ``embedded`` extra's all-MiniLM-L6-v2."""
    folder, name = weights.minilm_folder(), f"maxsim-words({weights.MINILM_ID})"
    return LateInteractionReranker(folder, name=name, cache_bytes=cache_bytes)
