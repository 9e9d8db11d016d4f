"""Linear layers that multiply in a reduced format, but for the tokens that the head reads."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

ExactRows = Callable[[Tensor], tuple[Any, Any] | None]
"""Returns the index, in what a layer reads (batch, tokens, width), of the tokens that stay exact: those that the head reads;
``None`` for none."""

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
ROWS = 384
"""Tokens that are made integers and multiplied at a time: few enough for most of what lies between to stay in the cache."""
FEW = 8
"""Tokens that stay exact in a usual pass: what weights are packed for."""
LARGEST_WEIGHT = 127
TINY = torch.finfo(torch.float32).tiny


class Reduced(torch.nn.Module, ABC):
    """Multiplies in a reduced format, but for the tokens that ``exact`` says, which are those of float32."""

    def __init__(self, exact: ExactRows, *, widens: bool) -> None:
        super().__init__()
        self._exact = exact
        # Between it and the layer that narrows again lies an activation alone, whose result is rounded anyway.
        self._widens = widens

    def forward(self, given: Tensor) -> Tensor:
        """Multiply (batch, tokens, width) by the weights."""
        rows = self._exact(given)
        if rows is None:
            return self.multiplied(given, whole=not self._widens)
        own = self.exactly(given[rows].float())
        if own.numel() == given.shape[0] * given.shape[1] * own.shape[-1]:  # the head reads all of them
            return own.view(*given.shape[:2], -1)
        made = self.multiplied(given, whole=True)
        made[rows] = own
        return made

    @abstractmethod
    def exactly(self, given: Tensor) -> Tensor:
        """Return the product of float32."""

    @abstractmethod
    def multiplied(self, given: Tensor, *, whole: bool) -> Tensor:
        """Return the product of the reduced format, in float32 where it is to be ``whole``."""


class HalfLinear(Reduced):
    """In bf16 or fp16, beside the layer's own weights for the tokens that stay exact. ``rounded`` is shared by the layers of
    a network.
    """

    def __init__(self, layer: torch.nn.Linear, exact: ExactRows, rounded: Rounding) -> None:
        super().__init__(exact, widens=widens(layer))
        self.own = layer
        self.reduced = copy.deepcopy(layer).to(rounded.dtype)
        self._rounded = rounded

    def exactly(self, given: Tensor) -> Tensor:
        made: Tensor = self.own(given)
        return made

    def multiplied(self, given: Tensor, *, whole: bool) -> Tensor:
        made: Tensor = self.reduced(self._rounded(given))
        return made.float() if whole else made


class Int8Linear(Reduced):
    """In integers of 8 bits, with a step of its own for each token and for each row of the weights.

    One step for all tokens, as torch's dynamic quantisation has it, is that of the largest number of a pass, which leaves
    most tokens a few of the 255 values. ``bytes`` is shared by the layers of a network.
    """

    def __init__(self, layer: torch.nn.Linear, exact: ExactRows, bytes: TokenBytes) -> None:
        super().__init__(exact, widens=widens(layer))
        weight = layer.weight.detach().float()  # (out, width)
        # The tokens that stay exact are few: what they cost is to read these, which packed takes half as long.
        self._exact_weights: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, FEW)
        self._steps = (weight.abs().amax(1) / LARGEST_WEIGHT).clamp_min(TINY)  # (out,)
        integers = (weight / self._steps[:, None]).round().to(torch.int8)
        self._weights: Tensor = torch.ops.onednn.qlinear_prepack(integers, None)
        self._sums = integers.sum(1) * self._steps  # (out,)
        self._zeros = torch.zeros(len(integers), dtype=torch.int64)
        self._bias = torch.zeros(len(integers)) if layer.bias is None else layer.bias.detach()
        self._bytes = bytes
        self.out = len(integers)

    def exactly(self, given: Tensor) -> Tensor:
        made: Tensor = torch.ops.mkldnn._linear_pointwise(
            given, self._exact_weights, self._bias, "none", [], ""
        )
        return made

    def multiplied(self, given: Tensor, *, whole: bool) -> Tensor:
        made = torch.empty(*given.shape[:2], self.out, dtype=torch.float32 if whole else torch.bfloat16)
        places = made.flatten(0, 1).split(ROWS)  # type: ignore[no-untyped-call]
        for held, place in zip(self._bytes(given), places, strict=True):
            self.multiply(held, place)
        return made

    def multiply(self, held: Bytes, place: Tensor) -> None:
        """Put the product of some tokens where it belongs, (rows, out)."""
        product = torch.ops.onednn.qlinear_pointwise(
            held.bytes, 1.0, 0, self._weights, self._steps, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )  # fmt: skip
        torch.addcmul(self._bias, self._sums, held.lowest, out=place)
        place.addcmul_(product, held.steps)


class Int8FeedForward(Reduced):
    """What follows attention in a block of BERT's kind, over a few tokens at a time: a layer that widens, its activation, the
    layer that narrows again, the sum with what came in, and the norm.

    What is between them, four times as wide as the rest, would as a whole go to memory and back several times.
    """

    def __init__(
        self,
        wide: Int8Linear,
        activation: Callable[[Tensor], Tensor],
        narrow: Int8Linear,
        norm: torch.nn.Module,
        exact: ExactRows,
    ) -> None:
        super().__init__(exact, widens=False)
        self._wide, self._activation, self._narrow, self._norm = wide, activation, narrow, norm

    def exactly(self, given: Tensor) -> Tensor:
        made: Tensor = self._norm(self._narrow.exactly(self._activation(self._wide.exactly(given))) + given)
        return made

    def multiplied(self, given: Tensor, *, whole: bool) -> Tensor:
        made = torch.empty(*given.shape[:2], self._narrow.out)
        places = made.flatten(0, 1).split(ROWS)  # type: ignore[no-untyped-call]
        for rows, place in zip(given.flatten(0, 1).split(ROWS), places, strict=True):  # type: ignore[no-untyped-call]
            between = torch.empty(len(rows), self._wide.out)
            self._wide.multiply(bytes_of(rows), between)
            self._narrow.multiply(bytes_of(self._activation(between)), place)
            place.copy_(self._norm(place.add_(rows)))
        return made


class Passed(torch.nn.Module):
    """Stands where `Int8FeedForward` has done the work."""

    def forward(self, made: Tensor, _: Tensor) -> Tensor:
        """Return what was made."""
        return made


class Bytes(NamedTuple):
    """A few tokens as bytes: how many steps each number is above the lowest of its token."""

    bytes: Tensor
    """(rows, width)"""
    lowest: Tensor
    """(rows, 1), as `steps` are."""
    steps: Tensor


def bytes_of(rows: Tensor) -> Bytes:
    """Return tokens, (rows, width), as bytes."""
    # Each row ends in its step and its lowest number, float32 each.
    packed = torch.ops.quantized.embedding_bag_byte_prepack(rows.float())  # (rows, width + 8)
    steps, lowest = (
        packed[:, -8:].clone(memory_format=torch.contiguous_format).view(torch.float32).split(1, dim=1)
    )
    return Bytes(packed[:, :-8].contiguous(), lowest, steps)


class _Shared:
    """Makes something of what goes into a layer, once where several layers read the same: queries, keys and values do."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, Any] | None = None

    def _once(self, given: Tensor) -> Any:
        if self._last is None or self._last[0] is not given:
            self._last = given, self._made(given)
        return self._last[1]

    def _made(self, given: Tensor) -> Any:
        raise NotImplementedError


class Rounding(_Shared):
    """Rounds to half precision."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __call__(self, given: Tensor) -> Tensor:
        rounded: Tensor = self._once(given)
        return rounded

    def _made(self, given: Tensor) -> Tensor:
        return given.to(self.dtype)


class TokenBytes(_Shared):
    """Makes bytes of tokens."""

    def __call__(self, given: Tensor) -> list[Bytes]:
        """Return (batch, tokens, width) as bytes, `ROWS` tokens at a time."""
        held: list[Bytes] = self._once(given)
        return held

    def _made(self, given: Tensor) -> list[Bytes]:
        return [bytes_of(rows) for rows in given.flatten(0, 1).split(ROWS)]  # type: ignore[no-untyped-call]


def widens(layer: torch.nn.Linear) -> bool:
    """Whether a layer makes more numbers than it reads."""
    return layer.out_features > layer.in_features


def replacements(encoder: torch.nn.Module, precision: str, exact: ExactRows) -> list[Replacement]:
    """Return what is to stand where in an encoder for its blocks to compute in a reduced format."""
    layers = _linear_layers(encoder)
    if precision != "int8":
        rounded = Rounding(HALVES[precision])
        return [(parent, name, HalfLinear(layer, exact, rounded)) for parent, name, layer in layers]
    bytes = TokenBytes()
    made = {layer: Int8Linear(layer, exact, bytes) for _, _, layer in layers}
    found: list[Replacement] = []
    joined: set[torch.nn.Linear] = set()
    for block, wide, narrow in _feed_forwards(encoder):
        activation, norm = block.intermediate.intermediate_act_fn, block.output.LayerNorm
        fed = Int8FeedForward(made[wide], activation, made[narrow], norm, exact)
        found += [(block, "intermediate", fed), (block, "output", Passed())]
        joined |= {wide, narrow}
    return found + [(parent, name, made[layer]) for parent, name, layer in layers if layer not in joined]


Replacement = tuple[torch.nn.Module, str, torch.nn.Module]
"""The module that holds it, its name there, and what is to stand there."""


def _linear_layers(encoder: torch.nn.Module) -> list[tuple[torch.nn.Module, str, torch.nn.Linear]]:
    """Return the linear layers of the blocks, each with the module that holds it and its name there."""
    # Attention of torch's own reads the weights of a subclass itself, so that none may be put in its place.
    return [
        (parent, name, child)
        for parent in _in_blocks(encoder)
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear
    ]


def _feed_forwards(encoder: torch.nn.Module) -> Iterator[tuple[Any, torch.nn.Linear, torch.nn.Linear]]:
    """Yield the blocks of BERT's kind, each with its layer that widens and the one that narrows again."""
    for block in _in_blocks(encoder):
        wide = getattr(getattr(block, "intermediate", None), "dense", None)
        narrow = getattr(getattr(block, "output", None), "dense", None)
        if (
            hasattr(getattr(block, "intermediate", None), "intermediate_act_fn")
            and hasattr(getattr(block, "output", None), "LayerNorm")
            and type(wide) is type(narrow) is torch.nn.Linear
        ):
            yield block, wide, narrow


def _in_blocks(encoder: torch.nn.Module) -> list[torch.nn.Module]:
    """Return the modules of the blocks; a pooler is a part of the head."""
    stacks = [m for m in encoder.modules() if isinstance(m, torch.nn.ModuleList | torch.nn.Sequential)]
    return list(dict.fromkeys(module for stack in stacks for module in stack.modules()))
