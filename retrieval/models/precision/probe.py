"""Measures the number formats of this machine on loaded weights: what each gains in time, and keeps of the order.

Half precision on a processor without instructions for it is several times slower than float32, and with them several
times faster. One linear layer of the model's width shows which formats are worth trying at all; those then read the
pairs of `probe_texts` with the model's own weights, and so does float32.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from functools import cache

from ..rerankers import Scores, require_scores
from .choice import WORTH, FormatTrial
from .fidelity import compare_orders
from .formats import Precision, candidates, convert
from .probe_texts import probe_questions

logger = logging.getLogger(__name__)

LAYER_TOKENS = {"cpu": 256, "cuda": 16_384}
"""What keeps a device busy: on a GPU, fewer measure how fast kernels are started, the same in every format."""
LAYER_SECONDS = 0.05
PAIR_TOKENS = 128
"""Most tokens of a pair that the probe reads, so that its time has a bound whatever the tokenizer makes of a word."""

ScorePairs = Callable[[Sequence[tuple[str, str]]], Scores]


def measure_formats(
    device: str,
    width: int,
    reading_in: Callable[[Precision], AbstractContextManager[ScorePairs]],
    name: str,
    leaving: Collection[Precision] = (),
) -> dict[Precision, FormatTrial]:
    """Return what was measured of each format that is worth trying.

    Args:
        device: kind of the device, ``cpu`` or ``cuda``.
        width: hidden size of the model.
        reading_in: lets the model read in a format for a while; what it gives scores pairs.
        name: of the model, for messages.
        leaving: formats that the model cannot read in.
    """
    begin = time.perf_counter()
    tried = [precision for precision in formats_worth_trying(device, width) if precision not in leaving]
    trials: dict[Precision, FormatTrial] = {}
    if tried:
        exact, unit = _read("fp32", reading_in)
        for scores in exact:
            require_scores(scores, len(scores), name)
        for precision in tried:
            reduced, seconds = _read(precision, reading_in)
            # The first question warms up.
            speed = statistics.median(slow / fast for slow, fast in zip(unit[1:], seconds[1:], strict=True))
            trials[precision] = FormatTrial(speed, compare_orders(exact, reduced))
    took = time.perf_counter() - begin
    told = "; ".join(
        f"{precision} {trial.speed:.2f}×, {trial.fidelity}" for precision, trial in trials.items()
    )
    logger.info("%s: number formats against fp32, in %.1f s: %s", name, took, told or "none is faster")
    return trials


@cache
def formats_worth_trying(device: str, width: int) -> tuple[Precision, ...]:
    """Return the formats in which a linear layer of this width is clearly faster than in float32, fastest first."""
    others = [precision for precision in candidates(device) if precision != "fp32"]
    took = {precision: _layer_seconds(precision, device, width) for precision in others}
    unit = _layer_seconds("fp32", device, width)
    return tuple(sorted((name for name in others if unit > WORTH * took[name]), key=lambda name: took[name]))


def _read(
    precision: Precision, reading_in: Callable[[Precision], AbstractContextManager[ScorePairs]]
) -> tuple[list[Scores], list[float]]:
    """Return the scores of each question's passages in a format, and the seconds that each question took."""
    scores, seconds = [], []
    with reading_in(precision) as score:
        for question, passages in probe_questions():
            begin = time.perf_counter()
            scores.append(score([(question, passage) for passage in passages]))
            seconds.append(time.perf_counter() - begin)
    return scores, seconds


def _layer_seconds(precision: Precision, device: str, width: int) -> float:
    """Return the best time of one pass through a feed-forward layer of this width."""
    import torch

    layer = torch.nn.Sequential(torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width))
    layer = layer.to(device).eval()
    convert(layer, precision)
    count = LAYER_TOKENS.get(device, LAYER_TOKENS["cpu"])
    tokens = torch.randn(1, count, width, device=device)  # (1, tokens, width)

    def run() -> float:
        begin = time.perf_counter()
        layer(tokens)
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    with torch.inference_mode():
        run()  # the first on a GPU loads its libraries
        best, end = run(), time.perf_counter() + LAYER_SECONDS
        while time.perf_counter() < end:
            best = min(best, run())
    return best
