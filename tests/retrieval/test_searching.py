"""Searching: FAISS against NumPy, and what each stage's record says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import Hashing, Shortest

from quincunx.retrieval.errors import BoundError, EmptyQuestionError, IdentityMismatchError
from quincunx.retrieval.fusion import z_scores
from quincunx.retrieval.index.build import build
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.text.words import searched_words, side_by_side

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]
DOCUMENTS = [
    Document(f"d{i:02}", "", f"{WORDS[i % 5]} {WORDS[i % 3]} number {i} {'x' * i}.") for i in range(60)
]


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("index")
    build(folder, DOCUMENTS, Hashing())
    return Searcher(folder, Hashing(), Shortest())


@given(st.text(min_size=1, max_size=30).filter(str.strip).filter(lambda text: text.isprintable()))
def test_the_dense_stage_equals_numpy(searcher: Searcher, question: str) -> None:
    result = searcher.search(question, SearchSettings(k=20, n=5))
    embedder = Hashing()
    scores = (
        embedder.embed_passages([d.text for d in DOCUMENTS]) @ embedder.embed_questions([question.strip()])[0]
    )
    order = sorted(range(60), key=lambda i: (-float(scores[i]), DOCUMENTS[i].id))
    assert [passage.id for passage in result.dense] == [DOCUMENTS[i].id for i in order[:50]]
    by_id = {DOCUMENTS[i].id: float(scores[i]) for i in range(60)}
    for candidate in result.candidates:
        assert candidate.dense_score == pytest.approx(by_id[candidate.passage.id], abs=1e-5)


@given(
    st.lists(st.sampled_from([*WORDS, "number", "nothing"]), min_size=1, max_size=4),
    st.integers(1, 60),
    st.data(),
)
def test_the_record_of_every_stage_is_whole(
    searcher: Searcher, words: list[str], k: int, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, k))
    result = searcher.search(" ".join(words), SearchSettings(k=k, n=n))
    count = len(result.candidates)
    assert count == k
    assert len(result.passages) == n
    assert [c.final_rank for c in result.candidates] == [*range(1, count + 1)]
    assert sorted(c.fused_rank for c in result.candidates) == [*range(1, count + 1)]
    assert sorted(c.rerank_rank or 0 for c in result.candidates) == [*range(1, count + 1)]
    for candidate in result.candidates:
        assert candidate.dense_rank or candidate.lexical_rank
        assert (candidate.lexical_score > 0) == any(word in candidate.passage.text for word in words)
        if candidate.dense_rank:
            assert result.dense[candidate.dense_rank - 1] == candidate.passage


def test_without_the_reranker_the_fused_order_is_final(searcher: Searcher) -> None:
    result = searcher.search("alpha", SearchSettings(rerank=False))
    assert [c.final_rank for c in result.candidates] == [c.fused_rank for c in result.candidates]
    assert {c.rerank_rank for c in result.candidates} == {None}


def test_the_rerankers_order_alone_can_be_the_final_one(searcher: Searcher) -> None:
    result = searcher.search("alpha", SearchSettings(final="reranked"))
    assert [c.final_rank for c in result.candidates] == [c.rerank_rank for c in result.candidates]
    lengths = [len(c.passage.text) for c in result.candidates]
    assert lengths == sorted(lengths)


def test_dense_only_and_lexical_only_are_settings(searcher: Searcher) -> None:
    dense = searcher.search("gamma", SearchSettings(lexical_weight=0, rerank=False))
    assert [c.passage for c in dense.candidates] == list(dense.dense[:20])
    lexical = searcher.search("gamma", SearchSettings(dense_weight=0, rerank=False))
    assert [c.passage for c in lexical.candidates] == list(lexical.lexical[:20])
    assert searcher.search("nowhere", SearchSettings(dense_weight=0)).candidates == ()


@given(st.lists(st.sampled_from([*WORDS, "number", "nothing", "7"]), min_size=1, max_size=5))
def test_the_fused_score_is_the_weighted_sum_of_both_stages_on_one_scale(
    searcher: Searcher, words: list[str]
) -> None:
    """Held against BM25 as FTS5 has it, computed here from the texts."""
    question = " ".join(words)
    settings = SearchSettings(k=60, depth=60, lexical_weight=0.5, proximity_weight=0.7, rerank=False)
    found = searcher.search(question, settings).candidates
    cosines = np.array([candidate.dense_score for candidate in found])
    texts = [re.findall(r"\w+", document.text) for document in DOCUMENTS]
    asked = list(dict.fromkeys(words))
    holding = {word: sum(word in text for text in texts) for word in asked}
    weights = {w: max(1e-6, np.log((60 - n + 0.5) / (n + 0.5))) for w, n in holding.items() if n}
    mean = np.mean([len(text) for text in texts])
    pairs = [(word, other) for place, word in enumerate(asked) for other in asked[place + 1 : place + 3]]
    pairs = [pair for pair in pairs if all(word in weights for word in pair)]
    for candidate, cosine in zip(found, cosines, strict=True):
        text = re.findall(r"\w+", candidate.passage.text)
        counts = {word: text.count(word) for word in weights}
        norm = 1.2 * (1 - 0.75 + 0.75 * len(text) / mean)
        parts = {word: weights[word] * n * 2.2 / (n + norm) for word, n in counts.items()}
        bm25 = sum(parts.values())
        assert candidate.lexical_score == pytest.approx(bm25, rel=1e-4, abs=1e-6)
        share = bm25 / (2.2 * sum(weights.values())) if weights else 0.0
        near = (cosine - cosines.min()) / np.ptp(cosines)
        # The texts are so short that words of a pair are near each other wherever both are.
        close = sum(parts[word] for pair in pairs if all(map(counts.get, pair)) for word in pair)
        close /= 2.2 * sum(weights[word] for pair in pairs for word in pair) if pairs else 1.0
        assert candidate.fused_score == pytest.approx(near + 0.5 * share + 0.7 * close, abs=1e-4)


def test_words_count_that_stand_near_each_other_as_in_the_question(tmp_path: Path) -> None:
    apart = {
        "six": "reading has one two three four five six card",
        "five": "reading has one two three four card five six",
        "other": "card has one two three four five six reading",
        "none": "has one two three four five six",
    }
    build(tmp_path, [Document(id, "", text) for id, text in apart.items()], Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)

    def scores(question: str, weight: float) -> dict[str, float]:
        settings = SearchSettings(dense_weight=0, proximity_weight=weight)
        return {c.passage.id: c.fused_score for c in searcher.search(question, settings).candidates}

    plain, near = scores("What is a card reading?", 0), scores("What is a card reading?", 1)
    assert {id for id in plain if near[id] > plain[id]} == {"five"}
    assert near["five"] <= plain["five"] + 1
    # With two words between them in the question, they are no pair, and neither is one with a word that is nowhere.
    apart_asked = "card of wisdom, knowledge and reading"
    assert scores(apart_asked, 1) == scores(apart_asked, 0)


def test_text_without_spaces_has_no_words_side_by_side() -> None:
    assert side_by_side("塔羅牌解讀") == []
    assert side_by_side("What does a tarot reading of the Tower cost?") == [
        ("tarot", "reading"), ("tarot", "tower"), ("reading", "tower"), ("reading", "cost"), ("tower", "cost"),
    ]  # fmt: skip


def test_of_a_question_of_many_words_only_the_rarest_pairs_are_looked_for(tmp_path: Path) -> None:
    words = [f"word{place}" for place in range(40)]
    texts = [*(" ".join(words[:20]) for _ in range(5)), " ".join(words[20:])]
    build(tmp_path, [Document(str(place), "", text) for place, text in enumerate(texts)], Hashing())
    searcher, plain = Searcher(tmp_path, Hashing(), None), SearchSettings(dense_weight=0, proximity_weight=0)
    without, found = (
        {c.passage.document_id: c.fused_score for c in searcher.search(" ".join(words), settings).candidates}
        for settings in (plain, replace(plain, proximity_weight=1))
    )
    assert {id for id in found if found[id] > without[id]} == {"5"}


def test_reciprocal_ranks_are_a_setting(searcher: Searcher) -> None:
    result = searcher.search(
        "alpha", SearchSettings(fusion="rrf", rrf_constant=60, lexical_weight=1, rerank=False)
    )
    for candidate in result.candidates:
        places = [place for place in (candidate.dense_rank, candidate.lexical_rank) if place]
        assert candidate.fused_score == pytest.approx(sum(1 / (60 + place) for place in places))


def test_the_combined_order_weighs_fused_and_rerank_score(searcher: Searcher) -> None:
    found = searcher.search("alpha", SearchSettings(rerank_weight=3.0)).candidates
    total = z_scores([c.fused_score for c in found]) + 3 * z_scores([c.rerank_score or 0.0 for c in found])
    assert total.tolist() == sorted(total.tolist(), reverse=True)


def test_an_index_smaller_than_k_gives_what_it_has(tmp_path: Path) -> None:
    build(tmp_path, DOCUMENTS[:3], Hashing())
    result = Searcher(tmp_path, Hashing(), Shortest()).search("alpha")
    assert len(result.candidates) == 3
    assert len(result.passages) == 3


def test_a_searcher_follows_the_index_it_has_open(tmp_path: Path) -> None:
    build(tmp_path, DOCUMENTS[:10], Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    build(tmp_path, [*DOCUMENTS[5:10], Document("new", "", "unheard of")], Hashing())
    result = searcher.search("unheard of")
    assert list(result.generations.values()) == [2]
    assert {c.passage.id for c in result.candidates} == {"new", *(d.id for d in DOCUMENTS[5:10])}


def test_another_embedder_is_refused_with_both_sides_named(tmp_path: Path) -> None:
    build(tmp_path, DOCUMENTS[:3], Hashing())
    other = Hashing("other")
    with pytest.raises(IdentityMismatchError, match=r"model: 'hashing' != 'other'.*index build"):
        Searcher(tmp_path, other, None)
    other.identity = replace(Hashing().identity, question_prefix="search_query: ")
    with pytest.raises(IdentityMismatchError, match="question_prefix: '' != 'search_query: '"):
        Searcher(tmp_path, other, None)


@pytest.mark.parametrize(
    ("k", "n", "message"), [(5, 6, "k=5 < n=6"), (5, 0, "got 0"), (0, 1, "k=0"), (-1, -1, "-1")]
)
def test_bounds_are_checked(k: int, n: int, message: str) -> None:
    with pytest.raises(BoundError, match=message):
        SearchSettings(k=k, n=n)


@pytest.mark.parametrize("weights", [(0, 0), (-1, 1), (float("nan"), 1), (float("inf"), 1)])
def test_weights_are_checked(weights: tuple[float, float]) -> None:
    with pytest.raises(BoundError, match="weights"):
        SearchSettings(dense_weight=weights[0], lexical_weight=weights[1])


@pytest.mark.parametrize(
    "settings",
    [
        {"fusion": "sum"},
        {"final": "best"},
        {"rerank_weight": 0},
        {"rrf_constant": float("inf")},
        {"proximity_weight": -0.1},
        {"proximity_weight": float("nan")},
    ],
)
def test_other_knobs_are_checked_by_name(settings: dict[str, Any]) -> None:
    with pytest.raises(BoundError, match=next(iter(settings))):
        SearchSettings(**settings)


@pytest.mark.parametrize("question", ["", "  \n", None, 3])
def test_an_empty_question_is_refused(searcher: Searcher, question: str) -> None:
    with pytest.raises(EmptyQuestionError):
        searcher.search(question)


@given(st.text(max_size=60))
def test_no_question_breaks_the_lexical_stage(searcher: Searcher, question: str) -> None:
    if question.strip():
        searcher.search(question.encode("utf-8", "ignore").decode() or "x")


def test_stop_words_are_left_out_unless_nothing_else_is_there() -> None:
    assert searched_words('What is the "best" NEAR(pit)?') == ["best", "near", "pit"]
    assert searched_words("Who is she?") == ["who", "is", "she"]
    assert searched_words("?!") == []
