"""An index against a plain dict and NumPy, through every way it can be changed, reopened and interrupted."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from conftest import TORTURE
from hypothesis import settings
from index_machine import WORDS, IndexMachine, assert_best, brute_force, metadata, random_filter
from parts import Hashing, Shortest

from quincunx.retrieval.filters import field
from quincunx.retrieval.index import writer as writing
from quincunx.retrieval.index.build import build, update
from quincunx.retrieval.index.vectors.faiss_part import Kind, VectorPart
from quincunx.retrieval.index.vectors.vector_index import VectorIndex
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher, SearchResult
from quincunx.retrieval.settings import SearchSettings

pytestmark = pytest.mark.torture
TestIndexMachine = pytest.mark.torture(IndexMachine.TestCase)
TestIndexMachine.settings = settings(
    max_examples=300 if TORTURE else 12, stateful_step_count=40 if TORTURE else 20, deadline=None
)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_filtered_search_equals_brute_force_at_any_selectivity(tmp_path: Path, kind: Any) -> None:
    randomness = random.Random(kind)
    documents = {
        f"d{i}": Document(f"d{i}", "", f"{randomness.choice(WORDS)} number {i}", metadata(randomness, i))
        for i in range(200)
    }
    build(tmp_path, documents.values(), Hashing(), kind=kind)
    searcher = Searcher(tmp_path, Hashing(), Shortest())
    foreign = 0
    for case in range(3400 if TORTURE else 60):
        where, question = random_filter(randomness), f"{randomness.choice(WORDS)} {case}"
        k = randomness.choice([1, 5, 20])
        result = searcher.search(question, SearchSettings(k=k, n=1, where=where))
        assert_best([passage.id for passage in result.dense[:k]], brute_force(documents, question, where), k)
        every = [*result.dense, *result.lexical, *(candidate.passage for candidate in result.candidates)]
        foreign += sum(not where.matches(documents[passage.id].metadata) for passage in every)
        accepted = sum(where.matches(document.metadata) for document in documents.values())
        assert len(result.candidates) == min(k, accepted)
    assert foreign == 0


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("count", [0, 1, 7, 500])
def test_a_vector_index_reads_back_as_it_was_and_says_its_recall(kind: Any, count: int) -> None:
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(count, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = np.arange(10, 10 + count, dtype=np.int64)
    index = VectorIndex.make(numbers, vectors, kind)
    data = b"".join(index.parts[0].to_parts())
    assert b"".join(VectorPart.make(numbers, vectors, kind).to_parts()) == data
    again = VectorIndex([VectorPart.from_bytes(np.frombuffer(data, np.uint8), kind, 24)], kind)
    held = {"fp16": 1e-3, "int8": 7e-3}.get(kind, 0.0)
    np.testing.assert_allclose(again.vectors(numbers.tolist()), vectors, rtol=0, atol=held)
    question = generator.normal(size=(1, 24)).astype(np.float32)
    assert again.best(question, 5) == index.best(question, 5)
    least = {"flat": 1.0, "fp16": 0.98, "int8": 0.9}.get(kind, 0.3)
    assert (1.0 if count < 20 else least) <= index.recall(lambda: [(numbers, vectors)]) <= 1.0
    halves = [(numbers[half], vectors[half]) for half in (slice(count // 2), slice(count // 2, None))]
    assert index.recall(lambda: halves) == index.recall(lambda: [(numbers, vectors)])
    allowed = numbers[::3]
    exact = sorted(((-float(v @ question[0]), int(n)) for v, n in zip(vectors[::3], allowed, strict=True)))[
        :5
    ]
    found = index.best(question, 5, allowed)[:5]
    assert {number for number, _ in found} <= set(allowed.tolist())
    np.testing.assert_allclose(
        [score for _, score in found], [-score for score, _ in exact], atol=3 * held + 1e-6
    )


def test_all_that_tie_with_the_last_are_returned() -> None:
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (40, 1))
    index = VectorIndex.make(np.arange(40, dtype=np.int64), vectors)
    assert len(index.best(vectors[:1], 5)) == 40


def generation_documents(generation: int) -> Iterator[Document]:
    for i in range(30):
        yield Document(
            f"d{i}", "", f"alpha of generation {generation} number {i}", {"generation": generation}
        )


def test_every_search_during_updates_sees_one_whole_generation(tmp_path: Path) -> None:
    """Eight threads and eight asyncio tasks search while a writer publishes."""
    build(tmp_path, generation_documents(1), Hashing())
    searcher = Searcher(tmp_path, Hashing(), Shortest())
    last = 40 if TORTURE else 12
    done = threading.Event()
    failures: list[str] = []
    searches = 0

    def check(result: SearchResult) -> None:
        nonlocal searches
        searches += 1
        (generation,) = result.generations.values()
        seen = {candidate.passage.metadata["generation"] for candidate in result.candidates}
        if seen != {generation} or len(result.candidates) != 20 or result.notes:
            failures.append(f"{generation}: {seen} {result.notes}")

    def in_a_thread() -> None:
        while not done.is_set():
            try:
                check(searcher.search("alpha"))
            except Exception as error:  # noqa: BLE001 - every failure of a thread is one of the test
                failures.append(repr(error))

    async def in_tasks() -> None:
        async def task() -> None:
            while not done.is_set():
                check(await asyncio.to_thread(searcher.search, "alpha"))

        await asyncio.gather(*(task() for _ in range(8)))

    threads = [threading.Thread(target=in_a_thread) for _ in range(8)]
    threads.append(threading.Thread(target=lambda: asyncio.run(in_tasks())))
    for thread in threads:
        thread.start()
    try:
        for generation in range(2, last + 1):
            update(tmp_path, generation_documents(generation), Hashing())
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert searches > 50
    assert searcher.search("alpha").generations == {tmp_path.name: last}


def test_several_indexes_are_searched_as_one(tmp_path: Path) -> None:
    for name, word in (("one", "alpha"), ("two", "beta")):
        documents = [Document(f"d{i}", "", f"{word} {i}", {"site": name}) for i in range(30)]
        build(tmp_path / name, documents, Hashing())
    searcher = Searcher([tmp_path / "one", tmp_path / "two"], Hashing(), Shortest())
    result = searcher.search("alpha beta", SearchSettings(k=40, n=5))
    assert result.generations == {"one": 1, "two": 1}
    ids = [candidate.passage.id for candidate in result.candidates]
    assert len(set(ids)) == 40
    assert {id.split("/")[0] for id in ids} == {"one", "two"}
    texts = [f"{word} {i}" for word in ("alpha", "beta") for i in range(30)]
    scores = Hashing().embed_questions(texts) @ Hashing().embed_questions(["alpha beta"])[0]
    names = [f"{name}/d{i}" for name in ("one", "two") for i in range(30)]
    order = sorted(range(60), key=lambda i: -float(scores[i]))
    assert [passage.id for passage in result.dense[:40]] == [names[i] for i in order[:40]]
    only = searcher.search("alpha beta", SearchSettings(where=field("site") == "two"))
    assert {candidate.passage.id.split("/")[0] for candidate in only.candidates} == {"two"}


def test_near_duplicates_give_way_to_the_one_fused_higher(tmp_path: Path) -> None:
    documents = [Document(f"d{i}", "", f"alpha {i // 3}", {}) for i in range(30)]
    build(tmp_path, documents, Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    plain = searcher.search("alpha", SearchSettings(k=30))
    assert len(plain.candidates) == 30
    collapsed = searcher.search("alpha", SearchSettings(k=30, collapse=0.999))
    assert len(collapsed.candidates) == 10
    gone = [id for candidate in collapsed.candidates for id in candidate.duplicates]
    assert sorted([*gone, *(c.passage.id for c in collapsed.candidates)]) == sorted(d.id for d in documents)
    assert all(c.passage.id < min(c.duplicates) for c in collapsed.candidates)


def test_collecting_leaves_only_what_may_still_be_opened(tmp_path: Path) -> None:
    build(tmp_path, generation_documents(1), Hashing())
    for generation in range(2, 6):
        update(tmp_path, generation_documents(generation), Hashing())
    assert len(list((tmp_path / "snap").iterdir())) == 2
    assert writing.document_hash(Document("a", "", "x", {"v": 1})) != writing.document_hash(
        Document("a", "", "x", {"v": True})
    )


def test_an_open_searcher_follows_an_index_built_afresh(tmp_path: Path) -> None:
    build(tmp_path, generation_documents(1), Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    only_new = SearchSettings(where=field("generation") == 2)
    assert searcher.search("alpha", only_new).candidates == ()
    build(
        tmp_path,
        [*generation_documents(2), Document("new", "", "alpha", {"generation": 2})],
        Hashing(),
        fresh=True,
    )
    result = searcher.search("alpha", SearchSettings(k=50))
    assert result.generations == {tmp_path.name: 1}
    assert {c.passage.metadata["generation"] for c in result.candidates} == {2}
    assert (
        len(result.candidates)
        == len(searcher.search("alpha", SearchSettings(k=50, where=only_new.where)).candidates)
        == 31
    )
    assert result.notes == ()
