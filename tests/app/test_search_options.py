"""The settings of a search are the same options for every command that searches."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from quincunx.app.commands.ask import ask_program
from quincunx.app.commands.evaluate import eval_answers, eval_retrieval
from quincunx.app.commands.search import search_indexes
from quincunx.app.commands.tuning.sweep import eval_sweep
from quincunx.app.search_options import SearchOptions
from quincunx.retrieval.errors import BoundError, FilterError
from quincunx.retrieval.filter_text import parse_filter
from quincunx.retrieval.filters import field
from quincunx.retrieval.settings import SearchSettings

NAMES = [entry.name for entry in fields(SearchSettings)]


@pytest.mark.parametrize("command", [search_indexes, ask_program, eval_retrieval, eval_answers, eval_sweep])
def test_every_setting_is_an_option_of_its_name(command: Any) -> None:
    parameters = inspect.signature(command).parameters
    assert set(NAMES) <= parameters.keys()
    assert all(parameters[name].default is None for name in NAMES)


def test_what_is_not_given_stays_as_it_is() -> None:
    saved = SearchSettings(k=30, where=field("site") == "a")
    assert SearchOptions().over(saved) == saved
    changed = SearchOptions(n=3, final="reranked", rerank=False).over(saved)
    assert changed == SearchSettings(k=30, n=3, final="reranked", rerank=False, where=saved.where)


def test_a_filter_narrows_the_one_that_is_there() -> None:
    saved = SearchSettings(where=field("site") == "a")
    assert SearchOptions(where="kind=b").over(saved).where == parse_filter("kind=b and site=a")
    assert SearchOptions(where="kind=b").over(SearchSettings()).where == parse_filter("kind=b")


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(BoundError):
        SearchOptions(k=3).over(SearchSettings())
    with pytest.raises(FilterError):
        SearchOptions(where="site=").over(SearchSettings())


def test_the_help_shows_the_defaults_of_the_settings(quincunx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = quincunx("search", "--help").out
    for name in ("k", "n", "dense_weight", "lexical_weight", "fusion", "rrf_constant", "depth", "final"):
        (line,) = [line for line in shown.splitlines() if f"--{name.replace('_', '-')} " in line]
        assert f"[default: ({getattr(SearchSettings, name)})]" in line


def test_a_search_and_an_answer_go_by_them(quincunx: Any, canons: Any) -> None:
    found = quincunx(
        "search", "builddaily", "Sage", "-k", "7", "-n", "2", "--lexical-weight", "0", "--json"
    ).json
    assert (len(found["candidates"]), len(found["passages"])) == (7, 2)
    assert all(candidate["lexical_rank"] is None for candidate in found["candidates"])
    asked = quincunx("ask", "chat_bridge", "What is Sage?", "-k", "7", "-n", "2", "--json").json
    assert (len(asked["candidates"]), len(asked["passages"])) == (7, 2)


def test_a_search_says_which_words_stood_in_for_a_misspelt_one(canons: Path, quincunx: Any) -> None:
    found = quincunx("search", "builddaily", "newsleter", "--json")
    assert found.status == 0
    assert found.json["near_words"]["newsleter"][0] == "newsletter"
    assert "'newsleter' stands nowhere in the index" in " ".join(found.err.split())
