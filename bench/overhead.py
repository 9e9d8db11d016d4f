"""What a search costs beside its models: at 1,000, 10,000 and 100,000 passages, with models that cost nothing.

Run: ``python bench/overhead.py [--counts 1k,10k,100k] [--out FILE]``. Time within the exact vector index, which grows
with the corpus by design, is measured and stated apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.measuring import machine, options, percentile_ms, print_table, record
from bench.store import Drawn, documents, words
from quincunx.retrieval.index.build import build
from quincunx.retrieval.index.vectors.vector_index import VectorIndex
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.search import Searcher

DIMS = 768
COUNTS = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
QUESTIONS = 100
STAGES = ("embed", "dense", "lexical", "fuse", "rerank")


class Lengths:
    """A reranker that costs nothing: it prefers what is long."""

    name = "lengths"

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        return np.array([len(passage) for passage in passages], dtype=np.float32)


@contextmanager
def timed_index() -> Iterator[list[float]]:
    """Collect the seconds that each search spends in the vector index."""
    spent: list[float] = []
    best = VectorIndex.best

    def timed(self: VectorIndex, *args: Any) -> list[tuple[int, float]]:
        begin = time.perf_counter()
        found = best(self, *args)
        spent.append(time.perf_counter() - begin)
        return found

    with patch.object(VectorIndex, "best", timed):
        yield spent


def measure(count: int, questions: int = QUESTIONS) -> dict[str, float]:
    """Return p50 and p95 of the overhead, of the index and of each stage, in ms, for an index of ``count`` passages."""
    embedder = Drawn(DIMS)
    drawn = words(np.random.default_rng(2), (questions, 8))
    asked = [" ".join(f"w{w}" for w in row if w >= 100) or "w100" for row in drawn]  # no stop words
    with tempfile.TemporaryDirectory() as name:
        build(Path(name) / "index", documents(count), embedder)
        searcher = Searcher(Path(name) / "index", embedder, Lengths())
        for question in asked[:5]:
            searcher.search(question)
        whole: list[float] = []
        stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
        with timed_index() as index:
            for question in asked:
                begin = time.perf_counter()
                result = searcher.search(question)
                whole.append(time.perf_counter() - begin)
                for stage in STAGES:
                    stages[stage].append(result.seconds[stage])
    rest = [total - flat for total, flat in zip(whole, index, strict=True)]
    stages["dense"] = [total - flat for total, flat in zip(stages["dense"], index, strict=True)]
    figures = {f"{stage}_ms": percentile_ms(seconds, 0.5) for stage, seconds in stages.items()}
    return {
        **figures,
        "p50_ms": percentile_ms(rest, 0.5),
        "p95_ms": percentile_ms(rest, 0.95),
        "flat_index_ms": percentile_ms(index, 0.5),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--counts", default=",".join(COUNTS))
    chosen = parser.parse_args(arguments)
    facts = machine()
    detail = {name: measure(COUNTS[name]) for name in chosen.counts.split(",")}
    columns = ["p50_ms", "p95_ms", *(f"{stage}_ms" for stage in STAGES), "flat_index_ms"]
    rows = [[name, *(f"{row[column]:.2f}" for column in columns)] for name, row in detail.items()]
    head = [
        "passages",
        "all p50",
        "all p95",
        "embed",
        "dense, no index",
        "lexical",
        "fuse",
        "rerank",
        "flat index",
    ]
    print_table(f"**overhead**, ms a search, {QUESTIONS} questions, {DIMS} dims", head, rows)
    overall = {name: row["p50_ms"] for name, row in detail.items()}
    record(chosen.out, "overhead_ms", overall, facts)
    record(chosen.out, "overhead_detail", detail, facts)


if __name__ == "__main__":
    main()
