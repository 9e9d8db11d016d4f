"""Forward passes of a cross-encoder over pairs of different lengths: without padding where the network allows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BertForSequenceClassification, XLMRobertaForSequenceClassification

from ..precision.formats import first_of_each
from .cutting import batches, parts, pass_tokens
from .packed import PackedNetwork, packable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from torch import Tensor

    from ..pairs import TokenRun
    from ..precision.formats import Precision


class PairPasses(ABC):
    """How a model reads pairs."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model
        self._reads_segments = "token_type_ids" in model.tokenizer.model_input_names

    @property
    def tokens(self) -> int:
        """Tokens of one pass."""
        return pass_tokens(self._model.device.type)

    @abstractmethod
    def release(self) -> None:
        """Leave the model as it was before, for other passes to read with it."""

    @abstractmethod
    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return the places of ``lengths`` (tokens), those of one pass together."""

    def first_tokens(self, given: Tensor) -> tuple[Any, Any]:
        """Return the index of the runs' first tokens in what a layer is given, (batch, tokens, width)."""
        return first_of_each(given)

    @abstractmethod
    def logits(self, runs: Sequence[TokenRun]) -> Tensor:
        """Return what one pass makes of the runs, shape (runs,), on the model's device."""


def pair_passes(model: CrossEncoder, precision: Precision) -> PairPasses:
    """Return how this model reads pairs; one that reads without padding reads no other way until it is released."""
    return _Packed(model, precision) if _packable(model, precision) else _Padded(model)


def _packable(model: CrossEncoder, precision: Precision) -> bool:
    network = model.model
    return (
        isinstance(network, BertForSequenceClassification | XLMRobertaForSequenceClassification)
        and len(model) == 1  # nothing computes with what the network gives
        and packable(network)
    )


class _Padded(PairPasses):
    def release(self) -> None:
        """Nothing of the model was changed."""

    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        return list(batches(lengths, self.tokens))

    def logits(self, runs: Sequence[TokenRun]) -> Tensor:
        features = {  # each (batch, longest run)
            "input_ids": self._filled([run.ids for run in runs], self._model.tokenizer.pad_token_id),
            "attention_mask": self._filled([[1] * len(run.ids) for run in runs], 0),
        }
        if self._reads_segments:
            features["token_type_ids"] = self._filled([run.segments for run in runs], 0)
        scores: Tensor = self._model(features)["scores"]  # (batch, 1)
        return scores.squeeze(-1)

    def _filled(self, rows: list[list[int]], value: int) -> Tensor:
        filled: Tensor = pad_sequence([torch.tensor(row) for row in rows], True, value)
        return filled.to(self._model.device)


class _Packed(PairPasses):
    def __init__(self, model: CrossEncoder, precision: Precision) -> None:
        super().__init__(model)
        network: Any = model.model
        # The head reads the first token of a run and no other.
        self._precision = precision
        self._packed = PackedNetwork(network, segments=self._reads_segments, first_only=True)

    @property
    def tokens(self) -> int:
        # In integers nothing wide lies between the layers, and the weights of float32 are read once a pass.
        return super().tokens * (2 if self._precision == "int8" else 1)

    def release(self) -> None:
        self._packed.release()

    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        return parts(lengths, self.tokens)

    def first_tokens(self, given: Tensor) -> tuple[Any, Any]:
        return self._packed.first_tokens(given)

    def logits(self, runs: Sequence[TokenRun]) -> Tensor:
        logits: Tensor = self._packed.read(runs, self._precision)[0].logits  # (runs, 1)
        return logits.squeeze(-1)
