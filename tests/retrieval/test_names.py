"""Names that documents state: which of them a question speaks of, and what that does to the order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quincunx
from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.index.tables.names import names_in
from quincunx.retrieval.passages import stated_names

SAGE = {"subject": "Sage", "not_to_be_confused_with": ["Sage Daily", "SageMath"]}
DAILY = {"aliases": ["SD", "the morning letter"], "not_to_be_confused_with": "Sage"}
WORDS = st.lists(
    st.sampled_from(["sage", "daily", "math", "the", "a", "letter", "tea", "at", "four"]),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def names(home: Path) -> quincunx.Retriever:
    documents = [
        quincunx.Document("sage", "Sage", "An almanac of planting days, with a page on tea.", SAGE),
        quincunx.Document("daily", "Sage Daily", "A page on tarot, every day.", DAILY),
        quincunx.Document("math", "SageMath", "Algebra, free of charge.", {"aliases": ["Sage algebra"]}),
        quincunx.Document("c++", "C++", "Compiled to machine code.", {"subject": "C++", "aliases": ["cpp"]}),
        quincunx.Document("paper", "圣人日报", "每天早上出版。", {"subject": "圣人日报"}),
        quincunx.Document("other", "Tea", "Tea is served at four.", {}),
    ]
    quincunx.build_index("names", documents)
    return quincunx.Retriever("names", settings=quincunx.SearchSettings(name_weight=10))


def signs(retriever: quincunx.Retriever, question: str) -> dict[str, int]:
    found = retriever(question=question)
    return {candidate.passage.id: candidate.named for candidate in found.candidates if candidate.named}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What does Sage cost?", {"sage": 1, "daily": -1}),
        ("What does Sage Daily cost?", {"daily": 1, "sage": -1}),
        ("is SAGE DAILY's letter free", {"daily": 1, "sage": -1}),
        ("Is the morning letter free?", {"daily": 1}),
        ("sage or sage daily?", {"sage": 1, "daily": 1}),
        ("Is SageMath free", {"math": 1, "sage": -1}),
        ("who sells Sagebrush", {}),
        ("(C++) or not", {"c++": 1}),
        ("cpp, please", {"c++": 1}),
        ("请问圣人日报几点出版", {"paper": 1}),
        ("When is tea served?", {}),
    ],
)
def test_the_longest_name_in_a_question_counts(
    names: quincunx.Retriever, question: str, named: dict[str, int]
) -> None:
    assert signs(names, question) == named


def test_what_a_question_names_comes_first(names: quincunx.Retriever) -> None:
    assert names(question="Is SD on tea at four?").passages[0].id == "daily"


def test_what_shares_no_word_is_found_by_its_alias(names: quincunx.Retriever) -> None:
    settings = quincunx.SearchSettings(dense_weight=0, name_weight=10)
    found = quincunx.Retriever("names", settings=settings)(question="Is cpp at four?")
    assert "c++" in [candidate.passage.id for candidate in found.candidates]


def test_at_weight_0_names_are_not_looked_at(names: quincunx.Retriever) -> None:
    plain = quincunx.Retriever("names", settings=quincunx.SearchSettings(name_weight=0))
    assert signs(plain, "What does Sage Daily cost?") == {}


def test_names_follow_changes_of_the_index(names: quincunx.Retriever) -> None:
    changed = quincunx.Document("daily", "Sage Daily", "A page on tarot.", {"subject": "Letter"})
    quincunx.update_index("names", [changed])
    assert signs(names, "the morning letter") == {"daily": 1}
    quincunx.delete_documents("names", ["daily"])
    assert signs(names, "the morning letter") == {}


def test_a_filter_leaves_names_out(names: quincunx.Retriever) -> None:
    settings = quincunx.SearchSettings(where="subject=Sage", name_weight=10)
    assert signs(quincunx.Retriever("names", settings=settings), "sage or sage daily?") == {"sage": 1}


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "1"])
def test_a_weight_that_cannot_be_is_one_error(weight: Any) -> None:
    with pytest.raises((BoundError, quincunx.UsageError), match="name_weight"):
        quincunx.SearchSettings(name_weight=weight)


@pytest.mark.parametrize(
    ("title", "metadata", "said"),
    [
        ("T", {}, []), ("T", {"subject": "S"}, ["S"]), ("T", {"aliases": ["A", "B"]}, ["T", "A", "B"]),
        ("T", {"subject": ["S", 3], "aliases": "A"}, ["S", "A"]), ("", {"aliases": "A"}, ["A"]),
    ],
)  # fmt: skip
def test_a_title_is_the_subject_of_what_has_aliases_alone(
    title: str, metadata: dict[str, Any], said: list[str]
) -> None:
    assert stated_names(title, metadata) == said


@given(WORDS, st.lists(WORDS, max_size=6))
def test_names_stand_in_the_text_and_none_within_another(text: list[str], names: list[list[str]]) -> None:
    spoken, known = " ".join(text), {" ".join(name) for name in names}
    found = names_in(spoken, known)
    assert all(f" {name} " in f" {spoken} " for name in found)
    longest = {name for name in known if f" {name} " in f" {spoken} "}
    assert set(found) <= longest
    assert max(map(len, longest), default=0) == max(map(len, found), default=0)
