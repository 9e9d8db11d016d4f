"""Forward passes of a cross-encoder over pairs of different lengths: without padding where the network allows it.

A BERT or XLM-RoBERTa network reads pairs that lie end to end in one row, each attending to itself alone. Beside the
padding, that saves passes: the tokens of a question are multiplied as one large matrix, where padded batches of like
lengths are many small ones. Other networks get padded batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AttentionInterface,
    BertForSequenceClassification,
    XLMRobertaForSequenceClassification,
)

from .precision.formats import first_of_each

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from torch import Tensor
    from transformers import PreTrainedModel

    from .pairs import TokenRun
    from .precision.formats import Precision

BATCH_ITEMS = 32
BATCH_TOKENS = 4096
"""Items × longest item of one forward pass, padding included."""
PADDING = 0.1
"""Share of a batch that may be padding before the shorter items get a batch of their own."""
TOKENS = {"cpu": BATCH_TOKENS, "cuda": 16 * BATCH_TOKENS}
"""Of one pass, by the kind of device: what keeps it busy, with the padding of a padded batch."""
PACKED = "quincunx_packed"
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}

Ids = npt.NDArray[np.int64]


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield the indices of ``lengths`` (tokens), longest first, in batches of at most ``tokens``, padding included.

    An item that is longer than ``tokens`` is a batch of its own.
    """
    batch: list[int] = []
    held = 0
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch:
            area = (len(batch) + 1) * lengths[batch[0]]
            padding = area - held - lengths[i]
            if area > tokens or len(batch) == BATCH_ITEMS or padding > PADDING * area:
                yield batch
                batch, held = [], 0
        batch.append(i)
        held += lengths[i]
    if batch:
        yield batch


def parts(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Return the indices of ``lengths`` (tokens, at least 1) in order, in parts of about equal size, without padding.

    They are as few as parts of ``tokens`` would be; one may be over that by an item.
    """
    total = sum(lengths)
    count = -(-total // tokens)
    ends = list(accumulate(lengths))

    def part(i: int) -> int:  # where the middle of the item lies
        return (2 * ends[i] - lengths[i]) * count // (2 * total)

    return [list(found) for _, found in groupby(range(len(lengths)), part)]


class Passes(ABC):
    """How a model reads pairs."""

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model
        self._undo: list[Callable[[], None]] = []

    @property
    def tokens(self) -> int:
        """Tokens of one pass."""
        return TOKENS.get(self._model.device.type, BATCH_TOKENS)

    @property
    def _reads_segments(self) -> bool:
        return "token_type_ids" in self._model.tokenizer.model_input_names

    def release(self) -> None:
        """Leave the model as it was before, for other passes to read with it."""
        for undo in self._undo:
            undo()

    @abstractmethod
    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return the places of ``lengths`` (tokens), those of one pass together."""

    def first_tokens(self, given: Tensor) -> tuple[Any, Any]:
        """Return the index of the runs' first tokens in what a layer is given, (batch, tokens, width)."""
        return first_of_each(given)

    @abstractmethod
    def logits(self, runs: Sequence[TokenRun]) -> Tensor:
        """Return what one pass makes of the runs, shape (runs,), on the model's device."""


def passes(model: CrossEncoder, precision: Precision) -> Passes:
    """Return how this model reads pairs; one that reads without padding reads no other way until it is released."""
    return _Packed(model, precision) if _packable(model, precision) else _Padded(model)


def _packable(model: CrossEncoder, precision: Precision) -> bool:
    if precision == "int8":  # rounds by the largest number of a pass: the fewer runs in it, the better
        return False
    network, kinds = model.model, BertForSequenceClassification | XLMRobertaForSequenceClassification
    return (
        isinstance(network, kinds)
        and len(model) == 1  # nothing computes with what the network gives
        and not network.config.is_decoder
        and not network.config.chunk_size_feed_forward
    )


class _Padded(Passes):
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


class _Packed(Passes):
    def __init__(self, model: CrossEncoder, precision: Precision) -> None:
        super().__init__(model)
        self._network = network = cast(Any, model.model)
        before = network.config._attn_implementation
        network.set_attn_implementation(PACKED)
        # RoBERTa's kind counts positions from behind its padding id.
        self._padding: int | None = getattr(network.base_model.embeddings, "padding_idx", None)
        self._half = HALVES.get(precision) if _has_kernel(network) else None
        # The head reads the first token of a run and no other, so the last layer works out no other.
        self._starts = torch.empty(0, dtype=torch.int64)
        last = network.base_model.encoder.layer[-1].attention
        hooks = (
            last.self.register_forward_hook(lambda _, inputs, output: (self._first(output[0]), *output[1:])),
            last.output.register_forward_pre_hook(lambda _, inputs: (inputs[0], self._first(inputs[1]))),
        )
        self._undo += [lambda: network.set_attn_implementation(before), *(hook.remove for hook in hooks)]

    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        return parts(lengths, self.tokens)

    def first_tokens(self, given: Tensor) -> tuple[Any, Any]:
        """Return the index of the runs' first tokens, (1, tokens, width) but in the last layer, (runs, 1, width)."""
        return (0, self._starts) if given.shape[0] == 1 else super().first_tokens(given)

    def logits(self, runs: Sequence[TokenRun]) -> Tensor:
        lengths = [len(run.ids) for run in runs]
        ids = np.concatenate([run.ids for run in runs])  # (tokens,)
        bounds = np.cumsum([0, *lengths])
        features = {"input_ids": ids, "position_ids": self._positions(ids, bounds)}
        if self._reads_segments:
            features["token_type_ids"] = np.concatenate([run.segments for run in runs])
        rows = {name: self._moved(values)[None] for name, values in features.items()}  # each (1, tokens)
        ends = self._moved(bounds)
        self._starts = ends[:-1]
        found = self._network(**rows, lengths=lengths, bounds=ends.int(), half=self._half, return_dict=True)
        logits: Tensor = found.logits  # (runs, 1)
        return logits.squeeze(-1)

    def _positions(self, ids: Ids, bounds: Ids) -> Ids:
        starts, lengths = bounds[:-1], np.diff(bounds)
        if self._padding is None:
            return np.asarray(np.arange(len(ids)) - np.repeat(starts, lengths))
        # A text can spell out the padding token, which has no place of its own.
        counted = ids != self._padding
        count = np.cumsum(counted)
        before = np.repeat(count[starts] - counted[starts], lengths)
        return np.asarray((count - before) * counted + self._padding)

    def _first(self, row: Tensor) -> Tensor:
        """Return the first token of each run, (runs, 1, hidden), out of (1, tokens, hidden)."""
        return row[0, self._starts].unsqueeze(1)

    def _moved(self, values: Ids) -> Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(self._model.device)


def _has_kernel(network: PreTrainedModel) -> bool:
    """Whether this GPU has a kernel that lets many runs attend in half precision at once."""
    width = network.config.hidden_size // network.config.num_attention_heads
    ampere = network.device.type == "cuda" and torch.cuda.get_device_capability(network.device) >= (8, 0)
    return ampere and width % 8 == 0 and width <= 256


def _attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    lengths: list[int],
    bounds: Tensor,
    half: torch.dtype | None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Let each run attend to itself; (1, heads, tokens, width) each, and (1, tokens, heads, width) comes out."""
    if half is not None:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (
            tensor[0].transpose(0, 1).to(half) for tensor in (query, key, value)
        )  # (tokens, heads, width) each
        longest = max(lengths)
        mixed: Any = varlen_attn(q, k, v, bounds, bounds, longest, longest, scale=scaling)
        return mixed[None], None
    mixed = torch.empty_like(query.transpose(1, 2))
    by_run = zip(*(torch.split(tensor, lengths, 2) for tensor in (query, key, value)), strict=True)
    for (q, k, v), place in zip(by_run, torch.split(mixed, lengths, 1), strict=True):
        place.copy_(scaled_dot_product_attention(q, k, v, scale=scaling).transpose(1, 2))
    return mixed, None


AttentionInterface.register(PACKED, _attend)
