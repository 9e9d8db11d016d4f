"""Gold sets in BEIR form: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``, or ``spans.jsonl``.

Gold is whole documents (qrels), or spans of characters within documents (spans): then a passage is right when
it holds at least half of a span, or lies at least half inside one, however the document is cut today.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..retrieval.corpus import BEIR_CORPUS, read_documents, read_json_lines, read_utf8
from ..retrieval.errors import GoldSetError
from ..retrieval.passages import Document, Metadata, Passage

SPANS = "spans.jsonl"
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
class GoldSpan:
    """Characters of a document that answer a question."""

    document: str
    start: int
    end: int

    @property
    def id(self) -> str:
        return f"{self.document}[{self.start}:{self.end}]"

    def is_in(self, passage: Passage) -> bool:
        """Whether a passage shares at least half of the shorter of the two."""
        shared = min(self.end, passage.end) - max(self.start, passage.start)
        shorter = min(self.end - self.start, passage.end - passage.start)
        return passage.document_id == self.document and 2 * shared >= shorter


@dataclass(frozen=True)
class GoldSet:
    """Questions, documents, and what answers which question."""

    folder: Path
    documents: tuple[Document, ...]
    questions: Mapping[str, Question]
    relevance: Mapping[str, Mapping[str, int]]
    """Grade (1 and up) by unit by question id; questions without gold are absent. A unit is a document's id, or
    a span's where gold is spans."""
    spans: Mapping[str, tuple[GoldSpan, ...]] = field(default_factory=dict)
    """Gold spans by question id; empty where gold is documents."""

    def units(self, question: str, passages: Iterable[Passage]) -> list[str]:
        """Return what a ranking of passages finds, each unit at the rank of its first passage.

        A passage that finds nothing new keeps its rank under a name of its own, since a program that gets five
        passages gets it too. Only a passage that is the first for several gold spans takes several ranks.
        """
        found: dict[str, None] = {}
        for passage in passages:
            if self.spans:
                held = [span.id for span in self.spans.get(question, ()) if span.is_in(passage)]
            else:
                held = [passage.document_id]
            fresh = [unit for unit in held if unit not in found]
            found |= dict.fromkeys(fresh or [f"passage {passage.id}"])
        return list(found)

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
        metadata = record.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise GoldSetError(f"{folder / 'queries.jsonl'}:{number}: 'metadata' must be an object")
        questions[id] = Question(id, text, metadata)
    if (folder / SPANS).is_file() and not (folder / "qrels").is_dir():
        spans = _read_spans(folder / SPANS, questions, {d.id: len(d.text) for d in documents})
        relevance = {question: {span.id: 1 for span in held} for question, held in spans.items()}
        return GoldSet(folder, documents, questions, relevance, spans)
    relevance = _read_qrels(_require(folder / "qrels" / f"{split}.tsv"), questions, {d.id for d in documents})
    return GoldSet(folder, documents, questions, relevance)


def _require(path: Path) -> Path:
    if not path.is_file():
        raise GoldSetError(
            f"{path}: no such file; a gold set holds corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR form), "
            "or spans.jsonl in place of qrels"
        )
    return path


def _read_spans(
    path: Path, questions: Mapping[str, Question], lengths: Mapping[str, int]
) -> dict[str, tuple[GoldSpan, ...]]:
    spans: dict[str, tuple[GoldSpan, ...]] = {}
    for number, record in read_json_lines(path, GoldSetError):
        question, document = record.get("query-id"), record.get("corpus-id")
        start, end = record.get("start"), record.get("end")
        if not isinstance(question, str) or question not in questions:
            raise GoldSetError(f"{path}:{number}: question {question!r} is not in queries.jsonl")
        if not isinstance(document, str) or document not in lengths:
            raise GoldSetError(f"{path}:{number}: document {document!r} is not in corpus.jsonl")
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= lengths[document]):
            raise GoldSetError(
                f"{path}:{number}: span {start!r} to {end!r} does not lie in document {document!r}, which has "
                f"{lengths[document]} characters"
            )
        span = GoldSpan(document, start, end)
        spans[question] = tuple(dict.fromkeys((*spans.get(question, ()), span)))
    if not spans:
        raise GoldSetError(f"{path}: no span for any question")
    return spans


def _read_qrels(
    path: Path, questions: Mapping[str, Question], documents: set[str]
) -> dict[str, dict[str, int]]:
    relevance: dict[str, dict[str, int]] = {}
    rows = csv.reader(read_utf8(path, GoldSetError).split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, start=1):
        if not row or (number == 1 and row[:1] == ["query-id"]):
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
