"""The retriever as DSPy sees it."""

from __future__ import annotations

import asyncio
import copy
import pickle
from pathlib import Path

import pytest

from quincunx.retrieval.errors import BadNameError, UnknownIndexError, UnknownProfileError
from quincunx.retrieval.handle import SearchHandle, open_index
from quincunx.retrieval.retriever import Retriever
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import index_names


def test_it_returns_five_of_twenty_and_awaited_the_same(canons: Path) -> None:
    retriever = Retriever("builddaily")
    found = retriever(question="What is Sage Daily?")
    assert (len(found.passages), len(found.candidates)) == (5, 20)
    assert found.passages == [candidate.passage for candidate in found.candidates[:5]]
    assert found.passages[0].id == "bd-sage-daily"
    awaited = asyncio.run(retriever.acall(question="What is Sage Daily?"))
    assert awaited.candidates == found.candidates


def test_settings_reach_the_search(canons: Path) -> None:
    retriever = Retriever("builddaily", settings=SearchSettings(k=7, n=2, rerank=False))
    found = retriever(question="What is Sage Daily?")
    assert (len(found.passages), len(found.candidates)) == (2, 7)


def test_copies_share_one_handle_and_a_pickled_one_is_two_names(canons: Path) -> None:
    handle = SearchHandle("builddaily")
    loaded = handle.searcher
    assert copy.copy(handle) is handle
    assert copy.deepcopy({"h": handle})["h"] is handle
    dumped = pickle.dumps(handle)
    assert len(dumped) < 300
    again = pickle.loads(dumped)
    assert (again.index, again.profile) == ("builddaily", "embedded")
    assert again.searcher is not loaded


def test_an_unknown_index_lists_the_known(canons: Path) -> None:
    with pytest.raises(
        UnknownIndexError, match=r"'nope'; known: builddaily, paiddaily, sagedaily.*index build"
    ):
        Retriever("nope")


def test_names_that_would_leave_the_home_folder_are_refused(canons: Path) -> None:
    for name in ("../x", "", "a/b", ".hidden", "x" * 65):
        with pytest.raises(BadNameError):
            SearchHandle(name)
    assert index_names() == ["builddaily", "paiddaily", "sagedaily"]


def test_an_opened_index_searches_with_the_default_settings(canons: Path) -> None:
    index = open_index("builddaily")
    found = index.search("What is Sage Daily?")
    assert found == index.search("What is Sage Daily?", SearchSettings())
    assert (len(found.passages), len(found.candidates), found.passages[0].id) == (5, 20, "bd-sage-daily")
    with pytest.raises(UnknownIndexError, match="'nope'"):
        open_index("nope")
    with pytest.raises(UnknownProfileError, match="'nope'"):
        open_index("builddaily", profile="nope")
