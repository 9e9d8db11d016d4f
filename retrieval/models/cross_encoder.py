"""Cross-encoders: question and passage read together, one raw logit each.

Scores stay raw: a sigmoid saturates in float32 and makes ties out of an order. What is cut to fit is
always the passage, the question only beyond a cap of its own, and every cut is counted and logged.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UnsupportedModelError
from ..processes import Lock, require_own_device
from ..quiet import without_bars
from . import weights
from .compute_thread import computing
from .embedders import UNLIMITED
from .pairs import PairEncoder, TokenRun, Truncation
from .precision.choice import PrecisionReport, fastest_faithful
from .precision.formats import Precision, PrecisionChoice, convert, converted, require_precision, rounded_by
from .precision.probe import PAIR_TOKENS, ScorePairs, measure_formats
from .precision.remembered import known_or_measured, probe_key, recall
from .rerankers import Scores, require_scores

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

SHORT_PAIR = 64
"""Tokens that most pairs have at least."""


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
    precision: Precision
    """What it computes in: reduced ones change the last digits of its scores."""
    rounded: str
    """What of it computes so."""
    library: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class CrossEncoderReranker:
    """A sentence-transformers `CrossEncoder` with one label, on the device that the library chooses.

    ``max_tokens`` bounds a pair, special tokens included; ``max_question_tokens`` bounds the question (None
    for half of ``max_tokens``). ``precision`` is probed unless it is forced, see `precision`. One forward pass at load
    warms the model up and shows that it yields numbers.

    Raises:
        BoundError: a limit is out of the range of the model.
        ModelOutputError: the model yields a score that is not finite.
        UnsupportedModelError: the folder holds a model of more than one label, or one without a trained head.
    """

    @computing
    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        revision: str,
        max_tokens: int = 512,
        max_question_tokens: int | None = None,
        precision: PrecisionChoice = "auto",
    ) -> None:
        import sentence_transformers
        import torch

        from .passes.pair_passes import pair_passes

        with without_bars():
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
        network = self._model.model
        if network is None:
            raise UnsupportedModelError(
                f"{folder} holds no model of transformers: it is no reranker of this kind"
            )
        _require_trained_head(network, folder, model)
        self._encoder = PairEncoder(
            self._model.tokenizer.backend_tokenizer,
            max_tokens=max_tokens,
            max_question_tokens=max_question_tokens,
            usable=usable_positions(self._model),
            model=model,
        )
        self._lock = Lock(interrupted=self._encoder.forget)
        self._process = os.getpid()
        wanted = require_precision(precision, self._model.device.type)
        self.precision = self._settle(wanted, model, weights.pinning_digest(folder, revision))
        """What it computes in, and what is known of that: how fast it is, and how true to float32."""
        settled = self.precision.precision
        self._passes = pair_passes(self._model, settled)
        # The head, which makes the one number, stays in float32.
        convert(network.base_model, settled, self._passes.first_tokens)
        self.identity = RerankerIdentity(
            model=model,
            revision=revision,
            max_tokens=max_tokens,
            max_question_tokens=self._encoder.max_question_tokens,
            activation="identity",
            precision=settled,
            rounded=rounded_by(settled),
            library=f"sentence-transformers {sentence_transformers.__version__.split('.')[0]}",
        )
        self.score("warm", ["up"])

    @property
    def name(self) -> str:
        """The model, and what it computes in where that is not float32."""
        precision = self.identity.precision
        return self.identity.model if precision == "fp32" else f"{self.identity.model} ({precision})"

    @property
    def pairs_at_once(self) -> int:
        """Pairs that keep the device busy: a request of 20 fills a CPU, and leaves most of a GPU idle."""
        return self._passes.tokens // SHORT_PAIR

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        """Return raw logits; what had to be cut is logged as a warning."""
        return self.score_with_report(question, passages)[0]

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Return the raw logit of each (question, passage), shape (pairs,): several questions share their passes."""
        return self._score(pairs)[0]

    def score_with_report(self, question: str, passages: Sequence[str]) -> tuple[Scores, list[Truncation]]:
        """Return raw logits and, for each passage, what was cut; both in the order given."""
        return self._score([(question, passage) for passage in passages])

    def truncations(self, question: str, passages: Sequence[str]) -> list[Truncation]:
        """Return what `score` would cut, without scoring."""
        with self._lock:
            return self._encoder.encode([(question, passage) for passage in passages])[1]

    def _score(self, pairs: Sequence[tuple[str, str]]) -> tuple[Scores, list[Truncation]]:
        with self._lock:
            runs, report = self._encoder.encode(pairs)
        # Outside of the lock: others may count tokens meanwhile, and passes run one after the other anyway.
        scores = self._forward(runs)
        self._warn(report)
        return require_scores(scores, len(pairs), self.name), report

    def _settle(self, wanted: PrecisionChoice, name: str, digest: str) -> PrecisionReport:
        """Choose the number format, by what was measured of these weights on this machine, now or before."""
        device = self._model.device.type
        key = probe_key(digest, device, self._encoder.max_tokens)
        if wanted != "auto":
            return PrecisionReport(wanted, forced=True, trials=recall(key) or {})
        width = int(getattr(self._model.config, "hidden_size", 768))
        trials = known_or_measured(key, lambda: measure_formats(device, width, self._reading_in, name))
        return PrecisionReport(fastest_faithful(trials), forced=False, trials=trials)

    @contextmanager
    def _reading_in(self, precision: Precision) -> Iterator[ScorePairs]:
        """Let the model read in a format for a while, as it would if that were chosen."""
        from .passes.pair_passes import pair_passes

        most = min(self._encoder.max_tokens, PAIR_TOKENS)
        tokenizer = self._model.tokenizer.backend_tokenizer
        encoder = PairEncoder(
            tokenizer, max_tokens=most, max_question_tokens=None, usable=most, model="the probe"
        )
        network: Any = self._model.model
        self._passes = pair_passes(self._model, precision)
        try:
            with converted(network.base_model, precision, self._passes.first_tokens):
                yield lambda pairs: self._forward(encoder.encode(pairs)[0])
        finally:
            self._passes.release()

    @computing
    def _forward(self, pairs: list[TokenRun]) -> Scores:
        import torch

        require_own_device(self._model.device.type, self._process)
        # Each distinct pair once: the same text in two passes would differ in its last bits, and so not tie.
        numbers: dict[tuple[int, ...], int] = {}
        wanted = [numbers.setdefault((*pair.ids, *pair.segments), len(numbers)) for pair in pairs]
        distinct = [pairs[first] for first in _firsts(wanted)]
        scores = np.empty(len(distinct), dtype=np.float32)
        with torch.inference_mode():
            for places in self._passes.cut([len(pair.ids) for pair in distinct]):
                logits = self._passes.logits([distinct[i] for i in places])
                scores[places] = logits.float().cpu().numpy()
        return scores[wanted]

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


def _firsts(wanted: Sequence[int]) -> list[int]:
    """Return where each of the numbers 0, 1, … stands first."""
    first: dict[int, int] = {}
    for place, number in enumerate(wanted):
        first.setdefault(number, place)
    return [first[number] for number in range(len(first))]


def probability(logits: Scores) -> Scores:
    """Return the sigmoid of raw logits, for showing only: it makes ties, and no threshold on it means much."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))), dtype=np.float32)


def usable_positions(model: CrossEncoder) -> int:
    """Return how many tokens the model has positions for; RoBERTa's kind counts from behind its padding id."""
    config = model.config
    positions = int(getattr(config, "max_position_embeddings", 0) or UNLIMITED)
    if any(hasattr(module, "create_position_ids_from_input_ids") for module in model.modules()):
        positions -= int(getattr(config, "pad_token_id", 0)) + 1
    return positions


def _require_trained_head(network: PreTrainedModel, folder: Path, name: str) -> None:
    """Raise where the library has made up the head: given a bare encoder, it adds a random one."""
    from safetensors import safe_open

    stored: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            stored |= set(file.keys())
    head = [key for key in network.state_dict() if not key.startswith(f"{network.base_model_prefix}.")]
    untrained = [key for key in head if key not in stored]
    if untrained:
        raise UnsupportedModelError(
            f"{name} has no trained weights for {', '.join(untrained)}: {folder} holds no reranker"
        )
