"""Tags and notes of runs, and which runs go when old ones are removed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.evaluate import evaluate_retrieval
from quincunx.eval.report.run_entries import list_runs
from quincunx.eval.results import open_run
from quincunx.eval.runs.folder import lock_for_writing
from quincunx.eval.runs.notes import NOTES, RunNotes, annotate_run, read_run_notes
from quincunx.eval.runs.pruning import prune_runs
from quincunx.retrieval.errors import BoundError, RunError, StorageError, UnknownRunError, UsageError
from quincunx.retrieval.storage.lock import unlock


def begin(
    home: Path, name: str, *, days: float = 0, kind: str = "answers", tags: tuple[str, ...] = ()
) -> Path:
    """Put a run into the home folder that was begun so many days ago."""
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    begun = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    (folder / "header.json").write_text(json.dumps({"schema": 1, "kind": kind, "begun": begun}))
    (folder / "rows.sqlite").write_bytes(b"rows")
    if tags:
        annotate_run(name, add=tags)
    return folder


def left(home: Path) -> list[str]:
    return sorted(os.listdir(home / "runs"))


def test_a_run_has_the_tags_that_it_was_given_less_those_taken(home: Path) -> None:
    folder = begin(home, "run")
    assert read_run_notes(folder) == RunNotes()
    assert annotate_run("run", add=["b", "a", "b"], note=" kept for 2.0 ") == RunNotes(
        ("a", "b"), "kept for 2.0"
    )
    assert annotate_run(folder, add=["c"], remove=["a", "never"]) == RunNotes(("b", "c"), "kept for 2.0")
    assert annotate_run("run", note="") == read_run_notes(folder) == RunNotes(("b", "c"))


@pytest.mark.parametrize("tag", ["", "two words", "-dash", "x" * 65, "<b>", "é", "a\n"])
def test_what_is_no_tag_is_refused_and_nothing_changes(home: Path, tag: str) -> None:
    folder = begin(home, "run", tags=("kept",))
    with pytest.raises(UsageError, match="use 1 to 64 letters"):
        annotate_run("run", add=["fine", tag])
    assert read_run_notes(folder).tags == ("kept",)


def test_a_long_note_an_unknown_run_and_damaged_notes_are_refused(home: Path) -> None:
    folder = begin(home, "run")
    with pytest.raises(BoundError, match="2001 characters, at most 2000"):
        annotate_run("run", note="x" * 2001)
    with pytest.raises(UnknownRunError):
        annotate_run("other", add=["a"])
    for damaged in ("", "[]", '{"tags": ["two words"], "note": ""}', '{"tags": [1], "note": ""}'):
        (folder / NOTES).write_text(damaged)
        with pytest.raises(RunError, match=r"notes\.json: cannot be read"):
            annotate_run("run", add=["a"])
        assert (folder / NOTES).read_text() == damaged


def test_notes_stand_in_the_list_on_the_page_and_change_no_report(
    home: Path, tmp_path: Path, quincunx: Callable[..., Any]
) -> None:
    run = evaluate_retrieval(write_gold(tmp_path / "gold"), profile=hashing_profile())
    report = (run.folder / "report.json").read_bytes()
    quincunx("eval", "tag", run.name, "kept", "--note", "<b>shipped</b>\x1b[31m")
    assert list_runs()[0].tags == ("kept",)
    assert quincunx("eval", "list", "--tag", "kept", "--json").json["runs"][0]["name"] == run.name
    assert "no run has these tags" in quincunx("eval", "list", "--tag", "kept", "--tag", "other").out
    told = quincunx("eval", "tag", run.name).out
    assert "kept" in told
    assert "shipped" in told
    assert "\x1b" not in told
    with open_run(run.name) as opened:
        page = opened.write_page(tmp_path / "page.html").read_text()
    assert "&lt;b&gt;shipped" in page
    quincunx("eval", "show", run.name)
    assert (run.folder / "report.json").read_bytes() == report


def test_old_runs_go_and_the_newest_the_young_and_the_tagged_stay(home: Path) -> None:
    begin(home, "tagged", days=90, tags=("release",))
    for days in (40, 35, 20, 1):
        begin(home, f"days-{days}", days=days)
    begin(home, "optimised", days=90, kind="optimise")
    (home / "runs" / "broken").mkdir()
    (home / "runs" / "broken" / "header.json").write_text("{}")
    before = left(home)
    assert prune_runs(older_than_days=30, dry_run=True).removed == ["days-40", "days-35"]
    assert left(home) == before
    assert prune_runs(keep=3, older_than_days=30).removed == ["days-40"]
    assert prune_runs(keep=1).removed == ["days-35", "days-20"]
    assert left(home) == ["broken", "days-1", "optimised", "tagged"]


def test_a_run_that_is_written_stays_and_is_named(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = begin(home, "written", days=9)
    begin(home, "other", days=8)
    lock = lock_for_writing(folder)
    try:
        found = prune_runs(older_than_days=1)
    finally:
        unlock(lock)
    assert (found.removed, found.busy) == (["other"], ["written"])
    assert left(home) == ["written"]
    assert "another process is writing" in caplog.text


def test_what_was_killed_halfway_is_no_run_and_goes_the_next_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(home, "old", days=9)

    def refused(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", refused)
        with pytest.raises(StorageError, match="the next `quincunx eval prune` removes what is left"):
            prune_runs(older_than_days=1)
    assert list_runs() == []
    assert left(home) != []
    prune_runs(older_than_days=1)
    assert left(home) == []


def test_bounds_that_say_nothing_are_refused(home: Path) -> None:
    begin(home, "run", days=9)
    with pytest.raises(UsageError, match="not all of them may"):
        prune_runs()
    for keep in (-1, 1.5, True):
        with pytest.raises(BoundError, match="keep must be"):
            prune_runs(keep=keep)  # type: ignore[arg-type]
    for days in (-1.0, 36_500.1, 1e300, float("nan"), float("inf")):
        with pytest.raises(BoundError, match="older_than_days must be"):
            prune_runs(older_than_days=days)
    assert left(home) == ["run"]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=8), st.integers(0, 8), st.integers(1, 60)
)
def test_no_run_goes_that_a_bound_or_a_tag_keeps(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, bool]], keep: int, days: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("home")
        patched.setenv("QUINCUNX_HOME", str(home))
        (home / "runs").mkdir()
        for number, (age, tagged) in enumerate(runs):
            begin(home, f"run-{number}", days=age + number / 1000, tags=("kept",) if tagged else ())
        newest = sorted(range(len(runs)), key=lambda number: runs[number][0] + number / 1000)[:keep]
        expected = {
            f"run-{number}"
            for number, (age, tagged) in enumerate(runs)
            if number not in newest and age + number / 1000 >= days and not tagged
        }
        assert set(prune_runs(keep=keep, older_than_days=days).removed) == expected
        assert len(left(home)) == len(runs) - len(expected)
