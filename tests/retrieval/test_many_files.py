"""Ten thousand mixed files in step with their index, and files of 40 MB in bounded memory: a sample but for ``make torture``.

What each takes is measured in a process of its own, and told on the error stream.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import TORTURE
from mixed_files import KINDS, LARGE, OF_ROWS, TITLED_BY_NAME, small_path, write_large, write_small
from parts import Hashing, without_facts
from store_worker import contents

from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import cut

WORKER = Path(__file__).parents[1] / "many_files_worker.py"
FILES = 10_000 if TORTURE else 300
EACH = FILES // 100 if TORTURE else len(KINDS)
"""Files that are changed, moved and removed: one of every kind at least."""
CHANGED, MOVED, REMOVED = range(EACH), range(EACH, 2 * EACH), range(2 * EACH, 3 * EACH)
LARGE_SHARE = 1.0 if TORTURE else 0.05
MOST_MIB = 400 if TORTURE else 70
MOST_MIB_OF_TINY = 300 if TORTURE else 40
TINY = "tiny_records.jsonl"
SAMPLE = [
    name for name in LARGE if name != TINY and (TORTURE or name in ("records.jsonl", "book.txt", "book.md"))
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


def work(*arguments: str) -> dict[str, Any]:
    """Run the worker; what the many threads of libraries take is left out of its memory."""
    done = subprocess.run(
        [sys.executable, "-B", str(WORKER), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    told: dict[str, Any] = json.loads(done.stdout)
    sys.stderr.write(f"\n{what_it_took(' '.join(arguments[:2]), told)}\n" if TORTURE else "")
    return told


def what_it_took(what: str, told: dict[str, Any]) -> str:
    more = told["peak"] - told["base"]
    return f"{what}: {told['passages']} passages in {told['seconds']} s, {told['base']} MiB and {more} more"


def write(docs: Path) -> None:
    for number in range(FILES):
        path = small_path(docs, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_small(path, number, "first")
        os.utime(path, (1_700_000_000, 1_700_000_000))


def change(docs: Path) -> None:
    for number in CHANGED:
        write_small(small_path(docs, number), number, "other")
    for number in MOVED:
        path = small_path(docs, number)
        # What is titled by its file's name keeps that name, for another title is embedded anew.
        name = path.name if path.suffix in TITLED_BY_NAME else f"renamed-{path.name}"
        (docs / "moved").mkdir(exist_ok=True)
        path.rename(docs / "moved" / name)
    for number in REMOVED:
        small_path(docs, number).unlink()


def documents_of(numbers: Iterable[int]) -> Counter[str]:
    """Count the documents of files by the endings of their names."""
    counts = Counter[str]()
    for number in numbers:
        suffix = KINDS[number % len(KINDS)]
        counts[suffix] += 3 if suffix in OF_ROWS else 1
    return counts


def read(docs: Path) -> tuple[dict[str, object], Counter[str]]:
    """Return what each document says, and what is embedded of all."""
    documents = read_corpus(docs).documents
    offsets = Hashing().offsets
    readings = Counter(passage.reading for each in documents for passage in cut(each, Chunking(), offsets))
    return {each.id: said(each) for each in documents}, readings


def said(document: Document) -> object:
    """Return what a document says, but for the facts of its file, which are no change."""
    return document.title, document.text, without_facts(document.metadata), document.parts


def digests(folder: Path) -> dict[str, str]:
    """Return what is in the files of an index; those in which SQLite keeps who reads it are left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


@pytest.mark.torture
@linux
def test_of_many_files_only_the_changed_passages_are_embedded(home: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(docs)
    before, embedded_before = read(docs)
    built = work("build", "kb", str(docs))
    assert (built["added"], built["skipped"]) == (documents_of(range(FILES)).total(), 0)
    assert built["made"] == built["embedded"] == len(embedded_before)

    change(docs)
    after, embedded_after = read(docs)
    synced = work("sync", "kb")
    fresh = embedded_after.keys() - embedded_before.keys()
    assert len(fresh) == EACH  # one passage a file
    assert synced["made"] == synced["embedded"] == len(fresh)
    assert set(synced["changes"]) == {id for id in before.keys() & after.keys() if before[id] != after[id]}
    assert {before for before, _ in synced["moves"]} | {after for _, after in synced["moves"]} >= (
        after.keys() - before.keys()
    )
    assert (synced["moved"], synced["removed"], synced["added"]) == (
        documents_of(MOVED).total(),
        documents_of(REMOVED).total(),
        0,
    )
    assert synced["read"] == documents_of([*CHANGED, *MOVED])  # and no other file
    assert synced["passages"] == embedded_after.total()

    files = digests(home / "indexes" / "kb")
    idle = work("sync", "kb")
    assert (idle["unchanged"], idle["read"], idle["made"]) == (len(after), {}, 0)
    assert idle["generation"] == synced["generation"]
    assert digests(home / "indexes" / "kb") == files

    work("build", "again", str(docs))
    assert in_index(home, "kb") == in_index(home, "again")


def in_index(home: Path, name: str) -> list[tuple[object, ...]]:
    return [
        (found.id, found.title, found.text, without_facts(found.metadata), found.headed, found.parts)
        for found in contents(home / "indexes" / name)
    ]


@pytest.mark.torture
@linux
@pytest.mark.parametrize("name", SAMPLE)
def test_a_large_file_is_read_and_indexed_in_bounded_memory(home: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_large(path, int(LARGE[name] * LARGE_SHARE))
    built = work("build", name.replace(".", "-"), str(path))
    assert built["skipped"] == 0
    assert built["peak"] - built["base"] < MOST_MIB


@pytest.mark.torture
@linux
def test_tiny_records_are_read_indexed_and_synced_in_bounded_memory(home: Path, tmp_path: Path) -> None:
    path = tmp_path / TINY
    write_large(path, int(LARGE[TINY] * LARGE_SHARE))
    read = work("cut", str(path), "embedded")
    built = work("build", "tiny", str(path))
    again = work("build", "tiny", str(path))
    synced = work("sync", "tiny")
    path.write_text(path.read_text().replace("Item 1", "Thing 1"))
    changed = work("sync", "tiny")
    assert read["passages"] == built["added"] == again["unchanged"] == synced["unchanged"]
    assert (again["made"], synced["made"], synced["read"]) == (0, 0, {})
    assert changed["changed"] == changed["made"] > read["passages"] // 20
    steps = {"read": read, "build": built, "again": again, "sync": synced, "changed": changed}
    most = {step: told["peak"] - told["base"] for step, told in steps.items()}
    assert {step: mib for step, mib in most.items() if mib >= MOST_MIB_OF_TINY} == {}
