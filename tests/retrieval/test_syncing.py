"""An index in step with its files: what a sync and a watch do, and what they survive."""

from __future__ import annotations

import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import TORTURE
from parts import Hashing, Shortest
from store_worker import contents

from quincunx.retrieval.corpus.file_state import FileState
from quincunx.retrieval.corpus.read_report import Skip
from quincunx.retrieval.errors import CorpusError
from quincunx.retrieval.index.changes import BuildReport
from quincunx.retrieval.index.contents import index_documents, read_index
from quincunx.retrieval.index.manage import build_index, update_index
from quincunx.retrieval.index.reader import IndexReader
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.sync import sync_index, watch_index
from quincunx.retrieval.models.profiles import Profile

WORKER = Path(__file__).parents[1] / "sync_worker.py"
MODELS = Profile("hashing", Hashing, Shortest)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "leave.md").write_text("---\nteam: HR\n---\n# Leave\n\nStaff get 27 days of leave.")
    (folder / "sub" / "tea.txt").write_text("Tea is served at four.")
    (folder / "sub" / "rum.txt").write_text("Rum is served at nine.")
    return folder


def counts(report: BuildReport) -> dict[str, int]:
    names = ("added", "changed", "moved", "removed", "unchanged", "embedded")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def settled(folder: Path) -> None:
    """Date files back: of one that was written just now, its times tell nothing."""
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def build(docs: Path) -> None:
    settled(docs)
    build_index("kb", docs, profile=MODELS)


def test_what_did_not_change_is_not_read_again(home: Path, docs: Path) -> None:
    build(docs)
    report = sync_index("kb", profile=MODELS)
    assert counts(report) == {"unchanged": 3}
    assert report.reading.read == {}
    assert report.generation == 1


def test_added_changed_moved_and_removed_files_are_followed(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "sub" / "tea.txt").rename(docs / "tea.txt")
    (docs / "sub" / "rum.txt").unlink()
    (docs / "leave.md").write_text("# Leave\n\nStaff get 30 days of leave.")
    (docs / "cake.txt").write_text("Cake is served at five.")
    report = sync_index("kb", profile=MODELS)
    assert counts(report) == {"added": 1, "changed": 1, "moved": 1, "removed": 1, "embedded": 2}
    assert report.changes.moved == (("sub/tea.txt", "tea.txt"),)
    assert report.changes.removed == ("sub/rum.txt",)
    assert [document.id for document in index_documents("kb")] == ["cake.txt", "leave.md", "tea.txt"]


def test_a_file_that_was_touched_or_written_again_the_same_is_unchanged(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "leave.md").touch()
    text = (docs / "sub" / "tea.txt").read_text()
    (docs / "sub" / "tea.txt").write_text(text)
    assert counts(sync_index("kb", profile=MODELS)) == {"unchanged": 3}


def test_a_change_that_leaves_size_and_times_as_they_were_is_seen(home: Path, docs: Path) -> None:
    build(docs)
    path = docs / "sub" / "tea.txt"
    before = path.stat()
    path.write_text(path.read_text().replace("four", "five"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert counts(sync_index("kb", profile=MODELS)) == {"changed": 1, "unchanged": 2, "embedded": 1}


def test_a_change_right_after_the_build_is_seen(home: Path, docs: Path) -> None:
    build_index("kb", docs, profile=MODELS)
    (docs / "sub" / "tea.txt").write_text("Tea is served at five.")
    assert sync_index("kb", profile=MODELS).changes.changed == ("sub/tea.txt",)


def test_of_a_whole_folder_that_was_renamed_nothing_is_embedded_anew(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "sub").rename(docs / "drinks")
    report = sync_index("kb", profile=MODELS)
    assert counts(report) == {"moved": 2, "unchanged": 1}
    assert report.changes.moved == (("sub/rum.txt", "drinks/rum.txt"), ("sub/tea.txt", "drinks/tea.txt"))


def test_files_that_cannot_be_read_are_named_every_time(home: Path, docs: Path) -> None:
    (docs / "bad.md").write_bytes(b"\0")
    (docs / "none.md").write_text("")
    build(docs)
    left_out = {(docs / "bad.md", "binary"), (docs / "none.md", "empty")}
    for _ in range(2):
        skipped: tuple[Skip, ...] = sync_index("kb", profile=MODELS).reading.skipped
        assert {(Path(skip.path), skip.reason) for skip in skipped} == left_out


def test_a_document_whose_file_is_empty_now_goes_with_a_notice(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "leave.md").write_text("")
    report = sync_index("kb", profile=MODELS)
    assert report.changes.removed == ("leave.md",)
    assert any("leave.md" in notice and "empty" in notice for notice in report.notices)


def test_patterns_names_and_fields_of_the_build_are_those_of_the_sync(home: Path, docs: Path) -> None:
    build_index("kb", f"hr={docs}", profile=MODELS, exclude="sub/", fields=["office='Bremen'"])
    (docs / "sub" / "gin.txt").write_text("Gin is served at ten.")
    (docs / "new.md").write_text("# New\n\nNew things.")
    report = sync_index("kb", profile=MODELS)
    assert report.changes.added == ("hr/new.md",)
    assert {skip.reason for skip in report.reading.skipped} == {"excluded"}


def test_documents_of_an_update_from_elsewhere_are_followed_too(
    home: Path, docs: Path, tmp_path: Path
) -> None:
    build(docs)
    more = tmp_path / "more.txt"
    more.write_text("One more.")
    update_index("kb", more, profile=MODELS)
    more.write_text("Another one.")
    assert sync_index("kb", profile=MODELS).changes.changed == ("more.txt",)
    more.unlink()
    assert sync_index("kb", profile=MODELS).changes.removed == ("more.txt",)


def test_a_root_that_is_not_there_removes_nothing(home: Path, docs: Path) -> None:
    build(docs)
    docs.rename(docs.with_name("away"))
    with pytest.raises(CorpusError, match=r"no such file or folder.*nothing was changed"):
        sync_index("kb", profile=MODELS)
    assert len(index_documents("kb")) == 3


def test_an_index_of_handed_over_documents_cannot_be_synced(home: Path) -> None:
    build_index("kb", [{"id": "a", "text": "Tea."}], profile=MODELS)
    with pytest.raises(CorpusError, match="was not built from files"):
        sync_index("kb", profile=MODELS)


def test_a_build_forgets_what_it_was_built_from_before(home: Path, docs: Path, tmp_path: Path) -> None:
    build(docs)
    other = tmp_path / "other"
    other.mkdir()
    (other / "gin.txt").write_text("Gin is served at ten.")
    build_index("kb", other, profile=MODELS)
    assert list(_files(home)) == [str(other / "gin.txt")]
    build_index("kb", [{"id": "a", "text": "Tea."}], profile=MODELS)
    assert list(_files(home)) == []
    with pytest.raises(CorpusError, match="was not built from files"):
        sync_index("kb", profile=MODELS)


def test_a_dry_run_says_what_would_change_and_changes_nothing(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "sub" / "tea.txt").rename(docs / "tea.txt")
    report = sync_index("kb", profile=MODELS, dry_run=True)
    assert report.dry_run
    assert report.changes.moved == (("sub/tea.txt", "tea.txt"),)
    assert "sub/tea.txt" in {document.id for document in index_documents("kb")}


def test_a_sync_and_a_build_of_the_same_files_make_the_same_index(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "sub").rename(docs / "drinks")
    (docs / "leave.md").write_text("# Leave\n\nNone.")
    sync_index("kb", profile=MODELS)
    build_index("again", docs, profile=MODELS)
    assert _said(home, "kb") == _said(home, "again")


def test_a_sync_without_changes_writes_nothing(home: Path, docs: Path) -> None:
    build(docs)
    sync_index("kb", profile=MODELS)
    database = home / "indexes" / "kb" / "index.sqlite"
    before = database.read_bytes()
    sync_index("kb", profile=MODELS)
    assert database.read_bytes() == before


class Watched:
    """A watch in a thread of its own."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._reports = queue.Queue[BuildReport]()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        self.first = self.next()

    def _watch(self) -> None:
        for report in watch_index("kb", profile=MODELS, stop=self._stop):
            self._reports.put(report)

    def next(self) -> BuildReport:
        return self._reports.get(timeout=60)

    def end(self) -> list[BuildReport]:
        """Stop, and return the reports that nobody asked for."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        return list(self._reports.queue)


@pytest.fixture
def watched(home: Path, docs: Path) -> Iterator[Watched]:
    build(docs)
    watching = Watched()
    yield watching
    watching.end()


def test_a_watch_begins_with_what_was_missed(home: Path, docs: Path) -> None:
    build(docs)
    (docs / "cake.txt").write_text("Cake is served at five.")
    watching = Watched()
    assert watching.first.changes.added == ("cake.txt",)
    assert watching.end() == []


def test_a_watch_follows_files_that_are_written_moved_and_removed(watched: Watched, docs: Path) -> None:
    (docs / "cake.txt").write_text("Cake is served at five.")
    assert watched.next().changes.added == ("cake.txt",)
    (docs / "cake.txt").rename(docs / "sub" / "cake.txt")
    assert watched.next().changes.moved == (("cake.txt", "sub/cake.txt"),)
    (docs / "sub" / "cake.txt").unlink()
    assert watched.next().changes.removed == ("sub/cake.txt",)


def test_a_burst_of_writes_is_one_change(watched: Watched, docs: Path) -> None:
    for number in range(20):
        (docs / f"{number}.txt").write_text(f"Note {number}.")
        time.sleep(0.02)
    assert watched.next().added == 20
    assert watched.end() == []


def test_the_temporary_files_of_editors_are_no_documents(watched: Watched, docs: Path) -> None:
    (docs / ".leave.md.swp").write_bytes(b"b0VIM 8.2\0")
    (docs / "leave.md~").write_text("# Leave\n\nAs it was.")
    (docs / "4913").write_text("")
    new = docs / ".leave.md.tmp"
    new.write_text("# Leave\n\nStaff get 30 days of leave.")
    new.rename(docs / "leave.md")  # as editors save
    report = watched.next()
    assert (report.changes.changed, report.added, report.removed) == (("leave.md",), 0, 0)


def test_a_watch_waits_for_another_writer(watched: Watched, home: Path, docs: Path) -> None:
    with Store(home / "indexes" / "kb").write():
        (docs / "cake.txt").write_text("Cake is served at five.")
        time.sleep(2.5)
    assert watched.next().changes.added == ("cake.txt",)


def test_a_watch_goes_on_when_its_folder_was_away(watched: Watched, docs: Path) -> None:
    away = docs.with_name("away")
    (docs / "sub").rename(away)
    assert watched.next().removed == 2
    away.rename(docs / "sub")
    assert watched.next().added == 2


FILES = 40
CHANGED, MOVED, REMOVED, ADDED = range(4), range(4, 8), range(8, 12), range(FILES, FILES + 4)


def write(docs: Path) -> None:
    docs.mkdir()
    for number in range(FILES):
        (docs / f"{number}.txt").write_text(f"This is the note of number {number}.")
    settled(docs)


def change(docs: Path) -> None:
    for number in CHANGED:
        (docs / f"{number}.txt").write_text(f"This is another note of number {number}.")
    for number in MOVED:
        (docs / f"{number}.txt").rename(docs / f"moved-{number}.txt")
    for number in REMOVED:
        (docs / f"{number}.txt").unlink()
    for number in ADDED:
        (docs / f"{number}.txt").write_text(f"This is the new note of number {number}.")


@pytest.mark.torture
def test_killed_at_any_moment_the_next_sync_ends_the_same(home: Path, tmp_path: Path) -> None:
    docs, kept = tmp_path / "docs", tmp_path / "kept"
    write(docs)
    build_index("kb", docs, profile=MODELS)
    before = _said(home, "kb")
    shutil.copytree(home, kept)
    change(docs)
    sync_index("kb", profile=MODELS)
    after = _said(home, "kb")
    assert before != after
    moments = random.Random(17)
    for _ in range(30 if TORTURE else 3):
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        kill_after(moments.uniform(0.0, 0.35), start("sync"))
        assert _said(home, "kb") in (before, after)
        sync_index("kb", profile=MODELS)
        assert _said(home, "kb") == after


@pytest.mark.torture
def test_killed_at_any_moment_of_a_watch_the_next_sync_ends_the_same(home: Path, tmp_path: Path) -> None:
    docs, files, kept = tmp_path / "docs", tmp_path / "files", tmp_path / "kept"
    write(docs)
    build_index("kb", docs, profile=MODELS)
    before = _said(home, "kb")
    shutil.copytree(home, kept)
    shutil.copytree(docs, files)
    change(docs)
    sync_index("kb", profile=MODELS)
    after = _said(home, "kb")
    moments = random.Random(18)
    for _ in range(30 if TORTURE else 2):
        for folder, original in ((home, kept), (docs, files)):
            shutil.rmtree(folder)
            shutil.copytree(original, folder)
        worker = start("watch")
        change(docs)
        kill_after(moments.uniform(0.0, 2.0), worker)
        assert {id for id, *_ in _said(home, "kb")} <= {id for id, *_ in [*before, *after]}
        sync_index("kb", profile=MODELS)
        assert _said(home, "kb") == after


def start(what: str) -> subprocess.Popen[str]:
    """Start a worker, and return once it is at work."""
    process = subprocess.Popen(
        [sys.executable, "-B", str(WORKER), "kb", what], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def kill_after(seconds: float, process: subprocess.Popen[str]) -> None:
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _files(home: Path) -> dict[str, FileState]:
    return read_index(home / "indexes" / "kb", IndexReader.files)


def _said(home: Path, name: str) -> list[tuple[str, str, str]]:
    return [(document.id, document.title, document.text) for document in contents(home / "indexes" / name)]
