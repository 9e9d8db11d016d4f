"""Builds or syncs an index in a process of its own, and prints what that took: a line of JSON.

``many_files_worker.py build NAME PATH``, ``sync NAME`` or ``cut PATH PROFILE``, which reads and cuts alone. ``base`` is the
peak memory in MiB after all imports, ``peak`` that of the whole.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parts import Hashing, Shortest

from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.index.changes import BuildReport
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.index.sync import sync_index
from quincunx.retrieval.models.profiles import Profile, shared_embedder
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import cut
from quincunx.retrieval.text.readers.registry import read_suffixes
from quincunx.retrieval.text.sentences import Span

for module in (
    "charset_normalizer",
    "faiss",
    "lxml.html",
    "markdown_it",
    "openpyxl",
    "pypdfium2",
    "trafilatura",
):
    importlib.import_module(module)


class WordHashing(Hashing):
    """Its tokens are words, about as long as those of a model."""

    def offsets(self, text: str) -> Sequence[Span]:
        return [match.span() for match in re.finditer(r"\w{1,6}|[^\w\s]", text)]


EMBEDDER = WordHashing()
MODELS = Profile("hashing", lambda: EMBEDDER, Shortest)


def peak() -> int:
    # The peak that getrusage tells is, on Linux, no less than that of the process that started this one.
    [kibibytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return round(int(kibibytes) / 1024)


def told(report: BuildReport) -> dict[str, Any]:
    names = ("added", "changed", "moved", "removed", "unchanged", "passages", "generation", "embedded")
    return {
        **{name: getattr(report, name) for name in names},
        "moves": report.changes.moved,
        "changes": report.changes.changed,
        "read": report.reading.read,
        "skipped": len(report.reading.skipped),
        "made": EMBEDDER.embedded,
    }


def main(what: str, *arguments: str) -> dict[str, Any]:
    read_suffixes()
    profile = arguments[1] if what == "cut" else MODELS
    embedder = shared_embedder(profile)
    embedder.offsets("A first text.")
    base, began = peak(), time.monotonic()
    if what == "build":
        found = told(build_index(arguments[0], arguments[1], profile=profile))
    elif what == "sync":
        found = told(sync_index(arguments[0], profile=profile))
    else:
        documents = read_corpus(arguments[0]).documents
        count = sum(len(cut(document, Chunking(), embedder.offsets)) for document in documents)
        found = {"passages": count}
    return {**found, "seconds": round(time.monotonic() - began, 1), "base": base, "peak": peak()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
