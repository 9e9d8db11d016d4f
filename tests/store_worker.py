"""One change of an index in a process of its own, to be killed at any of its system calls.

Usage: python store_worker.py FOLDER OPERATION [--announce]. With ``--announce`` it says on stdout that it begins. Exit 0: done and acknowledged. Exit 3: one typed error.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from parts import Hashing

from quincunx.retrieval.errors import QuincunxError
from quincunx.retrieval.index.build import build, compact, delete, update
from quincunx.retrieval.passages import Document

BASE = [Document(f"d{i:02}", f"Title {i}", f"Text of document {i}. " * 20, {"i": i}) for i in range(12)]
CHANGED = [replace(BASE[3], text="Another text."), Document("new", "", "A new one.")]
GONE = ["d00", "d05"]

AFTER: dict[str, list[Document]] = {
    "build": BASE,
    "update": [*(d for d in BASE if d.id != "d03"), *CHANGED],
    "delete": [d for d in BASE if d.id not in GONE],
    "compact": BASE,
    "publish": BASE,
}
"""What the index holds after each operation; all but ``build`` start from the built index."""


def work(folder: Path, operation: str) -> None:
    """Run one operation; run again, it completes."""
    if operation == "build":
        build(folder, BASE, Hashing())
    elif operation == "update":
        update(folder, CHANGED, Hashing())
    elif operation == "delete":
        present = {document.id for document in contents(folder)}
        delete(folder, [id for id in GONE if id in present])
    elif operation == "compact":
        compact(folder)
    else:
        compact(folder, "hnsw")


def contents(folder: Path) -> list[Document]:
    """Return the documents of the current generation."""
    from quincunx.retrieval.index.store import Store

    store = Store(folder)
    try:
        with store.read() as reading:
            return list(reading.documents())
    finally:
        store.close()


if __name__ == "__main__":
    if "--announce" in sys.argv:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
    try:
        work(Path(sys.argv[1]), sys.argv[2])
    except QuincunxError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        sys.exit(3)
