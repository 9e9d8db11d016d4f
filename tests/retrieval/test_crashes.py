"""What the store promises, held against kills and failing disks.

1. Killed at any system call that touches the store, the index opens and holds the last acknowledged state, or
   the complete one after it; never anything between.
2. Run again, the change completes.
3. A write or a flush that fails is one typed error, and the state before it is still served.
4. Damage to a snapshot is always seen before use, and made good from the database with a notice.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import TORTURE
from parts import Hashing
from store_worker import AFTER, BASE, contents, work

from quincunx.retrieval.errors import IndexStateError, StorageError
from quincunx.retrieval.index.build import build, compact, delete
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.vectors.snapshot import FOLDER, Snapshot, read_snapshot
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

WORKER = Path(__file__).parents[1] / "store_worker.py"
TOUCHING = "pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink,mkdir"
FAILING = "pwrite64,write,fsync,fdatasync,ftruncate"


def strace(*arguments: str, folder: Path, operation: str) -> subprocess.CompletedProcess[str]:
    command = ["strace", "-f", "-qq", *arguments, sys.executable, "-B", str(WORKER)]
    return subprocess.run([*command, str(folder), operation], capture_output=True, text=True, check=False)


def can_trace() -> bool:
    if not shutil.which("strace"):
        return False
    probe = ["strace", "-f", "-qq", "-e", "trace=fsync", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.torture
needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed, or not allowed to trace")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "index"
    work(folder, "build")
    return folder


def start(built: Path, folder: Path, operation: str) -> list[Document] | None:
    """Put the folder into the state before an operation, and return what it holds."""
    shutil.rmtree(folder, ignore_errors=True)
    if operation == "build":
        return None
    shutil.copytree(built, folder)
    return BASE


def state(folder: Path) -> list[Document] | None:
    """Return what the index holds, every part of it checked; ``None`` before the first generation."""
    try:
        documents = contents(folder)
    except (IndexStateError, StorageError):
        return None
    store = Store(folder)
    with store.read() as reading:
        assert reading.faults() == []
    store.close()
    result = Searcher(folder, Hashing(), None).search("document", SearchSettings(k=100, n=5))
    assert {c.passage.document_id for c in result.candidates} == {d.id for d in documents}
    assert result.notes == ()
    return documents


def same(one: list[Document] | None, other: list[Document] | None) -> bool:
    return one == other if one is None or other is None else sorted(one, key=str) == sorted(other, key=str)


def points(built: Path, folder: Path, operation: str, calls: str) -> list[tuple[str, int]]:
    """Return every (system call, how many-th) that an operation makes to change the store."""
    log = folder.parent / "trace"
    start(built, folder, operation)
    done = strace("-e", f"trace={calls}", "-o", str(log), folder=folder, operation=operation)
    assert done.returncode == 0, done.stderr
    counts = Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    return [(call, nth) for call, count in sorted(counts.items()) for nth in range(1, count + 1)]


def sample(every: list[tuple[str, int]], count: int) -> Iterator[tuple[str, int]]:
    yield from every if TORTURE else random.Random(7).sample(every, min(count, len(every)))


@needs_strace
@pytest.mark.parametrize("operation", AFTER)
def test_killed_at_any_call_the_index_is_whole_and_a_rerun_completes_it(
    built: Path, tmp_path: Path, operation: str
) -> None:
    folder = tmp_path / "index"
    every = points(built, folder, operation, TOUCHING)
    assert len(every) >= 12
    for call, nth in sample(every, 4):
        before = start(built, folder, operation)
        inject = f"inject={call}:signal=SIGKILL:when={nth}"
        killed = strace(
            "-e", f"trace={call}", "-e", inject, "-o", "/dev/null", folder=folder, operation=operation
        )
        assert killed.returncode != 0, (call, nth)
        found = state(folder)
        assert same(found, before) or same(found, AFTER[operation]), (call, nth)
        work(folder, operation)
        assert same(state(folder), AFTER[operation]), (call, nth)
    if TORTURE:
        sys.stderr.write(f"\n{operation}: {len(every)} kill points\n")


@needs_strace
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("operation", AFTER)
def test_a_failing_write_is_one_typed_error_and_the_former_state_is_served(
    built: Path, tmp_path: Path, operation: str, fault: str
) -> None:
    folder = tmp_path / "index"
    every = points(built, folder, operation, FAILING)
    errors = 0
    for call, nth in sample(every, 2):
        before = start(built, folder, operation)
        inject = f"inject={call}:error={fault}:when={nth}"
        failed = strace(
            "-e", f"trace={call}", "-e", inject, "-o", "/dev/null", folder=folder, operation=operation
        )
        # SQLite may do without a flush of what the log already holds; then the change is complete.
        assert failed.returncode in (0, 3), (call, nth, failed.stderr)
        if failed.returncode == 3:
            errors += 1
            assert failed.stderr.startswith("storage_failed: "), failed.stderr
            assert failed.stderr.count("\n") == 1
        found = state(folder)
        assert same(found, AFTER[operation]) or (failed.returncode == 3 and same(found, before)), (call, nth)
        work(folder, operation)
        assert same(state(folder), AFTER[operation])
    if TORTURE:
        sys.stderr.write(f"\n{operation}, {fault}: {len(every)} points, {errors} typed errors\n")


def damaged(data: bytes, other: bytes, randomness: random.Random) -> bytes:
    """Return the file after one of the things that happen to files."""
    at = randomness.randrange(len(data))
    match randomness.choice(["cut", "flip", "zero", "swap", "grow"]):
        case "cut":
            return data[:at]
        case "flip":
            return data[:at] + bytes([data[at] ^ (1 << randomness.randrange(8))]) + data[at + 1 :]
        case "zero":
            sector = at // 512 * 512
            return data[:sector] + bytes(min(512, len(data) - sector)) + data[sector + 512 :]
        case "swap":
            return other
        case _:
            return data + bytes(randomness.randrange(1, 64))


@pytest.mark.parametrize("kind", ["flat", "fp16", "int8", "hnsw", "ivf"])
def test_every_damage_to_a_snapshot_is_seen_before_use(tmp_path: Path, kind: str) -> None:
    randomness = random.Random(kind)
    build(tmp_path / "a", BASE, Hashing(), kind=kind)  # type: ignore[arg-type]
    build(tmp_path / "b", BASE[1:], Hashing(), kind=kind)  # type: ignore[arg-type]
    snapshots: list[Snapshot] = []
    for name in "ab":
        with Store(tmp_path / name).read() as reading:
            snapshots.append(reading.snapshot)
    path = tmp_path / "a" / FOLDER / snapshots[0].parts[0].file
    good, other = path.read_bytes(), (tmp_path / "b" / FOLDER / snapshots[1].parts[0].file).read_bytes()
    expected = Searcher(tmp_path / "a", Hashing(), None).search("document").candidates
    seen = 0
    for case in range(1700 if TORTURE else 60):
        bad = damaged(good, other, randomness)
        if bad == good:
            continue
        path.write_bytes(bad)
        with pytest.raises(IndexStateError):
            read_snapshot(tmp_path / "a", snapshots[0])
        seen += 1
        if case % 20 == 0:
            result = Searcher(tmp_path / "a", Hashing(), None).search("document")
            assert result.candidates == expected
            assert "read from the database instead" in result.notes[0]
    path.unlink()
    assert Searcher(tmp_path / "a", Hashing(), None).search("document").candidates == expected
    compact(tmp_path / "a")
    assert Searcher(tmp_path / "a", Hashing(), None).search("document").notes == ()
    if TORTURE:
        sys.stderr.write(f"\n{kind}: {seen} damages, all seen\n")


def file_of_snapshot(folder: Path, which: str) -> Path:
    with Store(folder).read() as reading:
        snapshot = reading.snapshot
    file = snapshot.parts[0] if which == "part" else snapshot.gone
    assert file is not None
    return folder / FOLDER / file.file


@pytest.mark.parametrize("change", ["part", "gone"])
def test_a_file_of_an_earlier_generation_is_not_taken_for_the_current_one(
    tmp_path: Path, change: str
) -> None:
    build(tmp_path, BASE, Hashing())
    delete(tmp_path, ["d01"])
    old = file_of_snapshot(tmp_path, change).read_bytes()
    delete(tmp_path, ["d00"])
    if change == "part":
        compact(tmp_path)
    file_of_snapshot(tmp_path, change).write_bytes(old)
    with Store(tmp_path).read() as reading:
        faults = reading.faults()
    assert len(faults) == 1
    result = Searcher(tmp_path, Hashing(), None).search("document", SearchSettings(k=100))
    assert "d00" not in {c.passage.document_id for c in result.candidates}
