"""``quincunx index sync``, ``watch`` and ``fields``, and ``--map``, as a person types them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "leave.md").write_text(
        "---\nteam: HR\nsince: 2026-02-01\n---\n# Leave\n\nStaff get 27 days of leave."
    )
    (folder / "faq.csv").write_text("question,answer,views\nWhen is tea?,Tea is served at four.,17\n")
    return folder


def test_sync_tells_what_changed(quincunx: Any, home: Path, docs: Path) -> None:
    quincunx("index", "build", "kb", str(docs))
    (docs / "leave.md").rename(docs / "holidays.md")
    (docs / "faq.csv").unlink()
    (docs / "rum.txt").write_text("Rum is served at nine.")
    dry = quincunx("index", "sync", "kb", "--dry-run").out
    assert "leave.md → holidays.md" in dry
    synced = quincunx("index", "sync", "kb", "--json").json
    assert [synced[count] for count in ("added", "moved", "removed", "embedded")] == [1, 1, 1, 1]


def test_a_folder_that_is_away_is_one_error(quincunx: Any, home: Path, docs: Path) -> None:
    quincunx("index", "build", "kb", str(docs))
    docs.rename(docs.with_name("away"))
    done = quincunx("index", "sync", "kb", "--json")
    assert done.status == 1
    assert done.json["error"]["code"] == "bad_corpus"


def test_fields_are_listed_with_kinds_and_examples(quincunx: Any, home: Path, docs: Path) -> None:
    quincunx("index", "build", "kb", str(docs))
    fields = {field["name"]: field for field in quincunx("index", "fields", "kb", "--json").json["fields"]}
    assert fields["views"] == {"name": "views", "documents": 1, "kinds": {"number": 1}, "examples": [17]}
    assert fields["since"]["kinds"] == {"text": 1, "date": 1}
    assert sorted(fields["file.kind"]["examples"]) == ["csv", "markdown"]
    table = quincunx("index", "fields", "kb").out
    assert all(name in table for name in fields)


def test_map_says_which_field_is_what_and_is_remembered(quincunx: Any, home: Path, docs: Path) -> None:
    options = ("--map", "text=answer", "--map", "title=question", "--map", "team='support'")
    quincunx("index", "build", "kb", str(docs / "faq.csv"), *options)
    asked = quincunx("ask", "chat_bridge", "When is tea served?", "--index", "kb", "--json").json
    assert asked["citations"][0]["quote"] == "Tea is served at four."
    assert asked["citations"][0]["url"] == "faq.csv#row=2"
    (docs / "faq.csv").write_text("question,answer,views\nWhen is tea?,Tea is served at five.,17\n")
    assert quincunx("index", "sync", "kb", "--json").json["changed"] == 1
    found = quincunx("search", "kb", "tea", "--where", "team=support", "--json").json
    assert found["passages"][0]["text"] == "Tea is served at five."


def test_a_map_that_cannot_be_read_is_one_error(quincunx: Any, home: Path, docs: Path) -> None:
    done = quincunx("index", "build", "kb", str(docs), "--map", "text")
    assert done.status == 2
    assert "NAME=FIELD" in done.err


@pytest.fixture
def _heed_interrupts() -> Iterator[None]:
    """What is begun in the background of a shell ignores interrupts, and so would a process that it begins."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heed_interrupts")
def test_watch_writes_a_line_for_each_change_until_it_is_interrupted(
    quincunx: Any, home: Path, docs: Path
) -> None:
    quincunx("index", "build", "kb", str(docs))
    command = [sys.executable, "-m", "quincunx.app", "index", "watch", "kb", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["unchanged"] == 2
        (docs / "rum.txt").write_text("Rum is served at nine.")
        assert json.loads(process.stdout.readline())["added"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
