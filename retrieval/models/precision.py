"""The number format that a cross-encoder computes in, chosen by what this machine is fastest at.

Half precision on a processor without instructions for it is several times slower than float32, and with them several
times faster. So the choice is made at load, from one linear layer of the model's own size that is timed in each format;
a setting forces it instead.
"""

from __future__ import annotations

import logging
import time
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..errors import BoundError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "fp16", "int8"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16", "int8"]
CANDIDATES: dict[str, tuple[Precision, ...]] = {
    "cpu": ("fp32", "bf16", "int8"),
    "cuda": ("fp32", "bf16", "fp16"),
}
"""What is tried on which kind of device."""
WORTH = 1.3
"""How many times faster than float32 another format must be, for what it costs in exactness."""
PREFERRED = 1.15
"""How many times faster than bf16 int8 or fp16 must be: the one is less exact, the other overflows sooner."""
ROUNDED = "linear layers of the encoder's blocks"
"""What `convert` changes; a part of a reranker's identity, since remembered scores depend on it."""
PROBE_TOKENS = {"cpu": 256, "cuda": 16_384}
"""What keeps a device busy: on a GPU, fewer measure how fast kernels are started, the same in every format."""
PROBE_SECONDS = 0.05


def require_precision(choice: str) -> PrecisionChoice:
    """Return the choice; raises `BoundError` when it is none."""
    if choice not in get_args(PrecisionChoice):
        raise BoundError(f"precision must be one of {', '.join(get_args(PrecisionChoice))} (got {choice!r})")
    return choice  # type: ignore[return-value]


def choose_precision(choice: PrecisionChoice, device: str, hidden: int) -> Precision:
    """Return the format to compute in; raises `BoundError` for int8 on a GPU."""
    if choice == "int8" and device != "cpu":
        raise BoundError(f"precision int8 is for a CPU, and the model is on {device}: choose bf16 or fp16")
    if choice != "auto":
        return choice
    return fastest_precision(device, hidden)


@cache
def fastest_precision(device: str, hidden: int) -> Precision:
    """Return the fastest format for a linear layer of this width, float32 unless another is clearly faster."""
    took = {precision: _time(precision, device, hidden) for precision in CANDIDATES.get(device, ("fp32",))}
    fastest = min(took, key=lambda precision: took[precision])
    if took.get("bf16", float("inf")) < PREFERRED * took[fastest]:
        fastest = "bf16"
    chosen: Precision = fastest if took["fp32"] > WORTH * took[fastest] else "fp32"
    told = ", ".join(f"{precision} {1000 * seconds:.2f} ms" for precision, seconds in took.items())
    logger.info("precision %s for width %d on %s: %s", chosen, hidden, device, told)
    return chosen


def convert(encoder: torch.nn.Module, precision: Precision) -> None:
    """Make the linear layers of an encoder's blocks compute in this format, in place; its pooler is a part of the head.

    What lies between them stays as it is: sums of residuals and norms in float32 keep several times as much of the
    order as all of the network in bf16 would, for a tenth of its speed.
    """
    import torch

    stacks = [m for m in encoder.modules() if isinstance(m, (torch.nn.ModuleList, torch.nn.Sequential))]
    if precision == "int8":
        with warnings.catch_warnings():
            # Deprecated in favour of torchao, which has no kernel of its own for this on a CPU.
            warnings.simplefilter("ignore")
            quantize: Any = torch.ao.quantization.quantize_dynamic
            for stack in stacks:
                quantize(stack, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
    elif precision != "fp32":
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        rounded = _Rounding(dtype)
        for layer in dict.fromkeys(layer for stack in stacks for layer in stack.modules()):
            if isinstance(layer, torch.nn.Linear):
                layer.to(dtype)
                layer.register_forward_pre_hook(rounded)


class _Rounding:
    """Rounds what goes into a layer, once where several layers read the same: queries, keys and values do."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._last: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, layer: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        (given,) = inputs
        if self._last is None or self._last[0] is not given:
            self._last = given, given.to(self._dtype)
        return (self._last[1],)


def _time(precision: Precision, device: str, hidden: int) -> float:
    """Return the best time of one pass through a feed-forward layer of this width, in seconds."""
    import torch

    layer = torch.nn.Sequential(torch.nn.Linear(hidden, 4 * hidden), torch.nn.Linear(4 * hidden, hidden))
    layer = layer.to(device).eval()
    convert(layer, precision)
    count = PROBE_TOKENS.get(device, PROBE_TOKENS["cpu"])
    tokens = torch.randn(count, hidden, device=device)  # (tokens, hidden)

    def run() -> float:
        begin = time.perf_counter()
        layer(tokens)
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    with torch.inference_mode():
        run()  # the first on a GPU loads its libraries
        best, end = run(), time.perf_counter() + PROBE_SECONDS
        while time.perf_counter() < end:
            best = min(best, run())
    return best
