"""Snapshots in parts: a change writes what changed, and finds what an index written as a whole finds."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from conftest import TORTURE
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import Hashing

from quincunx.retrieval.index.build import build, compact, delete, update
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.vectors import snapshot
from quincunx.retrieval.index.vectors.faiss_part import Kind, VectorPart
from quincunx.retrieval.index.vectors.snapshot import FOLDER, Snapshot
from quincunx.retrieval.index.vectors.vector_index import VectorIndex
from quincunx.retrieval.index.view import OpenIndex, View
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import DATABASE

DIMS = 16


def documents(first: int, last: int, version: int = 0) -> list[Document]:
    return [Document(f"d{i}", "", f"Text {i} of version {version}.") for i in range(first, last)]


def snapshot_of(folder: Path) -> Snapshot:
    with Store(folder).read() as reading:
        assert reading.faults() == []
        return reading.snapshot


def held(folder: Path) -> dict[str, int]:
    """Return the bytes of each file of snapshots."""
    return {path.name: path.stat().st_size for path in (folder / FOLDER).iterdir()}


def found(folder: Path, question: str = "Text 7") -> dict[str, float]:
    """Return the cosine of every passage that the dense stage finds."""
    result = Searcher(folder, Hashing(), None).search(question, SearchSettings(k=1000, n=1, depth=1000))
    return {candidate.passage.id: candidate.dense_score for candidate in result.candidates}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_change_writes_its_own_vectors_alone(tmp_path: Path, kind: Kind) -> None:
    build(tmp_path, documents(0, 2000), Hashing(), kind=kind)
    before = held(tmp_path)
    update(tmp_path, documents(0, 20, version=1), Hashing())
    after = held(tmp_path)
    written = sum(size for name, size in after.items() if name not in before)
    assert before.items() <= after.items()
    assert 0 < written < 3 * 20 * (4 * DIMS + 16)
    written_last = snapshot_of(tmp_path)
    assert [part.passages for part in written_last.parts] == [2000, 20]
    assert (written_last.kind, written_last.gone is None) == (kind, False)


def test_what_is_removed_costs_its_numbers_and_no_vector(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 2000), Hashing())
    before = held(tmp_path)
    delete(tmp_path, [f"d{i}" for i in range(20)])
    assert [size for name, size in held(tmp_path).items() if name not in before] == [20 * 8]
    assert [part.passages for part in snapshot_of(tmp_path).parts] == [2000]


def test_small_parts_are_put_together_and_a_worn_index_is_written_anew(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 400), Hashing())
    most = 0
    for step in range(20):
        update(tmp_path, documents(1000 + 4 * step, 1004 + 4 * step), Hashing())
        most = max(most, len(snapshot_of(tmp_path).parts))
    assert most <= 5
    delete(tmp_path, [f"d{i}" for i in range(130)])
    anew = snapshot_of(tmp_path)
    assert (anew.gone, [part.passages for part in anew.parts]) == (None, [350])
    assert len(held(tmp_path)) <= 1 + most + 1  # those of the generation before, for readers that are at it


@settings(max_examples=150 if TORTURE else 15, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.booleans(), st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=8
    ),
    kind=st.sampled_from(["flat", "hnsw"]),
    full=st.sampled_from([1, 7, 25, 100_000]),
)
def test_any_changes_leave_an_index_that_finds_what_one_written_as_a_whole_finds(
    changes: list[tuple[bool, int, int]], kind: Kind, full: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "FULL_PART", 4 * DIMS * full)
        _change_and_compare(changes, kind, tmp_path_factory)


def _change_and_compare(
    changes: list[tuple[bool, int, int]], kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, whole = tmp_path_factory.mktemp("parts"), tmp_path_factory.mktemp("whole")
    present = {document.id: document for document in documents(0, 60)}
    build(folder, present.values(), Hashing(), kind=kind)
    for version, (adds, first, count) in enumerate(changes, start=1):
        some = documents(first, first + count, version)
        if adds:
            update(folder, some, Hashing())
            present |= {document.id: document for document in some}
        else:
            gone = [document.id for document in some if document.id in present][: len(present) - 1]
            if gone:
                delete(folder, gone)
            present = {id: document for id, document in present.items() if id not in gone}
    snapshot_of(folder)
    build(whole, present.values(), Hashing())
    assert found(folder) == pytest.approx(found(whole), abs=1e-6)


@pytest.mark.parametrize("kind", ["flat", "fp16", "int8"])
def test_what_is_written_as_a_whole_is_written_in_full_parts_and_finds_the_same(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, documents(0, 250), Hashing(), kind=kind)
    expected, recall = found(tmp_path), snapshot_of(tmp_path).recall
    monkeypatch.setattr(snapshot, "FULL_PART", 4 * DIMS * 100)
    compact(tmp_path)
    assert [part.passages for part in snapshot_of(tmp_path).parts] == [100, 100, 50]
    assert found(tmp_path) == pytest.approx(expected, abs={"flat": 1e-6, "fp16": 1e-3, "int8": 2e-2}[kind])
    assert snapshot_of(tmp_path).recall == pytest.approx(recall, abs=0.02)


def test_a_part_that_is_full_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FULL_PART", 4 * DIMS * 100)
    build(tmp_path, documents(0, 230), Hashing())
    full = [part.file for part in snapshot_of(tmp_path).parts[:2]]
    for step in range(9):
        update(tmp_path, documents(1000 + 20 * step, 1020 + 20 * step), Hashing())
        parts = snapshot_of(tmp_path).parts
        assert [part.file for part in parts[:2]] == full
        assert all(part.passages <= 100 for part in parts)
    assert len(found(tmp_path)) == 410


@pytest.mark.skipif(sys.platform != "linux", reason="what is mapped is read from /proc")
def test_a_snapshot_is_mapped_and_outlives_its_name(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 200), Hashing())
    opened = OpenIndex(tmp_path, Hashing().identity)
    [part] = snapshot_of(tmp_path).parts
    path = tmp_path / FOLDER / part.file
    assert str(path) in Path("/proc/self/maps").read_text()
    question = Hashing().embed_questions(["Text 7"])
    with opened.view() as view:
        before = view.dense(question, 20)
        path.unlink()
        assert view.dense(question, 20) == before


def test_a_number_that_is_gone_from_a_part_is_not_given_again(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 200), Hashing())
    delete(tmp_path, ["d199"])  # which has the highest number
    update(tmp_path, [Document("new", "", "Text 199 of version 0, and more.")], Hashing())
    assert set(found(tmp_path)) == {*(f"d{i}" for i in range(199)), "new"}
    snapshot_of(tmp_path)


def loaded_parts(view: View) -> Sequence[VectorPart]:
    index = view._loaded.index
    assert isinstance(index, VectorIndex)
    return index.parts


def test_an_open_index_reads_the_parts_that_it_does_not_have(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 200), Hashing())
    opened = OpenIndex(tmp_path, Hashing().identity)
    with opened.view() as view:
        [first] = loaded_parts(view)
    (tmp_path / FOLDER / snapshot_of(tmp_path).parts[0].file).chmod(0o000)
    update(tmp_path, documents(300, 304), Hashing())
    with opened.view() as view:
        parts = loaded_parts(view)
    assert (parts[0] is first, len(parts[1].numbers)) == (True, 4)


def test_a_snapshot_of_one_file_is_read_as_it_was_written_before_there_were_parts(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 100), Hashing())
    expected, [part] = found(tmp_path), snapshot_of(tmp_path).parts
    old = {
        "file": part.file,
        "size": part.size,
        "sha256": part.sha256,
        "kind": "flat",
        "dims": DIMS,
        "recall": 1.0,
    }
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'snapshot'", (json.dumps(old),))
    connection.close()
    assert found(tmp_path) == expected
    update(tmp_path, documents(100, 101), Hashing())
    assert [part.passages for part in snapshot_of(tmp_path).parts] == [101]


def test_ties_over_several_parts_are_all_returned() -> None:
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (20, 1))
    parts = [
        VectorPart.make(np.arange(first, first + 20, dtype=np.int64), vectors, "flat")
        for first in (0, 20, 40)
    ]
    index = VectorIndex(parts, "flat", np.arange(5, 25, dtype=np.int64))
    assert {number for number, _ in index.best(vectors[:1], 3)} == {*range(5), *range(25, 60)}
    assert {number for number, _ in index.best(vectors[:1], 3, np.array([1, 30, 59]))} == {1, 30, 59}


def test_writing_anew_leaves_one_part(tmp_path: Path) -> None:
    build(tmp_path, documents(0, 100), Hashing())
    update(tmp_path, documents(0, 5, version=1), Hashing())
    expected = found(tmp_path)
    compact(tmp_path)
    snapshot = snapshot_of(tmp_path)
    assert (len(snapshot.parts), snapshot.gone) == (1, None)
    assert found(tmp_path) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("which", ["part", "gone"])
@pytest.mark.parametrize("fault", ["missing", "cut off"])
def test_a_change_makes_good_a_file_that_is_missing_or_cut_off(
    tmp_path: Path, which: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path, documents(0, 100), Hashing())
    update(tmp_path, documents(0, 5, version=1), Hashing())
    snapshot = snapshot_of(tmp_path)
    file = snapshot.parts[0] if which == "part" else snapshot.gone
    assert file is not None
    path = tmp_path / FOLDER / file.file
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    update(tmp_path, documents(100, 101), Hashing())
    assert "all vectors are written anew" in caplog.text
    assert [part.passages for part in snapshot_of(tmp_path).parts] == [101]
