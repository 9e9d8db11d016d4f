"""Where the time of one search goes, as shares of the whole in the same run.

Run: ``make bench``. Needs nothing but the ``embedded`` extra; figures are medians over the questions of the
builddaily canon.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from quincunx.eval.goldsets.goldset import canon_folder, read_gold_set
from quincunx.retrieval.index.build import build
from quincunx.retrieval.models.profiles import shared_embedder, shared_reranker
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings


def median_ms(call: Callable[[str], object], questions: list[str]) -> float:
    times = []
    for question in questions:
        begin = time.perf_counter()
        call(question)
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def main() -> None:
    gold = read_gold_set(canon_folder("builddaily"))
    questions = [question.text for question in gold.questions.values()]
    embedder, reranker = shared_embedder("embedded"), shared_reranker("embedded")
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), gold.documents, embedder)
        searcher = Searcher(Path(folder), embedder, reranker)
        searcher.search("warm up")
        embed = median_ms(lambda question: embedder.embed_questions([question]), questions)
        without = median_ms(
            lambda question: searcher.search(question, SearchSettings(rerank=False)), questions
        )
        cold = median_ms(searcher.search, questions)
        warm = median_ms(searcher.search, questions)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {len(gold.documents)} passages"
    )
    print(f"{'stage':34} {'median ms':>10} {'share of a whole search':>24}")
    for name, value in (
        ("embed the question", embed),
        ("embed, search, fuse", without),
        ("whole search, passages met before", warm),
        ("whole search", cold),
    ):
        print(f"{name:34} {value:10.1f} {value / cold:24.2f}")


if __name__ == "__main__":
    main()
