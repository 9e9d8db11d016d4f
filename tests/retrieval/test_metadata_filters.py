"""Fields of the metadata, and filters answered from the index: for the same passages as `Filter.matches`, whatever they are.

1. What the table finds of random filters over random, nested metadata is what `matches` accepts, before and after removals.
2. Names in quotes, paths and optional names read back from their text.
3. A field that no index searched has is an error with the nearest name; a program's own filter is not.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filter_cases import filters, metadata
from hypothesis import given
from hypothesis import strategies as st
from parts import Hashing

import quincunx
from quincunx.retrieval.errors import BoundError, FilterError, UnknownFieldError
from quincunx.retrieval.filter_text import parse_filter
from quincunx.retrieval.filters import Filter, field
from quincunx.retrieval.index.build import build, delete, update
from quincunx.retrieval.index.lexical import fts5
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.tables.metadata import METADATA_SQL, MetadataTable
from quincunx.retrieval.metadata import comparable_values
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings


@given(st.lists(metadata, min_size=1, max_size=8), filters, st.sets(st.integers(0, 7)))
def test_the_index_accepts_what_matches_accepts(
    documents: list[dict[str, Any]], where: Filter, removed: set[int]
) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(METADATA_SQL)
    for number, values in enumerate(documents):
        MetadataTable(connection).add(values, [2 * number, 2 * number + 1])  # two passages each
    for number in removed & set(range(len(documents))):
        MetadataTable(connection).remove(documents[number], [2 * number, 2 * number + 1])
    kept = [number for number in range(len(documents)) if number not in removed]
    every = np.array([place for number in kept for place in (2 * number, 2 * number + 1)], dtype=np.int64)
    found = MetadataTable(connection).matching(where, every).tolist()
    assert found == [
        n for number in kept if where.matches(documents[number]) for n in (2 * number, 2 * number + 1)
    ]
    known = {path for number in kept for path, _, _ in comparable_values(documents[number])}
    assert set(MetadataTable(connection).fields()) == known


@given(filters)
def test_any_name_reads_back_from_its_text(where: Filter) -> None:
    again = parse_filter(str(where))
    assert again == where
    assert [c.field for c in again.comparisons()] == [c.field for c in where.comparisons()]
    assert all(comparison.field.optional for comparison in again.optional().comparisons())
    assert parse_filter(str(again.optional())) == where.optional()


BOOK: dict[str, Any] = {
    "release date": "2025-03-01",
    "dc:title": "Steel",
    "author": {"name": "Kim", "full.name": "Kim Lee", "born": {"year": 1970}},
    "editors": [{"name": "Ann"}, {"name": "Bo"}],
    "a.b": 1,
    "tags": ["urgent", "x", 3],
    "empty": [],
    "year": "2024",
    "draft": False,
    "and": "kept",
    'say "x"': "quoted",
    "nothing": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"release date" >= 2025-01-01', True),
        ("'release date' < 2025-01-01", False),
        ('"dc:title" = Steel', True),
        ("author.name = Kim", True),
        ('author."full.name" = "Kim Lee"', True),
        ("author.full.name = 'Kim Lee'", True),
        ("author.born.year < 1980", True),
        ('author."name" = Kim', True),
        ('"author.name"? = Kim', False),
        ('"a.b" = 1', True),
        ("a.b = 1", True),
        ('a."b"? = 1', False),
        ("editors.name = Bo", True),
        ("editors.name != Bo", False),
        ("tags = urgent", True),
        ("tags != urgent", False),
        ("tags != calm", True),
        ("tags in (calm, 3)", True),
        ("tags not in (calm, 4)", True),
        ("empty = x", False),
        ("empty != x", True),
        ("year = 2024", False),
        ('year = "2024"', True),
        ("draft = false", True),
        ("draft = 0", False),
        ('"and" = kept', True),
        (r'"say \"x\"" = quoted', True),
        (r"'say \u0022x\u0022' = quoted", True),
        ("nothing != 1", True),
        ("nothing = 1", False),
        ("missing? = 1", False),
        ("missing? != 1", True),
        ('"missing one"? != 1', True),
    ],
)
def test_by_hand_in_python_and_in_the_index(tmp_path: Path, text: str, expected: bool) -> None:
    where = parse_filter(text)
    assert where.matches(BOOK) is expected
    build(tmp_path, [Document("book", "", "alpha", BOOK), Document("other", "", "alpha")], Hashing())
    found = Searcher(tmp_path, Hashing(), None).search("alpha", SearchSettings(where=text))
    assert ("book" in {passage.id for passage in found.dense}) is expected
    assert ("other" in {passage.id for passage in found.dense}) is where.matches({})


@pytest.fixture
def two(tmp_path: Path) -> dict[str, Path]:
    build(tmp_path / "one", [Document("a", "", "alpha", {"kind": "x", "author": {"name": "Kim"}})], Hashing())
    build(
        tmp_path / "two", [Document("b", "", "alpha", {"site": "y"}), Document("c", "", "alpha")], Hashing()
    )
    return {name: tmp_path / name for name in ("one", "two")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("knd=x", "unknown field 'knd'; known in one: author.name, kind. Did you mean 'kind'?"),
        ("kind=x and Kind=y", "Did you mean 'kind'?"),
        ("author.nam=Kim", "Did you mean 'author.name'?"),
        ("author=Kim", "Did you mean 'author.name'?"),
        ("not colour in (1)", "known in one: author.name, kind. One that documents may lack"),
    ],
)
def test_a_field_that_no_document_has_is_an_error_with_the_nearest(
    two: dict[str, Path], text: str, said: str
) -> None:
    searcher = Searcher(two["one"], Hashing(), None)
    with pytest.raises(UnknownFieldError) as caught:
        searcher.search("alpha", SearchSettings(where=text))
    assert said in str(caught.value)
    assert caught.value.code == "unknown_field"
    searcher.search("alpha", SearchSettings(where=parse_filter(text).optional()))


def test_of_several_indexes_one_must_know_the_field(two: dict[str, Path]) -> None:
    searcher = Searcher(list(two.values()), Hashing(), None)
    found = searcher.search("alpha", SearchSettings(where="site=y"))
    assert [candidate.passage.id for candidate in found.candidates] == ["two/b"]
    assert len(searcher.search("alpha", SearchSettings(where="kind!=x")).candidates) == 2
    with pytest.raises(UnknownFieldError, match=r"known in one\+two: author\.name, kind, site"):
        searcher.search("alpha", SearchSettings(where="sort=y"))


def test_a_field_is_known_as_long_as_a_document_has_it(tmp_path: Path) -> None:
    documents = [Document("a", "", "alpha", {"kind": None}), Document("b", "", "alpha", {"site": []})]
    build(tmp_path, documents, Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    assert len(searcher.search("alpha", SearchSettings(where="kind!=x and site!=x")).candidates) == 2
    delete(tmp_path, ["a"])
    with pytest.raises(UnknownFieldError):
        searcher.search("alpha", SearchSettings(where="kind!=x"))
    update(tmp_path, [Document("b", "", "alpha", {"kind": ["x", "y"]})], Hashing())
    assert len(searcher.search("alpha", SearchSettings(where="kind=y")).candidates) == 1
    with pytest.raises(UnknownFieldError):
        searcher.search("alpha", SearchSettings(where="site=x"))
    with Store(tmp_path).read() as reading:
        assert reading.faults() == []


def test_what_a_program_leaves_out_needs_no_field_in_the_index(home: Path) -> None:
    build(home / "indexes" / "plain", [Document("a", "", "Steel is strong.")], quincunx_embedder())
    program = quincunx.load("ticker_fit", index="plain")
    assert str(program.retriever.settings.where) == "kind?!=catalyst"
    assert [p.id for p in program.retriever(question="What is strong?").passages] == ["a"]
    own = quincunx.load("ticker_fit", index="plain", settings=SearchSettings(where="kind=ticker"))
    with pytest.raises(UnknownFieldError):
        own.retriever(question="What is strong?")


def quincunx_embedder() -> Any:
    from quincunx.retrieval.models.profiles import shared_embedder

    return shared_embedder("embedded")


def test_a_setting_takes_the_text_of_a_filter() -> None:
    settings = SearchSettings(where="status = published and k>2")
    assert settings.where == (field("status") == "published") & (field("k") > 2)
    assert settings == SearchSettings(where=settings.where)
    assert SearchSettings().where is None
    with pytest.raises(FilterError, match="character 9"):
        SearchSettings(where="status =")
    wrong: list[Any] = [5, ["a=1"], {"a": 1}]
    for where in wrong:
        with pytest.raises(BoundError, match="a filter or the text of one"):
            SearchSettings(where=where)


def test_names_in_python_and_in_text_are_the_same() -> None:
    assert str(field("release date") == 1) == '"release date"=1'
    assert (field("author", "name") == 1) == parse_filter('author."name"=1')
    assert (field("author.name") == 1) == parse_filter("author.name=1")
    assert (field("a.b", "c") == 1) == parse_filter('"a.b"."c" = 1')
    assert (field("kind", optional=True) != "x") == parse_filter("kind?!=x")
    assert isinstance(field("a") == 1, Filter)


def test_the_lexical_stage_finds_the_same_of_many_allowed_as_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["alpha", "alpha beta", "alpha beta beta gamma", "delta"]
    documents = [Document(f"d{i:03}", "", words[i % 4], {"i": i, "half": i % 2}) for i in range(400)]
    build(tmp_path, documents, Hashing())
    for where in ("i>=0", "half=1", "i<37", "i>=396", "half=1 and i>300", "i<0"):
        for question in ("alpha", "beta gamma", "delta alpha", "unheard"):
            settings = SearchSettings(where=where, k=20, depth=30)
            few = Searcher(tmp_path, Hashing(), None).search(question, settings)
            with monkeypatch.context() as many:
                many.setattr(fts5, "MANY_ALLOWED", 0)
                assert Searcher(tmp_path, Hashing(), None).search(question, settings) == few
