"""The second stage on a GPU: the time of one question's 20 pairs, and how many pairs it reads a second.

Run: ``python bench/gpu.py [--rounds N] [--sizes base,v2-m3] [--out FILE]``. The architectures are the bge rerankers',
with random weights. It runs without a GPU too, and says what it ran on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import asked, cross_encoder
from bench.measuring import device, machine, options, percentile_ms, print_table, record, take_turns
from quincunx.retrieval.models.compute_thread import computing
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker
from quincunx.retrieval.models.precision.formats import CANDIDATES

Pairs = list[tuple[str, str]]
TOGETHER = 50
"""Questions whose pairs are read in one call, for the pairs of a second."""


def pairs(questions: int, seed: int) -> Pairs:
    return [pair for number in range(questions) for pair in asked("mixed", seed + number).pairs]


def measured(rerankers: Mapping[str, CrossEncoderReranker], rounds: int) -> dict[str, dict[str, float]]:
    contestants: dict[str, Callable[[Pairs], object]] = {
        precision: reranker.score_pairs for precision, reranker in rerankers.items()
    }
    few = [pairs(1, number) for number in range(rounds + 1)]
    many = [pairs(TOGETHER, 1000 * (1 + number)) for number in range(1 + max(1, rounds // 5))]
    alone = take_turns(contestants, few[0], few[1:])
    together = take_turns(contestants, many[0], many[1:])
    return {
        precision: {
            "p50_ms": percentile_ms(alone[precision], 0.5),
            "p95_ms": percentile_ms(alone[precision], 0.95),
            "pairs_per_s": len(many[0]) / (percentile_ms(together[precision], 0.5) / 1000),
        }
        for precision in rerankers
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
        automatic = CrossEncoderReranker(folder, model=size, revision="random").precision
        default = automatic.precision
        print(f"{size}: {automatic}")
        rerankers: dict[str, CrossEncoderReranker] = {
            precision: CrossEncoderReranker(folder, model=size, revision="random", precision=precision)
            for precision in CANDIDATES[device()]
        }
        for precision, found in measured(rerankers, chosen.rounds).items():
            figures.setdefault(size, {})[precision] = {**found, "default": precision == default}
            times = [f"{found['p50_ms']:.1f}", f"{found['p95_ms']:.1f}", f"{found['pairs_per_s']:,.0f}"]
            rows.append([size, precision, "yes" if precision == default else "", *times])
    head = ["architecture", "precision", "default here", "20 pairs p50 ms", "p95 ms", "pairs per s"]
    print_table(f"**gpu**, mixed lengths, on {facts.get('gpu', 'a CPU: no GPU here')}", head, rows)
    record(chosen.out, "gpu", figures, facts)


if __name__ == "__main__":
    main()
