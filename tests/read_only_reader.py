"""A reader in a process of its own: for each line it is sent, it searches and prints one JSON line.

Usage: python read_only_reader.py FOLDER [USER], who is numbered, and whom it becomes once Python is loaded.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from parts import Hashing

from quincunx.retrieval.errors import QuincunxError
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings


def answer(folder: Path, opened: list[Searcher]) -> dict[str, Any]:
    try:
        if not opened:
            opened.append(Searcher(folder, Hashing(), None))
        found = opened[0].search("alpha", SearchSettings(k=100))
    except QuincunxError as error:
        return {"error": error.code, "message": str(error)}
    (generation,) = found.generations.values()
    return {
        "generation": generation,
        "versions": sorted({c.passage.metadata["version"] for c in found.candidates}),
        "count": len({c.passage.document_id for c in found.candidates}),
        "notes": list(found.notes),
    }


if __name__ == "__main__":
    for user in map(int, sys.argv[2:]):
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    opened: list[Searcher] = []
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(answer(Path(sys.argv[1]), opened)) + "\n")
        sys.stdout.flush()
