"""A sweep chooses on dev, reports on test, and counts its looks at it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from gold_sets import hashing_profile, write_gold
from parts import Hashing, Shortest

from quincunx.eval.goldsets.goldset import canon_folder
from quincunx.eval.runs.look_counter import LOOKS
from quincunx.eval.tune import settings as sweeping
from quincunx.eval.tune.settings import TrialSettings, dev_and_test, grid, sweep
from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.models.cache import BoundedCache, CachedEmbedder, CachedReranker, Rows
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.text.chunk_size import Chunking


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold", n=20)


def test_the_grid_begins_with_the_settings_of_now_and_holds_each_once() -> None:
    now = SearchSettings()
    found = grid(
        now, k=[20, 30], lexical_weight=[0.5, now.lexical_weight], chunking=[Chunking(), Chunking(100, 20)]
    )
    assert found[0] == TrialSettings(now, Chunking())
    assert len(found) == len(set(found)) == 8
    assert found[1].as_dict()["k"] == 20


def test_dev_and_test_share_no_gold_document(gold: Path) -> None:
    for folder in (gold, canon_folder("sagedaily")):
        dev, test = dev_and_test(folder)
        held = [{document for q in part.judged for document in q.gold} for part in (dev, test)]
        assert held[0].isdisjoint(held[1])
        assert all(held)


def test_the_best_on_dev_is_chosen_and_held_against_now_on_test(gold: Path, home: Path) -> None:
    candidates = grid(SearchSettings(), dense_weight=[1.0, 0.0], final=["combined", "reranked"])
    found = sweep([gold], candidates, profile=hashing_profile())
    scores = [trial.score for trial in found.trials]
    assert scores == sorted(scores, reverse=True)
    assert found.chosen == found.trials[0].candidate
    (sealed,) = found.sealed
    assert sealed.look == 1
    assert sealed.comparisons["now → chosen"].mean_b == pytest.approx(sealed.chosen["recall@5"])
    assert sealed.comparisons["now → chosen"].mean_a == pytest.approx(sealed.now["recall@5"])
    again = sweep([gold], candidates, profile=hashing_profile())
    assert again.sealed[0].look == 2
    assert again.chosen == found.chosen
    assert [trial.score for trial in again.trials] == scores
    assert len((gold / LOOKS).read_text().splitlines()) == 2
    json.dumps(sweeping.sweep_as_dict(again))


def test_of_equals_the_settings_of_now_are_chosen(gold: Path, home: Path) -> None:
    found = sweep([gold], grid(SearchSettings(), k=[21, 20]), profile=hashing_profile())
    if len({trial.score for trial in found.trials}) == 1:
        assert found.chosen.settings == SearchSettings()


def test_different_numbers_of_passages_are_not_compared(gold: Path, home: Path) -> None:
    with pytest.raises(BoundError, match="must keep the same n"):
        sweep([gold], grid(SearchSettings(), n=[3, 5]), profile=hashing_profile())


class Counting(Shortest):
    """Counts the pairs that it is asked to score."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        self.pairs += [(question, passage) for passage in passages]
        return super().score(question, passages)


def test_models_that_remember_are_asked_for_each_pair_once() -> None:
    inner = Counting()
    reranker = CachedReranker(inner)
    first = reranker.score("q", ["a", "bb", "a"])
    assert first.tolist() == [-1, -2, -1]
    assert reranker.score("q", ["ccc", "a"]).tolist() == [-3, -1]
    assert inner.pairs == [("q", "a"), ("q", "bb"), ("q", "ccc")]
    assert (reranker.memory.hits, reranker.memory.misses) == (2, 3)
    reranker.score("r", ["a"])
    assert inner.pairs[-1] == ("r", "a")
    assert reranker.score("q", []).shape == (0,)
    embedder = CachedEmbedder(Hashing())
    vectors = embedder.embed_questions(["x", "y", "x"])
    assert np.array_equal(vectors, Hashing().embed_questions(["x", "y", "x"]))
    assert embedder.memory.misses == 2


def test_sentences_are_embedded_once_and_passages_as_they_come() -> None:
    inner = Hashing()
    embedder = CachedEmbedder(inner, most=2)
    for texts in (["x", "y", "x"], ["y", "x"], ["z"], ["y"]):
        assert np.array_equal(embedder.embed_sentences(texts), Hashing().embed_passages(texts))
    assert inner.embedded == 4  # x and y, z, and y again, which gave way to z
    embedder.embed_passages(["x", "x"])
    assert inner.embedded == 6


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    inner = Counting()
    reranker = CachedReranker(inner, most=2)
    for passage in ("a", "bb", "a", "ccc", "bb"):
        reranker.score("q", [passage])
    assert [passage for _, passage in inner.pairs] == ["a", "bb", "ccc", "bb"]


def test_what_is_remembered_stays_bounded_and_right_whatever_is_asked() -> None:
    cache = BoundedCache(100, width=3)
    dice = np.random.default_rng(0)

    def ask(numbers: Sequence[int]) -> int:
        def make(places: list[int]) -> Rows:
            return np.array([[numbers[place]] * 3 for place in places], np.float32)

        rows, hits = cache.get([f"{number:016d}".encode() for number in numbers], make)
        assert rows.tolist() == [[number] * 3 for number in numbers]
        return hits

    for _ in range(300):
        ask(dice.integers(0, 400, size=dice.integers(0, 40)).tolist())
    assert 0 < ask(range(400)) <= 100


def test_a_cache_that_is_half_full_has_forgotten_next_to_nothing() -> None:
    cache = BoundedCache(20_000, width=1)
    keys = [hashlib.sha256(str(number).encode()).digest()[:16] for number in range(10_000)]
    for _ in range(2):
        cache.get(keys, lambda places: np.zeros((len(places), 1), np.float32))
    assert cache.hits > 9_900
