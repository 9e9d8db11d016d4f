"""A network that reads runs of tokens which lie end to end in one row, each attending to itself alone.

Beside the padding, that saves passes: the tokens of many texts are multiplied as one large matrix, where padded batches of
like lengths are many small ones. It is for the encoders of `ENCODERS`, whose attention can be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, BertModel, NomicBertModel, RobertaModel, XLMRobertaModel

from ..precision.formats import attends_in_bf16, first_of_each
from ..precision.reduced_layers import HALVES

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from ..pairs import TokenRun
    from ..precision.formats import Precision

ENCODERS = (BertModel, RobertaModel, XLMRobertaModel, NomicBertModel)
PACKED = "quincunx_packed"
WEIGHTS_AT_ONCE = 2**19
"""Weights of attention that are worked out at a time where it is done in bf16."""

Ids = npt.NDArray[np.int64]


def packable(network: PreTrainedModel) -> bool:
    """Whether the encoder in a network can read runs end to end."""
    return (
        isinstance(network.base_model, ENCODERS)
        and not getattr(network.config, "is_decoder", False)
        and not getattr(network.config, "chunk_size_feed_forward", 0)
    )


class PackedNetwork:
    """A network of transformers whose encoder is `packable`; it reads no other way until it is released.

    ``first_only`` says that what comes after the encoder reads the first token of a run and no other, so that the last
    layer works out no other, where the encoder is of BERT's kind.
    """

    def __init__(self, network: PreTrainedModel, *, segments: bool, first_only: bool) -> None:
        self._network = cast(Any, network)
        self._reads_segments = segments
        before = network.config._attn_implementation
        network.set_attn_implementation(PACKED)
        self._undo: list[Callable[[], None]] = [lambda: network.set_attn_implementation(before)]
        encoder: Any = network.base_model
        # RoBERTa's kind counts positions from behind its padding id.
        self._padding: int | None = getattr(encoder.embeddings, "padding_idx", None)
        self._has_kernel = _has_kernel(network)
        self._last: Any = None
        self.starts = torch.empty(0, dtype=torch.int64)
        """Where the runs of the current pass begin, (runs,)."""
        if first_only and not isinstance(encoder, NomicBertModel):
            last = encoder.encoder.layer[-1].attention
            self._last = last.self
            hooks = (
                last.self.register_forward_hook(
                    lambda _, inputs, output: (self._first(output[0]), *output[1:])
                ),
                last.output.register_forward_pre_hook(lambda _, inputs: (inputs[0], self._first(inputs[1]))),
            )
            self._undo += [hook.remove for hook in hooks]

    def release(self) -> None:
        """Leave the network as it was before."""
        for undo in self._undo:
            undo()

    def read(self, runs: Sequence[TokenRun], precision: Precision) -> tuple[Any, Tensor]:
        """Return what the network gives for a row of runs, and where they begin and the last ends, (runs + 1,)."""
        half = HALVES.get(precision) if self._has_kernel else None
        lengths = [len(run.ids) for run in runs]
        ids = np.concatenate([run.ids for run in runs])  # (tokens,)
        bounds = np.cumsum([0, *lengths])
        features = {"input_ids": ids, "position_ids": self._positions(ids, bounds)}
        if self._reads_segments:
            features["token_type_ids"] = np.concatenate([run.segments for run in runs])
        bf16 = attends_in_bf16(precision)
        rows = {name: self._moved(values)[None] for name, values in features.items()}  # each (1, tokens)
        ends = self._moved(bounds)
        self.starts = ends[:-1]
        how = {"lengths": lengths, "bounds": ends.int(), "half": half, "bf16": bf16, "last": self._last}
        found = self._network(**rows, **how, return_dict=True)
        return found, ends

    def first_tokens(self, given: Tensor) -> tuple[Any, Any]:
        """Return the index of the runs' first tokens, (1, tokens, width) but in a last layer of them alone, (runs, 1, width)."""
        return (0, self.starts) if given.shape[0] == 1 else first_of_each(given)

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
        return row[0, self.starts].unsqueeze(1)

    def _moved(self, values: Ids) -> Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(self._network.device)


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
    bf16: bool,
    last: torch.nn.Module | None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Let each run attend to itself; (1, heads, tokens, width) each, and (1, tokens, heads, width) comes out.

    In the ``last`` layer of a network that reads first tokens alone, no other token is filled in.
    """
    if half is not None:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (
            tensor[0].transpose(0, 1).to(half) for tensor in (query, key, value)
        )  # (tokens, heads, width) each
        longest = max(lengths)
        mixed: Any = varlen_attn(q, k, v, bounds, bounds, longest, longest, scale=scaling)
        return mixed[None], None
    heads, width = query.shape[1], query.shape[3]
    if bf16:
        query, key, value = (query * scaling).bfloat16(), key.bfloat16(), value.bfloat16()
    mixed = torch.empty_like(query.transpose(1, 2))
    begin = 0
    for length, alike in groupby(lengths):  # runs of one length, side by side, attend in one call
        count = len(list(alike))
        end = begin + count * length
        q, k, v = (
            tensor[0, :, begin:end].reshape(heads, count, length, width).transpose(0, 1)
            for tensor in (query, key, value)
        )  # (count, heads, length, width) each
        place = mixed[0, begin:end].view(count, length, heads, width)
        if module is last:
            q, place = q[:, :, :1], place[:, :1]
        if bf16:
            _attend_in_bf16(q, k, v, place.transpose(1, 2))
        else:
            place.copy_(scaled_dot_product_attention(q, k, v, scale=scaling).transpose(1, 2))
        begin = end
    return mixed, None


def _attend_in_bf16(query: Tensor, key: Tensor, value: Tensor, mixed: Tensor) -> None:
    """Fill in ``mixed``, a few heads at a time so that their weights stay in the cache; (count, heads, tokens, width) each, the
    query scaled.
    """
    count, all_heads, tokens, _ = query.shape
    heads = max(1, WEIGHTS_AT_ONCE // (count * tokens * key.shape[2]))
    for first in range(0, all_heads, heads):
        some = slice(first, first + heads)
        weights = torch.softmax(query[:, some] @ key[:, some].transpose(2, 3), -1)  # works it out in float32
        mixed[:, some] = weights @ value[:, some]


AttentionInterface.register(PACKED, _attend)
