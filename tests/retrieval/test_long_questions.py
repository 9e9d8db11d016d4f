"""A question that is longer than the embedder reads is searched by its parts, and the result says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from parts import Hashing, Shortest

from quincunx import SearchSettings, build_index, load
from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.index.build import build
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.text.questions import MOST_PARTS, question_parts

MAIL = "Hello, I ordered a lamp on the third of May and it arrived with a crack in the glass. "
ASKED = "How long do I have to return it?"


@pytest.fixture
def lamps(home: Path, tmp_path: Path) -> None:
    (tmp_path / "returns.md").write_text("# Returns\n\nA cracked lamp can be returned for thirty days.\n")
    (tmp_path / "hours.md").write_text("# Hours\n\nThe depot opens at nine.\n")
    build_index("lamps", [tmp_path])


@pytest.mark.parametrize(
    "question",
    [
        MAIL * 14 + ASKED,
        ASKED + " " + MAIL * 30,
        "crack " * 500 + ASKED,
        "x" * 4000 + " " + ASKED,
        "玻璃裂了。" * 120 + ASKED,
        (MAIL * 14).replace(". ", "\n\n") + ASKED,
    ],
)
def test_a_long_question_finds_its_page_with_a_notice(lamps: None, question: str) -> None:
    answer = load("chat_bridge", index="lamps")(question=question)
    search = load("chat_bridge", index="lamps").retriever(question=question).search
    assert search.passages[0].document_id == "returns.md"
    # Of a script that the embedder has no tokens for, another note says that.
    (note,) = (note for note in search.notes if "has no token for" not in note)
    assert note in answer.notes
    assert "256 tokens" in note


def test_a_question_that_fits_is_whole_and_without_a_notice(lamps: None) -> None:
    search = load("chat_bridge", index="lamps").retriever(question=MAIL * 3 + ASKED).search
    assert search.notes == ()


def test_what_is_too_long_for_its_parts_is_refused_in_words_about_questions(lamps: None) -> None:
    with pytest.raises(BoundError, match=rf"question of \d+ characters.* at most {MOST_PARTS}") as caught:
        load("chat_bridge", index="lamps")(question="Where is the lamp that I ordered? " * 3000)
    assert "document" not in str(caught.value)


def test_parts_hold_every_word_in_order_and_fit() -> None:
    question = MAIL * 9 + "y" * 700
    parts = question_parts(question, 100, lambda text: [(i, i + 1) for i in range(len(text))])
    assert all(len(part) <= 100 for part in parts)
    assert "".join("".join(parts).split()) == "".join(question.split())


def test_the_scores_of_a_long_question_are_the_best_of_its_parts(tmp_path: Path) -> None:
    texts = [f"{word} is kept there." for word in ("alpha", "beta", "gamma", "delta")]
    build(tmp_path, [Document(f"d{i}", "", text) for i, text in enumerate(texts)], Hashing())
    question = "alpha " * 80 + "beta " * 80
    found = Searcher(tmp_path, Hashing(), Shortest()).search(question, SearchSettings(k=4, n=2))
    parts = question_parts(question.strip(), 508, Hashing().offsets)
    assert len(parts) == 2
    best = (Hashing().embed_passages(texts) @ Hashing().embed_questions(parts).T).max(axis=1)
    for candidate in found.candidates:
        assert candidate.dense_score == pytest.approx(best[int(candidate.passage.id[1:])], abs=1e-5)
        assert candidate.rerank_score == -len(candidate.passage.text)
    assert [passage.id for passage in found.dense] == [f"d{i}" for i in np.argsort(-best)]
