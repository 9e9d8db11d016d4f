"""Cross-encoders: question and passage read together, one raw logit each.

Scores stay raw: a sigmoid saturates in float32 and makes ties out of an order. What is cut to fit is
always the passage, the question only beyond a cap of its own, and every cut is counted and logged.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import weights
from .embedders import UNLIMITED
from .errors import BoundError, UnsupportedModelError, UsageError
from .rerankers import Reranker, Scores, require_scores

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from tokenizers import Tokenizer
    from torch import Tensor

logger = logging.getLogger(__name__)

BATCH_PAIRS = 32
BATCH_TOKENS = 4096
"""Pairs × longest pair of one forward pass, padding included."""
PADDING = 0.1
"""Share of a batch that may be padding before the shorter pairs get a batch of their own."""


@dataclass(frozen=True)
class RerankerIdentity:
    """Everything that changes the scores."""

    model: str
    revision: str
    """The commit or sha256 that pins the weights."""
    max_tokens: int
    """Of a pair, special tokens included."""
    max_question_tokens: int
    activation: str
    library: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Truncation:
    """Tokens of one pair that the model did not read."""

    question_cut: int
    passage_cut: int


@dataclass(frozen=True)
class _Run:
    """Token ids and, beside each, the segment it belongs to."""

    ids: list[int]
    segments: list[int]

    def __add__(self, other: _Run) -> _Run:
        return _Run(self.ids + other.ids, self.segments + other.segments)


@dataclass(frozen=True)
class _Template:
    """What stands around the two texts of a pair, such as XLM-R's ``<s> question </s></s> passage </s>``."""

    before: _Run
    between: _Run
    after: _Run
    segments: tuple[int, int]

    @property
    def special(self) -> int:
        return len((self.before + self.between + self.after).ids)

    def join(self, question: list[int], passage: list[int]) -> _Run:
        first = _Run(question, [self.segments[0]] * len(question))
        second = _Run(passage, [self.segments[1]] * len(passage))
        return self.before + first + self.between + second + self.after


class CrossEncoderReranker:
    """A sentence-transformers `CrossEncoder` with one label, on the device that the library chooses.

    ``max_tokens`` bounds a pair, special tokens included; ``max_question_tokens`` bounds the question (None
    for half of ``max_tokens``). One forward pass at load warms the model up and shows that it yields numbers.

    Raises:
        BoundError: a limit is out of the range of the model.
        ModelOutputError: the model yields a score that is not finite.
        UnsupportedModelError: the folder holds a model of more than one label, or one without a trained head.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        revision: str,
        max_tokens: int = 512,
        max_question_tokens: int | None = None,
    ) -> None:
        import sentence_transformers
        import torch

        self._model: CrossEncoder = sentence_transformers.CrossEncoder(
            str(folder),
            trust_remote_code=False,
            local_files_only=True,
            activation_fn=torch.nn.Identity(),
            model_kwargs={"dtype": "float32"},  # whatever precision the checkpoint was stored in
        )
        if self._model.num_labels != 1:
            raise UnsupportedModelError(
                f"{model} has {self._model.num_labels} labels, expected 1: it is no reranker of this kind"
            )
        _require_trained_head(self._model, folder, model)
        # Our own handle on the tokenizer, without state: cutting is done here, on ids.
        self._tokenizer: Tokenizer = self._model.tokenizer.backend_tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._template = _template(self._tokenizer)
        self._lock = threading.Lock()
        usable = _usable_positions(self._model)
        least = self._template.special + 2  # one token of each text
        if not least <= max_tokens <= usable:
            raise BoundError(f"max_tokens must be {least} to {usable} for {model} (got {max_tokens})")
        most = max_tokens - self._template.special - 1
        cap = min(max_tokens // 2, most) if max_question_tokens is None else max_question_tokens
        if not 1 <= cap <= most:
            raise BoundError(
                f"max_question_tokens must be 1 to {most} at max_tokens={max_tokens} (got {cap})"
            )
        self.identity = RerankerIdentity(
            model=model,
            revision=revision,
            max_tokens=max_tokens,
            max_question_tokens=cap,
            activation="identity",
            library=f"sentence-transformers {sentence_transformers.__version__.split('.')[0]}",
        )
        self.score("warm", ["up"])

    @property
    def name(self) -> str:
        return self.identity.model

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        """Return raw logits; what had to be cut is logged as a warning."""
        return self.score_with_report(question, passages)[0]

    def score_with_report(self, question: str, passages: Sequence[str]) -> tuple[Scores, list[Truncation]]:
        """Return raw logits and, for each passage, what was cut; both in the order given."""
        with self._lock:
            pairs, report = self._encode(question, passages)
            scores = self._forward(pairs)
        self._warn(report)
        return require_scores(scores, len(passages), self.name), report

    def truncations(self, question: str, passages: Sequence[str]) -> list[Truncation]:
        """Return what `score` would cut, without scoring."""
        with self._lock:
            return self._encode(question, passages)[1]

    def _encode(self, question: str, passages: Sequence[str]) -> tuple[list[_Run], list[Truncation]]:
        """Return each pair as the model reads it, and what was cut of it."""
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids
        kept = asked[: self.identity.max_question_tokens]
        room = self.identity.max_tokens - self._template.special - len(kept)
        pairs, report = [], []
        for encoding in self._tokenizer.encode_batch(list(passages), add_special_tokens=False):
            ids = encoding.ids
            pairs.append(self._template.join(kept, ids[:room]))
            report.append(Truncation(len(asked) - len(kept), max(0, len(ids) - room)))
        return pairs, report

    def _forward(self, pairs: list[_Run]) -> Scores:
        import torch

        # Each distinct pair once: the same text in two batches would differ in its last bits, and so not tie.
        places: dict[tuple[int, ...], int] = {}
        wanted = [places.setdefault(tuple(pair.ids), len(places)) for pair in pairs]
        distinct = [pairs[wanted.index(place)] for place in range(len(places))]
        scores = np.empty(len(distinct), dtype=np.float32)
        with torch.inference_mode():
            for batch in batches([len(pair.ids) for pair in distinct]):
                logits = self._model(self._features([distinct[i] for i in batch]))["scores"]  # (batch, 1)
                scores[batch] = logits.float().squeeze(-1).cpu().numpy()
        return scores[wanted]

    def _features(self, pairs: list[_Run]) -> dict[str, Tensor]:
        import torch
        from torch.nn.utils.rnn import pad_sequence

        def padded(rows: list[list[int]], value: int) -> Tensor:
            filled: Tensor = pad_sequence([torch.tensor(row) for row in rows], True, value)
            return filled.to(self._model.device)

        tokenizer = self._model.tokenizer
        features = {  # each (batch, longest pair)
            "input_ids": padded([pair.ids for pair in pairs], tokenizer.pad_token_id),
            "attention_mask": padded([[1] * len(pair.ids) for pair in pairs], 0),
        }
        if "token_type_ids" in tokenizer.model_input_names:
            features["token_type_ids"] = padded([pair.segments for pair in pairs], 0)
        return features

    def _warn(self, report: list[Truncation]) -> None:
        question_cut = max((pair.question_cut for pair in report), default=0)
        if question_cut:
            logger.warning(
                "%s read the first %d tokens of the question and not the last %d",
                self.name,
                self.identity.max_question_tokens,
                question_cut,
            )
        cuts = [pair.passage_cut for pair in report if pair.passage_cut]
        if cuts:
            logger.warning(
                "%s read %d of %d passages without their end, up to %d tokens of it (max_tokens=%d)",
                self.name,
                len(cuts),
                len(report),
                max(cuts),
                self.identity.max_tokens,
            )


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of ``lengths`` (tokens), longest first, in batches of which little is padding."""
    batch: list[int] = []
    tokens = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch:
            area = (len(batch) + 1) * lengths[batch[0]]
            padding = area - tokens - lengths[i]
            if area > BATCH_TOKENS or len(batch) == BATCH_PAIRS or padding > PADDING * area:
                yield batch
                batch, tokens = [], 0
        batch.append(i)
        tokens += lengths[i]
    if batch:
        yield batch


def probability(logits: Scores) -> Scores:
    """Return the sigmoid of raw logits, for showing only: it makes ties, and no threshold on it means much."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))), dtype=np.float32)


def _template(tokenizer: Tokenizer) -> _Template:
    sample = tokenizer.encode("a", "b")
    runs = {0: _Run([], []), 1: _Run([], []), 2: _Run([], [])}
    segments = [0, 0]
    place = 0
    for token, segment, text in zip(sample.ids, sample.type_ids, sample.sequence_ids, strict=True):
        if text is None:
            runs[place] += _Run([token], [segment])
        else:
            place, segments[text] = text + 1, segment
    return _Template(runs[0], runs[1], runs[2], (segments[0], segments[1]))


def _usable_positions(model: CrossEncoder) -> int:
    """Return how many tokens the model has positions for; RoBERTa's kind counts from behind its padding id."""
    config = model.config
    positions = int(getattr(config, "max_position_embeddings", 0) or UNLIMITED)
    if any(hasattr(module, "create_position_ids_from_input_ids") for module in model.modules()):
        positions -= int(getattr(config, "pad_token_id", 0)) + 1
    return positions


def _require_trained_head(model: CrossEncoder, folder: Path, name: str) -> None:
    """Raise where the library has made up the head: given a bare encoder, it adds a random one."""
    from safetensors import safe_open

    stored: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            stored |= set(file.keys())
    network = model.model
    prefix = f"{getattr(network, 'base_model_prefix', '')}."
    head = [] if network is None else [key for key in network.state_dict() if not key.startswith(prefix)]
    untrained = [key for key in head if key not in stored]
    if untrained:
        raise UnsupportedModelError(
            f"{name} has no trained weights for {', '.join(untrained)}: {folder} holds no reranker"
        )


BGE: dict[str, tuple[str, str, int]] = {
    "base": ("BAAI/bge-reranker-base", "2cfc18c9415c912f9d8155881c133215df768a70", 512),
    "large": ("BAAI/bge-reranker-large", "55611d7bca2a7133960a6d3b71e083071bbfc312", 512),
    "v2-m3": ("BAAI/bge-reranker-v2-m3", "953dc6f6f85a1b2dbfca4c34a2796e7dde08d41e", 8192),
}
"""Size → hub id, pinned revision, most tokens of a pair."""

DEFAULT_MAX_TOKENS = 512


def load_bge(
    size: Literal["base", "large", "v2-m3"], folder: Path | None = None, max_tokens: int | None = None
) -> CrossEncoderReranker:
    """Load a bge reranker from ``folder``, else at the pinned revision from the hub or its cache.

    Raises:
        BoundError: ``max_tokens`` is over 512, or over 8192 for v2-m3.
        MissingWeightsError: no weights in the folder, or the hub's cannot be reached.
        UsageError: no bge reranker of that size.
    """
    if size not in BGE:
        raise UsageError(f"no bge reranker of size {size!r}; known: {', '.join(BGE)}")
    model, revision, most = BGE[size]
    wanted = DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens
    if wanted > most:
        raise BoundError(f"max_tokens must be at most {most} for {model} (got {wanted})")
    found, pinned = weights.locate(model, revision=None if folder else revision, folder=folder)
    return CrossEncoderReranker(found, model=model, revision=pinned, max_tokens=wanted)


KNOWN_QUESTION = "What is the capital of France?"
KNOWN_PASSAGES = ("The capital of France is Paris.", "The capital of Germany is Berlin.")
KNOWN_LOGITS = (6.157, -3.659)
"""Public raw logits of bge-reranker-base for the two passages; good to about 0.01."""


def known_answer(reranker: Reranker) -> list[tuple[float, float]]:
    """Return (expected, got) for the public example of bge-reranker-base, to test an installation by."""
    got = reranker.score(KNOWN_QUESTION, KNOWN_PASSAGES)
    return [(expected, float(score)) for expected, score in zip(KNOWN_LOGITS, got, strict=True)]
