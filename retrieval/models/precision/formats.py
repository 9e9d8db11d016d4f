"""The number formats that a cross-encoder can compute in, and how its layers are made to."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...errors import BoundError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16", "fp16", "int8"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16", "int8"]
CANDIDATES: dict[str, tuple[Precision, ...]] = {
    "cpu": ("fp32", "bf16", "int8"),
    "cuda": ("fp32", "bf16", "fp16"),
}
"""What is tried on which kind of device, the safest first."""
ROUNDED = "linear layers of the encoder's blocks, but for the tokens that the head reads"
"""What `convert` changes; a part of a reranker's identity, since remembered scores depend on it."""


def require_precision(choice: str, device: str) -> PrecisionChoice:
    """Return the choice; raises `BoundError` when it is none, and for int8 on a GPU."""
    if choice not in get_args(PrecisionChoice):
        raise BoundError(f"precision must be one of {', '.join(get_args(PrecisionChoice))} (got {choice!r})")
    if choice == "int8" and device != "cpu":
        raise BoundError(f"precision int8 is for a CPU, and the model is on {device}: choose bf16 or fp16")
    return choice  # type: ignore[return-value]


ExactRows = Callable[["torch.Tensor"], tuple[Any, Any] | None]
"""Returns the index, in what a layer reads (batch, tokens, width), of the tokens that stay exact: those that the head reads;
``None`` for none."""


def first_of_each(given: torch.Tensor) -> tuple[Any, Any]:
    """Return the index of the first token of each item of (batch, tokens, width)."""
    return slice(None), 0


def convert(encoder: torch.nn.Module, precision: Precision, exact: ExactRows = first_of_each) -> None:
    """Put layers of this format in place of the linear ones in an encoder's blocks; its pooler is a part of the head.

    What lies between them stays as it is: sums of residuals and norms in float32 keep several times as much of the
    order as all of the network in bf16 would, for a tenth of its speed. The tokens that the head reads are few, and
    their errors go straight into the score: ``exact`` says which they are, and bf16 and fp16 leave them in float32, with
    the weights kept in both.
    """
    if precision == "fp32":
        return
    reduced = _quantized if precision == "int8" else _rounding_to(precision, exact)
    for parent, name, layer in _linear_layers(encoder):
        setattr(parent, name, reduced(layer))


@contextmanager
def converted(
    encoder: torch.nn.Module, precision: Precision, exact: ExactRows = first_of_each
) -> Iterator[None]:
    """Let the encoder compute in this format for a while; its own layers are back afterwards, bit by bit."""
    own = _linear_layers(encoder)
    try:
        convert(encoder, precision, exact)
        yield
    finally:
        for parent, name, layer in own:
            setattr(parent, name, layer)


def _linear_layers(encoder: torch.nn.Module) -> list[tuple[torch.nn.Module, str, torch.nn.Linear]]:
    """Return the linear layers of the blocks, each with the module that holds it and its name there."""
    import torch

    stacks = [m for m in encoder.modules() if isinstance(m, (torch.nn.ModuleList, torch.nn.Sequential))]
    parents = dict.fromkeys(module for stack in stacks for module in stack.modules())
    # Attention of torch's own reads the weights of a subclass itself, so that none may be put in its place.
    return [
        (parent, name, child)
        for parent in parents
        for name, child in parent.named_children()
        if type(child) is torch.nn.Linear
    ]


def _quantized(layer: torch.nn.Linear) -> torch.nn.Module:
    import torch

    quantize: Any = torch.ao.quantization.quantize_dynamic
    with warnings.catch_warnings():
        # Deprecated in favour of torchao, which has no kernel of its own for this on a CPU.
        warnings.simplefilter("ignore")
        made: torch.nn.Module = quantize(
            torch.nn.Sequential(layer), {torch.nn.Linear}, dtype=torch.qint8, inplace=True
        )[0]
    return made


def _rounding_to(precision: Precision, exact: ExactRows) -> Callable[[torch.nn.Linear], torch.nn.Module]:
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    rounded = _Rounding(dtype)

    class Reduced(torch.nn.Module):
        """A linear layer in half precision, but for the tokens that the head reads."""

        def __init__(self, layer: torch.nn.Linear) -> None:
            super().__init__()
            self.own, self.reduced = layer, copy.deepcopy(layer).to(dtype)
            # Between it and the layer that narrows again lies an activation alone, whose result is rounded anyway.
            self.widens = layer.out_features > layer.in_features

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            """Multiply (batch, tokens, width) by the weights."""
            rows = exact(given)
            if rows is None:
                halves: torch.Tensor = self.reduced(rounded(given))
                return halves if self.widens else halves.float()
            own: torch.Tensor = self.own(given[rows].float())
            if own.numel() == given.shape[0] * given.shape[1] * own.shape[-1]:  # the head reads all of them
                return own.view(*given.shape[:2], -1)
            made: torch.Tensor = self.reduced(rounded(given)).float()
            made[rows] = own
            return made

    return Reduced


class _Rounding:
    """Rounds what goes into a layer, once where several layers read the same: queries, keys and values do."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._last: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        if self._last is None or self._last[0] is not given:
            self._last = given, given.to(self._dtype)
        return self._last[1]
