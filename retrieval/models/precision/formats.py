"""The number formats that a cross-encoder can compute in, and how its layers are made to."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...errors import BoundError

if TYPE_CHECKING:
    import torch

    from .reduced_layers import ExactRows, Replacement

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
    """Return the choice; raises `BoundError` when it is none, and for int8 where no x86 CPU computes."""
    if choice not in get_args(PrecisionChoice):
        raise BoundError(f"precision must be one of {', '.join(get_args(PrecisionChoice))} (got {choice!r})")
    if choice == "int8" and device != "cpu":
        raise BoundError(f"precision int8 is for a CPU, and the model is on {device}: choose bf16 or fp16")
    if choice == "int8" and not has_int8():
        raise BoundError(
            f"precision int8 is for an x86 CPU, and this one is {platform.machine()}: choose bf16"
        )
    return choice  # type: ignore[return-value]


def has_int8() -> bool:
    """Whether this machine multiplies integers of 8 bits as torch can ask it to."""
    import torch

    onednn: Any = torch.backends.mkldnn
    return platform.machine() in ("x86_64", "AMD64") and bool(onednn.is_available())


def candidates(device: str) -> tuple[Precision, ...]:
    """Return what is tried on this kind of device of this machine, the safest first."""
    every = CANDIDATES.get(device, ("fp32",))
    return tuple(name for name in every if name != "int8" or has_int8())


def attends_in_bf16(precision: Precision) -> bool:
    """Whether runs attend in bf16: in int8, which is less exact anyway, on a CPU that has instructions for bf16."""
    if precision != "int8":
        return False
    import torch

    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def rounded_by(precision: Precision) -> str:
    """Return what computes in this format, and how, for a model's identity."""
    if precision != "int8":
        return ROUNDED
    attention = "; attention in bf16" if attends_in_bf16(precision) else ""
    return f"{ROUNDED}; a step for each token and each row of weights{attention}"


def first_of_each(given: torch.Tensor) -> tuple[Any, Any]:
    """Return the index of the first token of each item of (batch, tokens, width)."""
    return slice(None), 0


def convert(encoder: torch.nn.Module, precision: Precision, exact: ExactRows = first_of_each) -> None:
    """Put layers of this format in place of the linear ones in an encoder's blocks; its pooler is a part of the head.

    What lies between them stays as it is: sums of residuals and norms in float32 keep several times as much of the
    order as all of the network in bf16 would, for a tenth of its speed. The tokens that the head reads are few, and
    their errors go straight into the score: ``exact`` says which they are. They stay in float32, with the weights kept in
    both.
    """
    for parent, name, made in _replacements(encoder, precision, exact):
        setattr(parent, name, made)


@contextmanager
def converted(
    encoder: torch.nn.Module, precision: Precision, exact: ExactRows = first_of_each
) -> Iterator[None]:
    """Let the encoder compute in this format for a while; its own layers are back afterwards, bit by bit."""
    own = []
    try:
        for parent, name, made in _replacements(encoder, precision, exact):
            own.append((parent, name, getattr(parent, name)))
            setattr(parent, name, made)
        yield
    finally:
        for parent, name, layer in own:
            setattr(parent, name, layer)


def _replacements(encoder: torch.nn.Module, precision: Precision, exact: ExactRows) -> list[Replacement]:
    if precision == "fp32":
        return []
    from .reduced_layers import replacements

    return replacements(encoder, precision, exact)
