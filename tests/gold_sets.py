"""A small gold set on disk, and models that cost nothing to search it with."""

from __future__ import annotations

import json
from pathlib import Path

from parts import Hashing, Shortest

from quincunx.retrieval.profiles import PROFILES, Profile, add_profile

PROFILE = "hashing"
TOPICS = ("tea", "rain", "salt", "iron", "glass", "paper", "smoke", "honey")


def hashing_profile() -> str:
    """Make a profile known that searches by hashes, and return its name."""
    if PROFILE not in PROFILES:
        add_profile(Profile(PROFILE, Hashing, Shortest))
    return PROFILE


def write_gold(folder: Path, n: int = 8, unanswerable: int = 2) -> Path:
    """Write a gold set of n answerable questions, each about a page of its own, and some that no page answers."""
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {
            "_id": f"d{i}",
            "title": f"Page {i}",
            "text": f"{TOPICS[i % 8]} number {i} keeps well. It is cheap.",
            "metadata": {},
        }
        for i in range(max(n, 30))
    ]
    questions = [
        {
            "_id": f"q{i}",
            "text": f"{TOPICS[i % 8]} number {i}",
            "metadata": {"answer": "It keeps well.", "kind": "plain"},
        }
        for i in range(n)
    ]
    questions += [
        {"_id": f"u{i}", "text": f"nothing at all {i}", "metadata": {"answerable": False, "split": "test"}}
        for i in range(unanswerable)
    ]
    for name, records in (("corpus", documents), ("queries", questions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    rows = [f"q{i}\td{i}\t2\n" for i in range(n)] + [f"q{i}\td{(i + 8) % 30}\t1\n" for i in range(0, n, 3)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder
