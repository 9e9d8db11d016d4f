"""Readers without the right to write see each generation when it is published, whole, or are told why not.

A reader is a process of its own: as another user, who may only read, or on another mount of the folder that is read-only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import TORTURE
from parts import Hashing

from quincunx.retrieval.index.build import build, compact, delete, update
from quincunx.retrieval.index.sqlite import access as reading_access
from quincunx.retrieval.index.sqlite.access import access_to, keep_log_files
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import DATABASE

READER = Path(__file__).parents[1] / "read_only_reader.py"
DOCUMENTS = 40
NOBODY = 65534


def documents(version: int) -> list[Document]:
    return [
        Document(f"d{i}", "", f"alpha of version {version} number {i} " + "word " * 50, {"version": version})
        for i in range(DOCUMENTS)
    ]


class Reader:
    """A process that may only read."""

    def __init__(self, folder: Path, *, user: int | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", str(READER), str(folder), *([] if user is None else [str(user)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("x\n")
        self._process.stdin.flush()
        answered: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answered

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def is_of(answer: dict[str, Any], version: int, generation: int | None = None) -> bool:
    expected = {"generation": generation or version, "versions": [version], "count": DOCUMENTS, "notes": []}
    return answer == expected


StartReader = Callable[[Path], Reader]


@pytest.fixture(params=["another user", "read-only mount"])
def start(request: pytest.FixtureRequest) -> Iterator[StartReader]:
    """Start a reader of an index's folder that may not write it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for mounts and for other users")
    mounted: list[Path] = []
    readers: list[Reader] = []

    def another_user(folder: Path) -> Reader:
        readers.append(Reader(folder, user=NOBODY))
        return readers[-1]

    def read_only_mount(folder: Path) -> Reader:
        mount = folder.with_name(f"{folder.name}-ro{len(mounted)}")
        mount.mkdir()
        bound = subprocess.run(["mount", "--bind", folder, mount], capture_output=True, check=False)
        if bound.returncode:
            pytest.skip(f"mounts are not allowed here: {bound.stderr.decode()}")
        mounted.append(mount)
        subprocess.run(["mount", "-o", "remount,bind,ro", mount], check=True)
        readers.append(Reader(mount))
        return readers[-1]

    yield another_user if request.param == "another user" else read_only_mount
    for reader in readers:
        reader.close()
    for mount in mounted:
        subprocess.run(["umount", mount], check=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="quincunx-ro-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "index"


@pytest.mark.parametrize("held", [False, True])
def test_every_generation_is_seen_once_it_is_published(folder: Path, start: StartReader, held: bool) -> None:
    build(folder, documents(1), Hashing())
    writers_own = Searcher(folder, Hashing(), None) if held else None
    reader = start(folder)
    assert is_of(reader.ask(), 1)
    for version in (2, 3):
        update(folder, documents(version), Hashing())
        if writers_own is not None:
            writers_own.search("alpha")
        assert is_of(reader.ask(), version)
        assert is_of(start(folder).ask(), version)
    assert compact(folder) == 4
    assert is_of(reader.ask(), 3, generation=4)
    delete(folder, ["d0"])
    assert reader.ask()["count"] == DOCUMENTS - 1
    build(folder, documents(9), Hashing(), fresh=True)
    assert is_of(reader.ask(), 9, generation=1)


def test_no_answer_is_torn_or_older_than_what_was_published(folder: Path, start: StartReader) -> None:
    build(folder, documents(1), Hashing())
    reader = start(folder)
    assert is_of(reader.ask(), 1)
    published, last = [1], 120 if TORTURE else 25

    def write() -> None:
        for version in range(2, last + 1):
            update(folder, documents(version), Hashing())
            published[0] = version

    writer = threading.Thread(target=write)
    writer.start()
    answers = 0
    while writer.is_alive():
        before = published[0]
        answer = reader.ask()
        assert is_of(answer, answer.get("generation", 0)), answer
        assert before <= answer["generation"] <= published[0] + 1
        answers += 1
    writer.join()
    assert is_of(reader.ask(), last)
    assert answers >= 5


def test_a_writer_killed_anywhere_leaves_what_readers_can_read(folder: Path, start: StartReader) -> None:
    build(folder, documents(1), Hashing())
    reader = start(folder)
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from parts import Hashing; from retrieval.test_read_only import documents\n"
        "from quincunx.retrieval.index.build import update\n"
        "print('ready', flush=True)\n"
        "for version in range(2, 10**6): update(Path(sys.argv[1]), documents(version), Hashing())\n"
    )
    newest = 1
    for wait in [0.05 * n for n in range(1, 15 if TORTURE else 5)]:
        writer = subprocess.Popen(
            [sys.executable, "-B", "-c", code, str(folder), str(READER.parent)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        with Store(folder).read() as reading:
            assert reading.faults() == []
            generation = reading.generation
        for answer in (reader.ask(), start(folder).ask()):
            assert answer["generation"] == generation >= newest
            assert len(answer["versions"]) == 1
            assert answer["count"] == DOCUMENTS
        newest = generation


def test_without_the_files_of_the_log_the_database_is_read_alone_until_a_writer_brings_them(
    folder: Path, start: StartReader
) -> None:
    build(folder, documents(1), Hashing())
    for suffix in ("-wal", "-shm"):
        Path(f"{folder / DATABASE}{suffix}").unlink()
    reader = start(folder)
    assert is_of(reader.ask(), 1)
    for version in (2, 3):
        update(folder, documents(version), Hashing())
        assert is_of(reader.ask(), version)


def test_a_log_without_its_index_is_read_from_a_copy(folder: Path, start: StartReader) -> None:
    """As of a folder that was copied while it was written."""
    build(folder, documents(1), Hashing())
    held = Store(folder)
    with held.read():  # which keeps the second generation in the log
        update(folder, documents(2), Hashing())
        shutil.copytree(folder, folder.with_name("copied"))
    held.close()
    copied = folder.with_name("copied")
    Path(f"{copied / DATABASE}-shm").unlink()
    assert Path(f"{copied / DATABASE}-wal").stat().st_size > 0
    before = {path.name for path in copied.iterdir()}
    reader = start(copied)
    assert is_of(reader.ask(), 2)
    assert {path.name for path in copied.iterdir()} == before
    update(copied, documents(3), Hashing())
    assert is_of(reader.ask(), 3)


def as_if_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the right to write away; root has it always."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)


def test_on_a_network_file_system_the_result_says_what_may_be_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, documents(1), Hashing())
    as_if_read_only(monkeypatch)
    monkeypatch.setattr(reading_access, "network_of", lambda path: "nfs4")
    searcher = Searcher(tmp_path, Hashing(), None)
    for version in (1, 2):
        found = searcher.search("alpha", SearchSettings(k=100))
        assert {c.passage.metadata["version"] for c in found.candidates} == {version}
        (note,) = found.notes
        assert "network file system (nfs4)" in note
        assert "may not be seen yet" in note
        with monkeypatch.context() as writer:
            writer.undo()
            update(tmp_path, documents(version + 1), Hashing())
        as_if_read_only(monkeypatch)
        monkeypatch.setattr(reading_access, "network_of", lambda path: "nfs4")


def test_what_changes_while_it_is_read_alone_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, documents(1), Hashing())
    for suffix in ("-wal", "-shm"):
        Path(f"{tmp_path / DATABASE}{suffix}").unlink()

    class Changing(Hashing):
        """An embedder during whose first question the index is written."""

        changed = False

        def embed_questions(self, texts: Any) -> Any:
            if not self.changed and "alpha" in texts:
                self.changed = True
                with monkeypatch.context() as writer:
                    writer.setattr(os, "access", lambda path, mode: True)
                    update(tmp_path, documents(2), Hashing())
            return super().embed_questions(texts)

    as_if_read_only(monkeypatch)
    assert access_to(tmp_path / DATABASE).way == "alone"
    found = Searcher(tmp_path, Changing(), None).search("alpha", SearchSettings(k=100))
    assert found.generations == {tmp_path.name: 2}
    assert {c.passage.metadata["version"] for c in found.candidates} == {2}


def test_the_files_of_the_log_belong_to_the_owner_of_the_database(tmp_path: Path) -> None:
    build(tmp_path, documents(1), Hashing())
    database = tmp_path / DATABASE
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink()
    database.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(database, NOBODY, NOBODY)
    keep_log_files(database)
    for suffix in ("-wal", "-shm"):
        status, owner = Path(f"{database}{suffix}").stat(), database.stat()
        assert (status.st_mode, status.st_uid, status.st_gid) == (owner.st_mode, owner.st_uid, owner.st_gid)
        assert status.st_size == 0
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (DOCUMENTS,)
