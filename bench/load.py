"""Sixteen callers at once on one reranker, against the same requests one at a time.

Run: ``python bench/load.py [--requests N] [--size base|tiny] [--out FILE]``. Callers are threads that each ask again
as soon as they are answered. The headline is the request that retrieval makes, 20 pairs of mixed lengths; requests of
fewer pairs show what joining them is worth.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import Asked, Size, add_size, asked, cross_encoder
from bench.measuring import device, machine, options, percentile_ms, print_table, record
from quincunx.retrieval.models.compute_thread import computing
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker
from quincunx.retrieval.models.queue import PooledReranker

CALLERS = 16
SHAPES = {"20 mixed pairs": ("mixed", 20), "20 short pairs": ("short", 20), "1 short pair": ("short", 1)}
HEADLINE = "20 mixed pairs"

Call = Callable[[Asked], object]


def one_at_a_time(call: Call, works: Sequence[Asked]) -> tuple[float, list[float]]:
    """Return the seconds of all, and of each request."""
    return under_load(call, works, callers=1)


def under_load(call: Call, works: Sequence[Asked], callers: int = CALLERS) -> tuple[float, list[float]]:
    """Return the seconds of all, and of each request from its caller's asking to its answer."""
    waiting = iter(works)
    lock = threading.Lock()
    seconds: list[float] = []
    failed: list[Exception] = []

    def ask() -> None:
        while True:
            with lock:
                work = next(waiting, None)
            if work is None or failed:
                return
            begin = time.perf_counter()
            try:
                call(work)
            except Exception as error:  # noqa: BLE001  # raised below, in the thread that asked for the load
                failed.append(error)
                return
            with lock:
                seconds.append(time.perf_counter() - begin)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = time.perf_counter() - begin
    if failed:
        raise failed[0]
    return whole, seconds


def requests(mix: str, pairs: int, count: int, seed: int) -> list[Asked]:
    return [
        Asked(work.question, work.passages[:pairs])
        for work in (asked(mix, number) for number in range(seed, seed + count))
    ]


def main(arguments: list[str] | None = None) -> None:
    from sentence_transformers import CrossEncoder

    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--requests", type=int, default=48, help="of 20 pairs; of smaller ones more are sent")
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size
    facts = machine()
    folder = cross_encoder(size)
    reranker = CrossEncoderReranker(folder, model="bge-base architecture", revision="random")
    shared = PooledReranker(reranker)
    peer = computing(CrossEncoder)(str(folder), device=device())  # in the same thread as ours

    def plain(work: Asked) -> object:
        return reranker.score(work.question, work.passages)

    def together(work: Asked) -> object:
        return shared.score(work.question, work.passages)

    @computing
    def predict(work: Asked) -> object:
        return peer.predict(work.pairs, show_progress_bar=False)

    figures: dict[str, Any] = {}
    for number, (shape, (mix, pairs)) in enumerate(SHAPES.items()):
        count = chosen.requests * max(1, 20 // pairs // 4)
        for call in (plain, together, predict):
            call(requests(mix, pairs, 1, seed=0)[0])
        # Texts differ between the two, so that neither finds the other's tokens kept.
        alone, lone = one_at_a_time(plain, requests(mix, pairs, count, seed=1000 * (1 + 2 * number)))
        whole, each = under_load(together, requests(mix, pairs, count, seed=1000 * (2 + 2 * number)))
        few = max(1, count // 8)
        theirs, _ = one_at_a_time(predict, requests(mix, pairs, few, seed=1000 * (1 + 2 * number)))
        figures[shape] = {
            "requests": count,
            "throughput_per_s": count / whole,
            "throughput_ratio": alone / whole,
            "ratio_vs_crossencoder": (theirs / few) / (whole / count),
            "p50_ms": percentile_ms(each, 0.5),
            "p99_ms": percentile_ms(each, 0.99),
            "one_at_a_time_p50_ms": percentile_ms(lone, 0.5),
        }
    shared.close()
    head = [
        "request",
        "per s",
        "÷ one at a time",
        "÷ CrossEncoder.predict",
        "p50 ms",
        "p99 ms",
        "alone p50 ms",
    ]
    rows = [
        [
            shape,
            f"{row['throughput_per_s']:.2f}",
            f"{row['throughput_ratio']:.2f}×",
            f"{row['ratio_vs_crossencoder']:.2f}×",
            *(f"{row[key]:.0f}" for key in ("p50_ms", "p99_ms", "one_at_a_time_p50_ms")),
        ]
        for shape, row in figures.items()
    ]
    precision = reranker.identity.precision
    print_table(f"**load**, {CALLERS} callers on one pool, precision {precision}", head, rows)
    main_figures = {
        key: figures[HEADLINE][key] for key in ("throughput_ratio", "p99_ms", "ratio_vs_crossencoder")
    }
    record(
        chosen.out,
        "load16",
        {**main_figures, "shapes": figures, "precision": precision},
        facts,
    )


if __name__ == "__main__":
    main()
