"""An index of 100,000 passages of 768 dims: what building, opening, searching and a 1 % update take.

Run: ``python bench/store.py [COUNT]``. Vectors are drawn, not embedded, so that only the store is timed; how many
texts a change asks the embedder for is counted.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quincunx.retrieval.index.build import build, update
from quincunx.retrieval.models.embedders import EmbedderIdentity, Progress, Vectors, no_progress
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

DIMS = 768
VOCABULARY = 30_000
"""Distinct words; the n-th is drawn in proportion to 1/n, as in prose."""


class Drawn:
    """Unit vectors from a random generator."""

    def __init__(self) -> None:
        self.identity = EmbedderIdentity("drawn", "1", DIMS, "", "", "none", True, 512, "bench")
        self.embedded = 0
        self._generator = np.random.default_rng(0)

    def unread(self, text: str) -> float:
        return 0.0

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [(0, len(text))]

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        self.embedded += len(texts)
        return self.embed_questions(texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        vectors = self._generator.normal(size=(len(texts), DIMS)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def documents(count: int, version: int = 0) -> list[Document]:
    generator = np.random.default_rng(1)
    chosen, lengths = words(generator, (count, 100)), generator.integers(20, 101, count)
    return [
        Document(f"d{i}", "", f"v{version} " + " ".join(f"w{w}" for w in row[:length]) + ".", facts(i))
        for i, (row, length) in enumerate(zip(chosen, lengths, strict=True))
    ]


def facts(i: int) -> dict[str, Any]:
    """Return metadata of the kinds that documents have."""
    return {
        "i": i,
        "bucket": i * 7919 % 100,
        "date": f"20{i % 25:02}-{i % 12 + 1:02}-{i % 28 + 1:02}",
        "tags": [f"t{i % 50}", f"u{i % 7}"],
        "author": {"name": f"author {i % 1000}"},
        "draft": i % 10 == 0,
    }


def words(generator: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Draw words by Zipf's law; shape as asked."""
    share = 1 / np.arange(1, VOCABULARY + 1)
    return generator.choice(VOCABULARY, size=shape, p=share / share.sum())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    embedder = Drawn()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {count} passages × {DIMS} dims")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "index"
        every = documents(count)
        begin = time.perf_counter()
        build(folder, every, embedder)
        built = time.perf_counter() - begin
        print(f"build from vectors        {built:8.1f} s   1.00 of the build   {embedder.embedded} embedded")

        begin = time.perf_counter()
        searcher = Searcher(folder, embedder, None)
        opened = time.perf_counter() - begin
        print(f"open, every byte checked  {opened:8.1f} s   {opened / built:.2f}")

        for label, settings in (
            ("dense, exact", SearchSettings(lexical_weight=0, rerank=False)),
            ("dense and lexical", SearchSettings(rerank=False)),
            ("filter of 1 %", SearchSettings(where="bucket=7", rerank=False)),
            ("filter of 1 %, a range", SearchSettings(where=f"i<{count // 100}", rerank=False)),
            ("filter of 90 %", SearchSettings(where="not draft=true", rerank=False)),
        ):
            drawn = words(np.random.default_rng(2), (30, 8))
            questions = [
                " ".join(f"w{w}" for w in row if w >= 100) or "w100" for row in drawn
            ]  # no stop words
            begin = time.perf_counter()
            searcher.search(questions[0], settings)
            first = time.perf_counter() - begin
            times = []
            for question in questions:
                begin = time.perf_counter()
                searcher.search(question, settings)
                times.append(time.perf_counter() - begin)
            print(
                f"search: {label:22} {1000 * statistics.median(times):7.1f} ms  (median of {len(times)}; the first "
                f"{1000 * first:.0f} ms)"
            )

        embedder.embedded = 0
        changed = documents(count // 100, version=1)
        begin = time.perf_counter()
        report = update(folder, changed, embedder)
        updated = time.perf_counter() - begin
        print(
            f"update of 1 %             {updated:8.1f} s   {updated / built:.2f}   {embedder.embedded} embedded, "
            f"{report.changed} changed of {report.passages}"
        )
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"on disk {size / 2**20:.0f} MiB, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
