"""How often test questions were looked at: the more often, the more a choice is fitted to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ...retrieval.corpus.beir import read_json_lines
from ...retrieval.errors import RunError
from ...retrieval.storage.home import home
from ..goldsets.goldset import GoldSet
from .retrieval_run import gold_fingerprint

LOOKS = "looks.jsonl"


def count_look(test: GoldSet, configuration: str) -> int:
    """Count a look at test questions, and return how many there were with it.

    The same ``configuration``, by its fingerprint, looked at again is a look too.
    """
    path = home() / LOOKS
    path.parent.mkdir(parents=True, exist_ok=True)
    data = gold_fingerprint(test)
    before = [record for _, record in read_json_lines(path, RunError)] if path.is_file() else []
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "set": test.folder.name,
        "data": data,
        "configuration": configuration,
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    return 1 + len([entry for entry in before if entry.get("data") == data])
