"""Gold sets in BEIR form: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..retrieval.corpus import BEIR_CORPUS, read_documents, read_json_lines
from ..retrieval.errors import GoldSetError
from ..retrieval.passages import Document, Metadata

CANONS = ("builddaily", "paiddaily", "sagedaily")
"""The gold sets that ship with the package; each is a demo's index too."""


@dataclass(frozen=True)
class Question:
    """One question of a gold set."""

    id: str
    text: str
    metadata: Metadata

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds an answer; true unless the set says otherwise."""
        return bool(self.metadata.get("answerable", True))


@dataclass(frozen=True)
class GoldSet:
    """Questions, documents, and which documents answer which question."""

    folder: Path
    documents: tuple[Document, ...]
    questions: Mapping[str, Question]
    relevance: Mapping[str, Mapping[str, int]]
    """Grade (1 and up) by document id by question id; questions without gold are absent."""

    @property
    def judged(self) -> list[Question]:
        """The questions that have gold, in the order of their file."""
        return [question for id, question in self.questions.items() if id in self.relevance]


def canon_folder(name: str) -> Path:
    """Return the folder of a gold set that ships with the package."""
    return Path(__file__).parent / "gold" / name


def read_gold_set(folder: str | Path, split: str = "test") -> GoldSet:
    """Read a gold set.

    Raises:
        GoldSetError: a file is missing or malformed, or gold names a question or document that is not there.
        CorpusError: the corpus cannot be read.
    """
    folder = Path(folder)
    documents = tuple(read_documents([_require(folder / BEIR_CORPUS)]))
    questions: dict[str, Question] = {}
    for number, record in read_json_lines(_require(folder / "queries.jsonl"), GoldSetError):
        id, text = record.get("_id"), record.get("text")
        if not isinstance(id, str) or not isinstance(text, str) or not text.strip():
            raise GoldSetError(
                f"{folder / 'queries.jsonl'}:{number}: '_id' and 'text' must be non-empty strings"
            )
        if id in questions:
            raise GoldSetError(f"{folder / 'queries.jsonl'}:{number}: question id {id!r} stands twice")
        questions[id] = Question(id, text, record.get("metadata") or {})
    relevance = _read_qrels(_require(folder / "qrels" / f"{split}.tsv"), questions, {d.id for d in documents})
    return GoldSet(folder, documents, questions, relevance)


def _require(path: Path) -> Path:
    if not path.is_file():
        raise GoldSetError(
            f"{path}: no such file; a gold set holds corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR form)"
        )
    return path


def _read_qrels(
    path: Path, questions: Mapping[str, Question], documents: set[str]
) -> dict[str, dict[str, int]]:
    relevance: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if number == 1 and row[:1] == ["query-id"]:
                continue
            try:
                question, document, grade = row[0], row[1], int(row[2])
            except (IndexError, ValueError) as error:
                raise GoldSetError(
                    f"{path}:{number}: expected query-id, corpus-id and a whole score, got {row}"
                ) from error
            if question not in questions:
                raise GoldSetError(f"{path}:{number}: question {question!r} is not in queries.jsonl")
            if document not in documents:
                raise GoldSetError(f"{path}:{number}: document {document!r} is not in corpus.jsonl")
            if grade > 0:
                relevance.setdefault(question, {})[document] = grade
    if not relevance:
        raise GoldSetError(f"{path}: no relevant document for any question")
    return relevance
