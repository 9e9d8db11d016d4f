"""The manifest of a gold set: its counts and the sums of its files, by which damage is seen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import BEIR_CORPUS
from .goldset import ALL, QRELS, QUERIES, SPANS, has_spans, qrels_files, read_split

MANIFEST = "manifest.json"


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return what `MANIFEST` should say: a set's counts, and of each file its sha256, bytes and lines."""
    gold, _ = read_split(folder, ALL)
    gold_files = (
        [SPANS] if has_spans(folder) else [f"{QRELS}/{path.name}" for path in qrels_files(folder).values()]
    )
    files = {}
    for name in (BEIR_CORPUS, QUERIES, *gold_files):
        data = (folder / name).read_bytes()
        files[name] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "lines": data.count(b"\n"),
        }
    questions = list(gold.questions.values())
    splits = {}
    for split in sorted({question.split for question in questions if question.split is not None}):
        chosen = [question for question in questions if question.split == split]
        splits[split] = {
            "questions": len(chosen),
            "unanswerable": sum(not question.answerable for question in chosen),
            "judgements": sum(len(question.spans or question.gold) for question in chosen),
        }
    return {"documents": len(gold.documents), "questions": len(questions), "splits": splits, "files": files}


def write_manifest(folder: Path) -> None:
    """Write the manifest of a set that is complete."""
    text = json.dumps(manifest_of(folder), indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
