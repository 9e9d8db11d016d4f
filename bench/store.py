"""The store alone, by how much it holds: building, opening, searching, changing, and the memory and disk that each takes.

Run: ``python bench/store.py [--counts 10k,100k,1m] [--dims 384,768] [--kinds flat,int8] [--store postgresql://HOST/DATABASE] [--out FILE]``. It is built of the first
kind, and its snapshot then written anew as each of the others. Vectors are drawn, not
embedded, so that only the store is timed; how many texts a change asks the embedder for is counted. Each step runs in a
process of its own, whose memory is read: the peak, and at the end what it holds alone, without files that are mapped.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.measuring import machine, options, print_table, record
from quincunx.retrieval.index.build import build, update
from quincunx.retrieval.index.contents import read_index
from quincunx.retrieval.index.postgres.place import DatabasePlace, write_place
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.vectors.snapshot import Snapshot
from quincunx.retrieval.models.embedders import EmbedderIdentity, Progress, Vectors, no_progress
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

VOCABULARY = 30_000
"""Distinct words; the n-th is drawn in proportion to 1/n, as in prose."""
BLOCK = 10_000
QUESTIONS = 30
SEARCHES: dict[str, Callable[[int], SearchSettings]] = {
    "dense": lambda count: SearchSettings(lexical_weight=0, rerank=False),
    "dense and lexical": lambda count: SearchSettings(rerank=False),
    "filter of 1 %": lambda count: SearchSettings(where="bucket=7", rerank=False),
    "filter of 1 %, a range": lambda count: SearchSettings(where=f"i<{count // 100}", rerank=False),
    "filter of 90 %": lambda count: SearchSettings(where="not draft=true", rerank=False),
}


class Drawn:
    """Unit vectors from a random generator."""

    def __init__(self, dims: int) -> None:
        self.identity = EmbedderIdentity("drawn", "1", dims, "", "", "none", True, 512, "bench")
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
        vectors = self._generator.normal(size=(len(texts), self.identity.dims)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def documents(count: int, version: int = 0) -> Iterator[Document]:
    """Yield documents of 20 to 100 words, one passage each."""
    for begin in range(0, count, BLOCK):
        generator = np.random.default_rng([1, begin])
        block = min(BLOCK, count - begin)
        chosen, lengths = words(generator, (block, 100)), generator.integers(20, 101, block)
        for i, (row, length) in enumerate(zip(chosen, lengths, strict=True), start=begin):
            text = f"v{version} " + " ".join(f"w{w}" for w in row[:length]) + "."
            yield Document(f"d{i}", "", text, facts(i))


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


def building(folder: Path, count: int, dims: int, kind: Any) -> dict[str, float]:
    """Build the index."""
    begin = time.perf_counter()
    build(folder, documents(count), Drawn(dims), kind=kind)
    return {"seconds": time.perf_counter() - begin, "disk_mib": _size(folder) / 2**20}


def searching(folder: Path, count: int, dims: int) -> dict[str, float]:
    """Open the index and search it."""
    begin = time.perf_counter()
    searcher = Searcher(folder, Drawn(dims), None)
    told = {"open_s": time.perf_counter() - begin}
    drawn = words(np.random.default_rng(2), (QUESTIONS, 8))
    # No stop words, which a thousandth of the vocabulary stands for.
    questions = [" ".join(f"w{w}" for w in row if w >= 100) or "w100" for row in drawn]
    for name, settings in SEARCHES.items():
        chosen = settings(count)
        searcher.search(questions[0], chosen)
        times = []
        for question in questions:
            begin = time.perf_counter()
            searcher.search(question, chosen)
            times.append(1000 * (time.perf_counter() - begin))
        told |= {f"{name}, p50": statistics.median(times), f"{name}, p95": float(np.percentile(times, 95))}
    return told


def changing(folder: Path, count: int, dims: int, version: int) -> dict[str, float]:
    """Change so many documents, and count what the process writes, journals included."""
    embedder, before, begin = Drawn(dims), _written(), time.perf_counter()
    report = update(folder, documents(count, version), embedder)
    took = time.perf_counter() - begin
    assert report.changed == embedder.embedded == count
    return {"seconds": took, "written_mib": (_written() - before) / 2**20}


def turning(folder: Path, kind: Any) -> dict[str, float]:
    """Write the snapshot anew, as another kind of index."""
    begin = time.perf_counter()
    with Store(folder).write() as writing:
        writing.replace((), (), kind=kind, anew=True)
        recall = Snapshot.read(writing.meta["snapshot"]).recall
    return {"seconds": time.perf_counter() - begin, "disk_mib": _size(folder) / 2**20, "recall": recall}


def measured(count: int, dims: int, kinds: Sequence[str], store: str | None) -> dict[str, dict[str, float]]:
    """Return what each step took at this size."""
    first, *others = kinds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "index"
        if store is not None:
            write_place(folder, DatabasePlace.of(store, f"bench_{uuid4().hex}"))
        told = {
            "build": _apart(building, folder, count, dims, first),
            "search": _apart(searching, folder, count, dims),
            "0.1 %": _apart(changing, folder, count // 1000, dims, 1),
            "1 %": _apart(changing, folder, count // 100, dims, 2),
            "search after": _apart(searching, folder, count, dims),
        }
        for kind in others:
            told[f"to {kind}"] = _apart(turning, folder, kind)
            told[f"search, {kind}"] = _apart(searching, folder, count, dims)
        Store(folder).drop()
        return told


def _apart(step: Callable[..., dict[str, float]], *given: Any) -> dict[str, float]:
    """Run a step in a process of its own, and add that one's peak memory."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_told, args=(theirs, step, given))
    process.start()
    theirs.close()
    told: dict[str, float] = ours.recv()
    process.join()
    return told


def _told(pipe: Any, step: Callable[..., dict[str, float]], given: tuple[Any, ...]) -> None:
    told = step(*given)
    status = Path("/proc/self/status").read_text()
    # VmHWM, as getrusage would tell that of the process it came from. RssAnon is what no other process can share.
    [peak], [own] = (re.findall(rf"{name}:\s+(\d+) kB", status) for name in ("VmHWM", "RssAnon"))
    pipe.send({**told, "peak_mib": int(peak) / 2**10, "own_mib": int(own) / 2**10})


def _size(folder: Path) -> int:
    return read_index(folder, lambda reading: reading.size())


def _written() -> int:
    """Return how many bytes this process has given to the file system (Linux)."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--counts", default="10k,100k")
    parser.add_argument("--dims", default="768")
    parser.add_argument("--kinds", default="flat")
    parser.add_argument("--store", help="Postgres database to measure an index in, in place of a folder")
    chosen = parser.parse_args(arguments)
    facts_of_machine = machine()
    for dims in map(int, chosen.dims.split(",")):
        figures = {}
        for name in chosen.counts.split(","):
            count = int(name.lower().replace("k", "000").replace("m", "000000"))
            figures[name] = measured(count, dims, chosen.kinds.split(","), chosen.store)
            print(name, figures[name], flush=True)
        steps = [(step, what) for step, told in next(iter(figures.values())).items() for what in told]
        rows = [
            [f"{step}: {what}", *(f"{told[step][what]:.4g}" for told in figures.values())]
            for step, what in steps
        ]
        print_table(f"**the store**, {dims} dims, {chosen.kinds}; searches in ms", ["", *figures], rows)
        record(chosen.out, "store", {f"{dims} {chosen.kinds}": figures}, facts_of_machine)


if __name__ == "__main__":
    main()
