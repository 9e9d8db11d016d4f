"""Source files of gold sets, as tests write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from quincunx.retrieval.corpus.beir import BEIR_CORPUS
from quincunx.retrieval.passages import Document


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def corpus_of(folder: Path, documents: Sequence[Document]) -> Path:
    lines = [{"_id": d.id, "title": d.title, "text": d.text} for d in documents]
    return written(folder, BEIR_CORPUS, "".join(json.dumps(line) + "\n" for line in lines))
