"""Files that are made to harm: each is read, or left out with its reason, within bounds of time and memory.

Nothing is fetched, nothing is run, nothing is written, and no other file is read. Each file is read by a process of its own, whose
peak is measured; the files are small samples, and full-sized under ``make torture``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import TORTURE
from hostile_files import MAKERS, Lab

from quincunx.retrieval.corpus.read_report import REASONS
from quincunx.retrieval.text.readers.registry import read_suffixes

WORKER = Path(__file__).parents[1] / "hostile_worker.py"
MOST_SECONDS = 75
"""Within which any hostile file here is done with; the bound of a PDF file is 60."""
MOST_MIB = 1_200
"""Most memory, in mebibytes, of any process that reads one: of the reader's 1,152 and the rest of Python."""
AT_ONCE = 2.0
"""Seconds within which a file is left out that is not looked into."""
SECRET = "the-heron-keeps-the-key"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


class Reading:
    """What reads folders, and a server that nothing may ask."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.asked: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        secret = base / "secret.txt"
        secret.write_text(SECRET)
        self.lab = Lab(base, f"http://127.0.0.1:{self._server.getsockname()[1]}", secret)
        self._worker = subprocess.Popen(
            [sys.executable, str(WORKER), str(MOST_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=base,
        )

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.asked.append(connection.recv(1000))
            connection.close()

    def read(self, folder: Path) -> dict[str, Any]:
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(f"{folder}\n")
        self._worker.stdin.flush()
        found: dict[str, Any] = json.loads(self._worker.stdout.readline())
        return found

    def close(self) -> None:
        self._worker.communicate()
        self._server.close()


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    reading = Reading(tmp_path_factory.mktemp("hostile"))
    yield reading
    reading.close()


def everything_in(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_size) for path in folder.rglob("*"))


@pytest.mark.torture
@pytest.mark.parametrize("name", MAKERS)
def test_a_hostile_file_is_read_or_left_out_within_bounds(reading: Reading, name: str) -> None:
    reason, make = MAKERS[name]
    folder = reading.base / name.replace(".", "-")
    folder.mkdir()
    make(reading.lab, folder / name)
    before = everything_in(reading.base)
    found = reading.read(folder)
    after = everything_in(reading.base)
    shutil.rmtree(folder)
    sys.stderr.write(
        f"\n{name}: {found.get('seconds')} s, {found.get('mebibytes')} MiB, {found.get('reasons')}\n"
        if TORTURE
        else ""
    )
    assert "crash" not in found, found
    assert found["reasons"] == ([reason] if reason else []), found
    assert bool(found["documents"]) == (not reason)
    assert found["seconds"] < MOST_SECONDS
    assert found["mebibytes"] < MOST_MIB
    assert found["seen"] == []
    assert SECRET not in json.dumps(found)
    assert reading.asked == []
    assert after == before


def test_no_reason_is_unknown() -> None:
    assert {reason for reason, _ in MAKERS.values()} <= REASONS.keys() | {""}


def test_markup_of_a_page_is_not_read_as_text(reading: Reading) -> None:
    folder = reading.base / "page"
    folder.mkdir()
    for name in ("asks_for_everything.html", "outer_picture.md", "html_mail.eml"):
        MAKERS[name][1](reading.lab, folder / name)
    found = reading.read(folder)
    text = found["text"].replace("<script>alert(2)</script>", "", 1)  # which is shown as text
    assert found["documents"] == 3
    assert "javascript:" not in text
    assert "data:" not in text
    assert "alert" not in text
    assert "@import" not in text
    assert reading.asked == []


def test_formulas_are_texts(reading: Reading) -> None:
    folder = reading.base / "formulas"
    folder.mkdir()
    for name in ("formulas.xlsx", "formulas.csv"):
        MAKERS[name][1](reading.lab, folder / name)
    found = reading.read(folder)
    assert found["documents"] == 5
    assert "=cmd|'/C calc'!A0" in found["text"].replace("\\", "")
    assert "=HYPERLINK" in found["text"]
    assert "click" in found["text"]
    assert reading.asked == []


def test_a_sparse_file_of_2_gib_is_left_out_at_once_under_every_ending(reading: Reading) -> None:
    folder = reading.base / "sparse"
    folder.mkdir()
    for suffix in read_suffixes():
        with (folder / f"sparse{suffix}").open("wb") as stream:
            stream.truncate(2 * 1024**3)
    found = reading.read(folder)
    assert found["reasons"] == ["too_large"]
    assert found["skipped"] == len(read_suffixes()) > 30
    assert found["seconds"] < AT_ONCE
    assert [one for one in found["opened"] if "sparse." in one] == []


def test_what_is_no_file_is_never_opened(reading: Reading) -> None:
    folder = reading.base / "no-files"
    folder.mkdir()
    suffixes = read_suffixes()
    listening = []
    for suffix in suffixes:
        os.mkfifo(folder / f"pipe{suffix}")
        (folder / f"zero{suffix}").symlink_to("/dev/zero")
        (folder / f"terminal{suffix}").symlink_to("/dev/tty")
        (folder / f"pipe-behind-a-link{suffix}").symlink_to(folder / f"pipe{suffix}")
        (folder / f"folder{suffix}").mkdir()
    here = os.getcwd()
    try:
        os.chdir(folder)  # the path of a socket is short
        for suffix in suffixes:
            listening.append(socket.socket(socket.AF_UNIX))
            listening[-1].bind(f"socket{suffix}")
    finally:
        os.chdir(here)
    found = reading.read(folder)
    for each in listening:
        each.close()
    assert found["reasons"] == ["already_read", "not_a_file"]  # a folder once it was read by its own name
    assert found["skipped"] >= 4 * len(suffixes)
    assert found["documents"] == 0
    assert found["seconds"] < 2 * AT_ONCE
    assert [one for one in found["opened"] if "ignore" not in one] == []
