"""A small gold set on disk, and models that cost nothing to search it with."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path

from parts import Hashing, Shortest

from quincunx.retrieval.models.profiles import Profile, add_profile, profile_names

PROFILE = "hashing"
TOPICS = ("tea", "rain", "salt", "iron", "glass", "paper", "smoke", "honey")


def hashing_profile() -> str:
    """Make a profile known that searches by hashes, and return its name."""
    if PROFILE not in profile_names():
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


SYLLABLES = ("ba", "co", "du", "fe", "gi", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "zo")
WORDS = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)]
SPLITS = ("train", "dev", "test")


def write_split_gold(folder: Path, program: str, n: int = 16) -> Path:
    """Write a gold set with n questions in each split, each about a page of its own words, an eighth unanswerable."""
    (folder / "qrels").mkdir(parents=True)
    documents, questions = [], []
    for place in range(3 * n):
        draw = random.Random(place)
        words = draw.sample(WORDS, 24)
        sentences = [" ".join(words[start : start + 6]).capitalize() + "." for start in range(0, 24, 6)]
        documents.append(
            {"_id": f"d{place}", "title": words[0].title(), "text": " ".join(sentences), "metadata": {}}
        )
        answerable = place % 8 != 7
        asked = words[6:10] if answerable else draw.sample(WORDS, 2)
        metadata = {
            "program": program, "kind": "plain", "answerable": answerable, "split": SPLITS[place % 3],
            **({"answer": sentences[1]} if answerable else {}),
        }  # fmt: skip
        questions.append({"_id": f"q{place}", "text": f"What is {' '.join(asked)}?", "metadata": metadata})
    for name, records in (("corpus", documents), ("queries", questions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for part, split in enumerate(SPLITS):
        places = [place for place in range(part, 3 * n, 3) if place % 8 != 7]
        rows = [f"q{place}\td{place}\t2\n" for place in places]
        (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder


def write_dealt_gold(folder: Path, canon: Path, program: str, seed: int | None) -> Path:
    """Write the answerable questions of a canon for a program, with the gold of each split dealt out anew by a seed.

    Nothing can be learnt from such gold: it has nothing to do with what is asked. Without a seed it is left as it is.
    """
    shutil.copytree(canon, folder)
    questions = [json.loads(line) for line in (canon / "queries.jsonl").read_text().splitlines()]
    kept = [q for q in questions if q["metadata"]["program"] == program and q["metadata"]["answerable"]]
    (folder / "queries.jsonl").write_text("".join(json.dumps(question) + "\n" for question in kept))
    for split in SPLITS:
        ids = [question["_id"] for question in kept if question["metadata"]["split"] == split]
        dealt = list(ids)
        if seed is not None:
            random.Random(seed).shuffle(dealt)
        owner = dict(zip(ids, dealt, strict=True))
        path = folder / "qrels" / f"{split}.tsv"
        head, *rows = path.read_text().splitlines()
        judged = [row.split("\t", 1) for row in rows]
        dealt_rows = [f"{owner[id]}\t{rest}" for id, rest in judged if id in owner]
        path.write_text("\n".join([head, *dealt_rows]) + "\n")
    return folder
