"""The second stage on a GPU: the time of one question's 20 pairs, and how many pairs it reads a second.

Run: ``python bench/gpu.py [--rounds N] [--sizes base,v2-m3] [--out FILE]``. The architectures are the bge rerankers',
with random weights. It runs without a GPU too, and says what it ran on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import SHAPES, asked, cross_encoder
from bench.measuring import device, machine, options, percentile_ms, print_table, record
from quincunx.retrieval.computing import computing
from quincunx.retrieval.cross_encoders import CrossEncoderReranker
from quincunx.retrieval.precision import CANDIDATES, probe

Pairs = list[tuple[str, str]]
TOGETHER = 50
"""Questions whose pairs are read in one call, for the pairs of a second."""


def seconds(call: Callable[[Pairs], object], works: Sequence[Pairs]) -> list[float]:
    """Return the seconds of each but the first, which warms up."""
    took = []
    for work in works:
        begin = time.perf_counter()
        call(work)
        took.append(time.perf_counter() - begin)
    return took[1:]


def pairs(questions: int, seed: int) -> Pairs:
    return [pair for number in range(questions) for pair in asked("mixed", seed + number).pairs]


def measured(reranker: CrossEncoderReranker, rounds: int) -> dict[str, float]:
    alone = seconds(reranker.score_pairs, [pairs(1, number) for number in range(rounds + 1)])
    calls = [pairs(TOGETHER, 1000 * (1 + number)) for number in range(1 + max(1, rounds // 5))]
    together = seconds(reranker.score_pairs, calls)
    return {
        "p50_ms": percentile_ms(alone, 0.5),
        "p95_ms": percentile_ms(alone, 0.95),
        "pairs_per_s": len(calls[0]) / (percentile_ms(together, 0.5) / 1000),
    }


@computing
def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sizes", default="base,v2-m3")
    chosen = parser.parse_args(arguments)
    facts = machine()
    figures: dict[str, Any] = {}
    rows = []
    for size in chosen.sizes.split(","):
        folder = cross_encoder(size)
        default = probe(device(), SHAPES[size][1])
        for precision in CANDIDATES[device()]:
            reranker = CrossEncoderReranker(folder, model=size, revision="random", precision=precision)
            found = measured(reranker, chosen.rounds)
            figures.setdefault(size, {})[precision] = {**found, "default": precision == default}
            times = [f"{found['p50_ms']:.1f}", f"{found['p95_ms']:.1f}", f"{found['pairs_per_s']:,.0f}"]
            rows.append([size, precision, "yes" if precision == default else "", *times])
    head = ["architecture", "precision", "default here", "20 pairs p50 ms", "p95 ms", "pairs per s"]
    print_table(f"**gpu**, mixed lengths, on {facts.get('gpu', 'a CPU: no GPU here')}", head, rows)
    record(chosen.out, "gpu", figures, facts)


if __name__ == "__main__":
    main()
