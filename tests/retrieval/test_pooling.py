"""One worker, many callers.

1. Whoever calls, from threads or event loops, gets what a call of his own would have given.
2. A lone request is begun at once; what waits shares a pass; a full queue is an error at once.
3. A cancelled, late or interrupted request that has not begun never reaches the model.
4. A bad request fails alone. Closing finishes what waits.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import WORDS, bge
from conftest import TORTURE
from gold_sets import hashing_profile, write_gold

from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.runs.retrieval_run import RetrievalSetup, run_retrieval
from quincunx.retrieval.errors import (
    BoundError,
    DeadlineExceededError,
    ModelOutputError,
    OverloadedError,
    StorageError,
)
from quincunx.retrieval.models.bge import load_bge
from quincunx.retrieval.models.cache import CachedEmbedder, CachedReranker, RowFile
from quincunx.retrieval.models.compute_thread import computing
from quincunx.retrieval.models.embedders import Embedder, Vectors
from quincunx.retrieval.models.late_interaction import load_minilm_late_interaction
from quincunx.retrieval.models.profiles import find_profile, shared_reranker
from quincunx.retrieval.models.queue import PooledReranker
from quincunx.retrieval.models.rerankers import Scores


class Lengths:
    """Scores a pair by the length of its texts, and keeps every pass; it can be held up."""

    name = "lengths"

    def __init__(self, pairs_at_once: int = 64) -> None:
        self.pairs_at_once = pairs_at_once
        self.passes: list[list[tuple[str, str]]] = []
        self.go = threading.Event()
        self.go.set()

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        self.passes.append(list(pairs))
        self.go.wait(10)
        values = [
            float("nan") if "bad" in passage else len(question) + 10 * len(passage)
            for question, passage in pairs
        ]
        return np.array(values, dtype=np.float32)


def expected(question: str, passages: Sequence[str]) -> list[float]:
    return [len(question) + 10 * len(passage) for passage in passages]


def wait_for(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.002)
    assert condition()  # type: ignore[operator]


def test_a_lone_request_is_begun_at_once_and_what_waits_shares_a_pass() -> None:
    inner = Lengths(pairs_at_once=5)
    pooled = PooledReranker(inner)
    inner.go.clear()
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(pooled.score, "first", ["a"])
        wait_for(lambda: len(inner.passes) == 1)
        others = [pool.submit(pooled.score, f"q{i}", ["x", "yy"]) for i in range(3)]
        wait_for(lambda: pooled._queue.waiting == 6)
        inner.go.set()
        assert first.result().tolist() == expected("first", ["a"])
        for i, other in enumerate(others):
            assert other.result().tolist() == expected(f"q{i}", ["x", "yy"])
    assert [len(run) for run in inner.passes] == [1, 4, 2]


def test_a_full_queue_is_an_error_at_once_and_a_large_lone_request_is_not() -> None:
    inner = Lengths()
    pooled = PooledReranker(inner, waiting=4)
    assert len(pooled.score("q", ["x"] * 9)) == 9
    inner.go.clear()
    with ThreadPoolExecutor(3) as pool:
        running = pool.submit(pooled.score, "a", ["x"])
        wait_for(lambda: len(inner.passes) == 2)
        waiting = pool.submit(pooled.score, "b", ["x"] * 3)
        wait_for(lambda: pooled._queue.waiting == 3)
        begin = time.monotonic()
        with pytest.raises(OverloadedError, match="3 pairs wait for lengths, and 2 more are over 4"):
            pooled.score("c", ["x"] * 2)
        assert time.monotonic() - begin < 0.5
        inner.go.set()
        assert (len(running.result()), len(waiting.result())) == (1, 3)
    with pytest.raises(BoundError, match=r"at least 1 pair .got 0"):
        PooledReranker(inner, waiting=0)


def test_late_and_cancelled_requests_never_reach_the_model() -> None:
    inner = Lengths()
    pooled = PooledReranker(inner)
    inner.go.clear()

    async def leaving() -> None:
        task = asyncio.create_task(pooled.ascore("cancelled", ["x"]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(pooled.score, "running", ["x"])
        wait_for(lambda: len(inner.passes) == 1)
        with pytest.raises(DeadlineExceededError, match=r"no score within 0\.05 s"):
            pooled.score("late", ["x"], timeout_s=0.05)
        asyncio.run(leaving())
        last = pool.submit(pooled.score, "last", ["x"])
        wait_for(lambda: pooled._queue._requests and pooled._queue._requests[-1].items[0][0] == "last")
        inner.go.set()
        assert running.result().tolist() == expected("running", ["x"])
        assert last.result().tolist() == expected("last", ["x"])
    assert [question for run in inner.passes for question, _ in run] == ["running", "last"]


def test_a_bad_request_fails_alone() -> None:
    inner = Lengths()
    pooled = PooledReranker(inner)
    inner.go.clear()
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(pooled.score, "r", ["x"])
        wait_for(lambda: len(inner.passes) == 1)
        good = [pool.submit(pooled.score, "good", ["x", "yy"]) for _ in range(2)]
        bad = pool.submit(pooled.score, "q", ["x", "bad"])
        wait_for(lambda: pooled._queue.waiting == 6)
        inner.go.set()
        assert len(running.result()) == 1
        assert all(one.result().tolist() == expected("good", ["x", "yy"]) for one in good)
        with pytest.raises(ModelOutputError, match="not finite for passage 1"):
            bad.result()


def test_token_vectors_asked_for_at_once_are_those_of_each_alone() -> None:
    texts = [f"Sentence {number} says how to wash wool in cold water." for number in range(24)]
    reranker = load_minilm_late_interaction()
    one_by_one = {text: reranker.token_vectors([text])[0] for text in texts}
    shared = load_minilm_late_interaction()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: shared.token_vectors(texts[at : at + 3]), range(22)))
    for at, vectors in enumerate(found):
        for text, got in zip(texts[at : at + 3], vectors, strict=True):
            np.testing.assert_allclose(got, one_by_one[text], atol=1e-5)


def test_closing_finishes_what_waits_and_takes_nothing_more() -> None:
    inner = Lengths(pairs_at_once=1)
    pooled = PooledReranker(inner)
    inner.go.clear()
    with ThreadPoolExecutor(5) as pool:
        some = [pool.submit(pooled.score, f"q{i}", ["x"]) for i in range(4)]
        wait_for(lambda: pooled._queue.waiting == 3)
        closing = pool.submit(pooled.close)
        wait_for(lambda: pooled._queue._closed)
        with pytest.raises(OverloadedError, match="was closed"):
            pooled.score("more", ["x"])
        inner.go.set()
        closing.result(timeout=5)
        assert all(len(one.result()) == 1 for one in some)
    assert pooled.score("none", []).shape == (0,)


def test_what_computes_may_ask_a_shared_reranker() -> None:
    pooled = PooledReranker(Lengths(pairs_at_once=1))

    @computing
    def asking() -> list[Scores]:
        return [pooled.score("q", ["x", "yy"]), pooled.score("r", ["z"])]

    assert [scores.tolist() for scores in asking()] == [expected("q", ["x", "yy"]), expected("r", ["z"])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bge(tmp_path_factory.mktemp("bge"))


@pytest.mark.torture
def test_mixed_concurrent_calls_equal_serial_ones(folder: Path) -> None:
    """A real cross-encoder behind 16 threads and as many tasks, 10,000 calls or a sample."""
    inner = load_bge("base", folder, precision="fp32")
    pooled = CachedReranker(PooledReranker(inner, waiting=100_000), most=500)
    bare = PooledReranker(inner, waiting=100_000)
    dice = np.random.default_rng(0)
    texts = [" ".join(dice.choice(WORDS, size=dice.integers(1, 30))) for _ in range(60)]
    calls = [
        (texts[dice.integers(60)], [texts[i] for i in dice.integers(0, 60, size=dice.integers(1, 6))])
        for _ in range(10_000 if TORTURE else 300)
    ]
    half = len(calls) // 2
    serial = [inner.score(*call) for call in calls[:: max(1, len(calls) // 200)]]
    with ThreadPoolExecutor(16) as pool:
        threaded = list(pool.map(lambda call: pooled.score(*call), calls[:half]))

    async def tasks() -> list[Scores]:
        limit = asyncio.Semaphore(64)

        async def one(call: tuple[str, list[str]]) -> Scores:
            async with limit:
                return await bare.ascore(*call)

        return await asyncio.gather(*(one(call) for call in calls[half:]))

    found = [*threaded, *asyncio.run(tasks())]
    for mine, own in zip(found[:: max(1, len(calls) // 200)], serial, strict=True):
        np.testing.assert_allclose(mine, own, atol=1e-4)
    if TORTURE:
        sys.stderr.write(f"\nconcurrent rerank calls: {len(calls)}, no error\n")


class Counting(Lengths):
    """A whole reranker that counts the pairs it reads."""

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        return self.score_pairs([(question, passage) for passage in passages])

    @property
    def pairs(self) -> int:
        return sum(map(len, self.passes))


def test_a_score_file_serves_other_processes_and_another_model_not(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "scores.sqlite"
    first, second, other = Counting(), Counting(), Counting()
    passages = ["a", "bb", "ccc"]
    scores = CachedReranker(first, file=RowFile(file)).score("q", passages)
    again, hits = CachedReranker(second, file=RowFile(file)).score_and_hits("q", [*passages, "dddd"])
    assert again[:3].tolist() == scores.tolist()
    assert (hits, second.pairs) == (3, 1)
    other.name = "another"
    CachedReranker(other, file=RowFile(file)).score("q", passages)
    assert other.pairs == 3
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match=r"broken\.sqlite: .*QUINCUNX_SCORE_FILE"):
        RowFile(broken)


def test_a_file_keeps_the_vectors_of_questions_and_sentences_for_other_processes(tmp_path: Path) -> None:
    file, inner = tmp_path / "vectors.sqlite", find_profile(hashing_profile()).load_embedder()
    first = CachedEmbedder(inner, file=RowFile(file))
    asked, read = first.embed_questions(["tea", "coffee"]), first.embed_sentences(["tea", "milk"])
    mute: Any = Mute(inner)
    later = CachedEmbedder(mute, file=RowFile(file))
    assert later.embed_questions(["coffee", "tea", "coffee"]).tolist() == asked[[1, 0, 1]].tolist()
    assert later.embed_sentences(["milk", "tea"]).tolist() == read[::-1].tolist()
    with pytest.raises(AssertionError):  # a sentence is not embedded as a question is
        later.embed_questions(["milk"])
    stranger: Any = Mute(inner, revision="another")
    other = CachedEmbedder(stranger, file=RowFile(file))
    with pytest.raises(AssertionError):
        other.embed_questions(["tea"])


class Mute:
    """An embedder of the same identity, or of another, that must not be asked."""

    def __init__(self, inner: Embedder, **changed: str) -> None:
        self.identity = replace(inner.identity, **changed)  # type: ignore[arg-type]

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError(texts)

    embed_passages = embed_questions


def test_twenty_rounds_over_fifty_questions_read_each_pair_once() -> None:
    inner = Counting()
    reranker = CachedReranker(inner)
    questions = {f"question {i}": [f"passage {j}" for j in range(i, i + 20)] for i in range(50)}
    for _ in range(20):
        for question, passages in questions.items():
            reranker.score(question, passages)
    assert inner.pairs == 50 * 20
    assert (reranker.memory.misses, reranker.memory.hits) == (1000, 19_000)


def test_a_repeated_evaluation_reads_no_pair(tmp_path: Path, home: Path) -> None:
    gold = read_gold_set(write_gold(tmp_path / "gold"))
    searched = RetrievalSetup(gold, hashing_profile())
    with run_retrieval(searched, out=tmp_path / "run") as first:
        found = {id: row.record["candidates"] for id, row in first.rows().items()}
    reranker = shared_reranker(hashing_profile())
    assert isinstance(reranker, CachedReranker)
    misses = reranker.memory.misses
    with run_retrieval(searched, out=tmp_path / "run", fork=True) as again:
        rows = again.rows()
    assert reranker.memory.misses == misses
    assert {id: row.record["candidates"] for id, row in rows.items()} == found
    assert all(row.record["remembered"] == len(row.record["candidates"]) for row in rows.values())
