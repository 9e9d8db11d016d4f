"""Paths from the environment: with spaces, relative, with ``~`` and variables, wherever the process goes meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from gold_sets import hashing_profile

import quincunx
from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.storage.home import HOME_VARIABLE, home, index_names


@pytest.mark.parametrize(
    "written", ["{} home", "./{} home2", "~/my home", "$BASE/my home", "${{BASE}}/x/../my home", "{}=dóm"]
)
def test_a_home_may_be_written_in_any_way_and_holds_an_index(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BASE", str(tmp_path))
    written = written.format(tmp_path.name)  # a relative path is made absolute once in a process
    monkeypatch.setenv(HOME_VARIABLE, written)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file.md").write_text("Tea is served at four.")
    (tmp_path / "x").mkdir()
    quincunx.build_index("kb", "a file.md", profile=hashing_profile())
    assert index_names() == ["kb"]
    last = written.rpartition("/")[2]
    assert (tmp_path / last / "indexes" / "kb" / "index.sqlite").is_file()
    found = quincunx.Retriever("kb", profile=hashing_profile())(question="tea")
    assert [passage.id for passage in found.passages] == ["a file.md"]


def test_a_relative_home_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, f"home-of-{tmp_path.name}")
    monkeypatch.chdir(tmp_path)
    before = home()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert home() == before == tmp_path / f"home-of-{tmp_path.name}"


@pytest.mark.parametrize(
    ("written", "named"), [("$NOT_SET_HERE/x", r"\$NOT_SET_HERE"), ("~nobody-of-that-name", "a user")]
)
def test_a_home_that_names_what_is_not_there_is_one_error(
    written: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, written)
    with pytest.raises(BoundError, match=f"{HOME_VARIABLE} names {named}"):
        home()
