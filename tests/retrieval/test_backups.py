"""A copy that SQLite makes of an index's database, as docs/operating.md says, is whole while a writer works, and becomes the index."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from quincunx.retrieval.corpus.beir import BEIR_CORPUS
from quincunx.retrieval.index.contents import export_index, verify_index
from quincunx.retrieval.index.manage import build_index, compact_index, update_index
from quincunx.retrieval.storage.home import DATABASE, HOME_VARIABLE, index_folder

PAIR = ("first", "second")
VERSIONS = 8


def write_version(folder: Path, version: int) -> Path:
    """Write a corpus of two documents that are only ever changed together."""
    folder.mkdir(exist_ok=True)
    path = folder / BEIR_CORPUS
    lines = [{"_id": id, "title": id, "text": f"The {id} of two stands at version {version}."} for id in PAIR]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def copy_database(database: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True)
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def test_copies_made_while_a_writer_works_are_whole_and_can_be_restored(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index("pair", write_version(tmp_path / "corpus", 0))
    database = index_folder("pair") / DATABASE
    written = threading.Event()

    def write() -> None:
        for version in range(1, VERSIONS):
            update_index("pair", write_version(tmp_path / "corpus", version))
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    homes: list[Path] = []
    while not written.wait(0.02) or not homes:
        homes.append(tmp_path / f"restored-{len(homes)}")
        copy_database(database, homes[-1] / "indexes" / "pair" / DATABASE)
        if not writer.is_alive():
            break
    writer.join()
    assert written.is_set()
    seen = set()
    for restored in homes[:: max(1, len(homes) // 10)]:
        monkeypatch.setenv(HOME_VARIABLE, str(restored))
        compact_index("pair")
        assert verify_index("pair") == []
        export_index("pair", restored / "documents")
        lines = (restored / "documents" / BEIR_CORPUS).read_text("utf-8").splitlines()
        versions = {json.loads(line)["text"].split()[-1] for line in lines}
        assert len(lines) == len(PAIR)
        assert len(versions) == 1
        seen |= versions
    assert len(seen) > 1
