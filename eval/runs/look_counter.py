"""How often test questions were looked at: the more often, the more a choice is fitted to them.

Looks are lines of `LOOKS` in the gold set's own folder, so that they go with it; those at a set that ships with the package, or
whose folder cannot be written, are kept in the home folder.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from ...retrieval.corpus.beir import read_json_lines
from ...retrieval.errors import RunError
from ...retrieval.storage.home import home
from ..goldsets.goldset import CANONS, GoldSet, canon_folder
from .folder import fingerprint, read_header, same_run
from .gold_fingerprint import gold_fingerprint

LOOKS = "looks.jsonl"
LOOK = "look.json"
"""In the folder of a run at test questions: the number of its look."""


def count_look(test: GoldSet, configuration: str) -> int:
    """Count a look at the test questions of a set, and return how many there were with it, at some of them or all.

    The same ``configuration``, by its fingerprint, looked at again is a look too.
    """
    data = gold_fingerprint(test.test or test)
    before = [record for folder in (test.folder, home()) for record in _read(folder / LOOKS)]
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "set": test.folder.name,
        "data": data,
        "configuration": configuration,
    }
    own = _ledger(test.folder)
    own.parent.mkdir(parents=True, exist_ok=True)
    with own.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    return 1 + sum(entry.get("data") == data for entry in before)


def count_look_of_run(run: Path, gold: GoldSet) -> None:
    """Count the look that a run takes at the test questions among its own, once for each run that is begun."""
    test = gold.test
    if test is not None and look_of(run) is None:
        look = count_look(test, fingerprint(same_run(read_header(run))))
        (run / LOOK).write_text(json.dumps({"look": look}), encoding="utf-8")


def look_of(run: Path) -> int | None:
    """Return which look at the test questions a run was; ``None`` where it looked at none."""
    path = run / LOOK
    return int(json.loads(path.read_text(encoding="utf-8"))["look"]) if path.is_file() else None


def _ledger(folder: Path) -> Path:
    shipped = folder in map(canon_folder, CANONS)
    return home() / LOOKS if shipped or not os.access(folder, os.W_OK) else folder / LOOKS


def _read(path: Path) -> list[dict[str, object]]:
    return [record for _, record in read_json_lines(path, RunError)] if path.is_file() else []
