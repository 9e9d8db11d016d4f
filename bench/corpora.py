"""The texts that whole retrieval is measured on: real financial reports where the checkout has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.checkpoints import asked
from bench.measuring import ROOT
from quincunx.eval.goldsets.goldset import read_gold_set, read_questions
from quincunx.retrieval.corpus.reading import read_documents
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.passages import Document, Passage

TATQA = ROOT.parent / "shared" / "data" / "tatqa-dev"


@dataclass(frozen=True)
class Corpus:
    """Documents, and questions about them that are all different."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[str, ...]


def read_tatqa() -> Corpus | None:
    """Return TAT-QA's development set, or None where the checkout lacks it."""
    if not TATQA.is_dir():
        return None
    questions = dict.fromkeys(question.text for question in read_questions(TATQA).values())
    return Corpus("tatqa-dev", tuple(read_documents([TATQA / "corpus.jsonl"])), tuple(questions))


def read_gold() -> list[tuple[str, str]]:
    """Return (question, text of a document that answers it) of TAT-QA, each question once."""
    splits = sorted(path.stem for path in (TATQA / "qrels").glob("*.tsv"))
    pairs: dict[str, str] = {}
    for split in splits:
        gold = read_gold_set(TATQA, split)
        texts = {document.id: document.text for document in gold.documents}
        for question in gold.judged:
            pairs.setdefault(question.text, texts[min(question.gold)])
    return list(pairs.items())


def make_up(count: int = 1000) -> Corpus:
    """Return documents and questions of made-up words, for a checkout without real ones."""
    works = [asked("mixed", seed) for seed in range(1, 1 + count // 20)]
    texts = [passage for work in works for passage in work.passages]
    documents = tuple(Document(f"d{i}", "", text) for i, text in enumerate(texts))
    return Corpus("made-up words", documents, tuple(" ".join(text.split()[:7]) for text in texts))


def passages_in(folder: Path) -> list[Passage]:
    """Return every passage of an index."""
    store = Store(folder)
    try:
        with store.read() as reading:
            ids = [document.id for document in reading.documents()]
            return [passage for passages in reading.passages_of(ids).values() for passage in passages]
    finally:
        store.close()
