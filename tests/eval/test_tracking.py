"""Runs told into one file over time.

1. A run is one row, however often it is told, and comes back as it was.
2. A curve holds runs of the same work alone, oldest first.
3. What has no figure, or is no such file, is refused, and nothing is added.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.evaluate import evaluate_retrieval
from quincunx.eval.report.run_entries import RunEntry, list_runs, run_entry
from quincunx.eval.report.track_page import HEIGHT, WIDTH, render_track_page, series_of
from quincunx.eval.report.tracking import track, tracked
from quincunx.retrieval.errors import RunError, StorageError, UnknownRunError
from quincunx.retrieval.settings import SearchSettings

ENTRY = RunEntry(
    "run", "2026-11-30T10:00:00+00:00", "answers", "chat_bridge", "builddaily", "dev", 17, 17, "answered rightly", 0.5,
    lm="ollama/qwen3", profile="embedded", low=0.25, high=0.75, failed=0, commit="0123456789abcdef+", questions="q",
)  # fmt: skip


@pytest.fixture
def runs(home: Path, tmp_path: Path) -> list[str]:
    gold = write_gold(tmp_path / "gold")
    return [
        evaluate_retrieval(gold, profile=hashing_profile(), settings=SearchSettings(n=n)).name for n in (5, 3)
    ]


def test_a_run_is_one_row_however_often_it_is_told(runs: list[str], tmp_path: Path) -> None:
    database = tmp_path / "runs with a ?.sqlite"
    assert track(runs[:1], database) == [run_entry(runs[0])]
    assert track([runs[0], runs[1], runs[0]], database) == [run_entry(run) for run in runs]
    assert sorted(tracked(database), key=lambda run: run.name) == sorted(
        list_runs(), key=lambda run: run.name
    )
    first = tracked(database)[0]
    assert first.value is not None
    assert first.low is not None
    assert first.high is not None
    assert first.low <= first.value <= first.high
    assert (first.failed, first.settings) == (0, {})


def test_what_has_no_figure_or_is_not_there_adds_nothing(runs: list[str], tmp_path: Path) -> None:
    database = tmp_path / "runs.sqlite"
    track(runs[:1], database)
    with pytest.raises(UnknownRunError):
        track([runs[1], "nothing"], database)
    (tmp_path / "home" / "runs" / runs[1] / "report.json").unlink()
    with pytest.raises(RunError, match=f"{runs[1]} has no figure yet: finish it, or write its report"):
        track(runs, database)
    assert [run.name for run in tracked(database)] == runs[:1]


def test_another_file_is_refused_and_left_as_it_was(runs: list[str], tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("These are notes, and no database. " * 99)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE runs (id)")
    before = text.read_bytes(), other.read_bytes()
    for path in (text, other):
        for work in (partial(track, runs, path), partial(tracked, path)):
            with pytest.raises(StorageError, match="name"):
                work()
    assert (text.read_bytes(), other.read_bytes()) == before
    with pytest.raises(StorageError, match="unable to open"):
        tracked(tmp_path / "nothing.sqlite")


OTHER_WORK: dict[str, Any] = {
    "kind": "optimise", "program": "ticker_fit", "data": "other", "split": "test", "questions": "r",
    "profile": "local", "lm": "extractive", "measure": "gain",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_WORK)
def test_figures_of_other_work_are_on_another_curve(name: str) -> None:
    alike = replace(ENTRY, name="later", commit="f" * 40, settings={"n": 3}, value=0.6)
    other = replace(ENTRY, name="other", **{name: OTHER_WORK[name]})
    found = series_of([ENTRY, other, alike])
    assert [[point.entry.name for point in each.points] for each in found] == [["run", "later"], ["other"]]


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3).map(sorted), min_size=1, max_size=40))
def test_every_point_and_interval_is_in_the_chart(figures: list[list[float]]) -> None:
    runs = [
        replace(ENTRY, name=str(n), low=low, value=mid, high=high)
        for n, (low, mid, high) in enumerate(figures)
    ]
    [found] = series_of(runs)
    assert [point.entry for point in found.points] == runs
    for point in found.points:
        assert 0 < point.x < WIDTH
        assert -1e-6 <= point.ends[1] <= point.y <= point.ends[0] <= HEIGHT + 1e-6


def test_the_page_tells_every_figure_and_no_name_becomes_a_tag() -> None:
    hostile = "<img src=x onerror=alert(1)>\ud800"
    page = render_track_page(hostile, [ENTRY, replace(ENTRY, name=hostile, settings={"n": 3}, failed=2)])
    assert "<img" not in page
    for told in (
        "0.500",
        "0.250 to 0.750",
        "0123456789ab+",
        "n 3",
        "as usual",
        "chat_bridge · answered rightly",
    ):
        assert told in page
    assert "No run is tracked yet." in render_track_page("none", [])
