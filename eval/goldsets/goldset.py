"""Gold sets in BEIR form: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``, or ``spans.jsonl``.

Gold is whole documents (qrels), or spans of characters within documents (spans): then a passage is right when
it holds at least half of a span, or lies at least half inside one, however the document is cut today.

Which split a question belongs to is said by its ``metadata.split``, since an unanswerable question has no row
in any qrels; where that is missing, by the qrels file that judges it. A question of no split is in every one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...retrieval.errors import GoldSetError
from ...retrieval.passages import Document, Metadata, Passage
from ...retrieval.text.corpus import BEIR_CORPUS, read_documents, read_json_lines, read_utf8

QUERIES = "queries.jsonl"
QRELS = "qrels"
SPANS = "spans.jsonl"
MANIFEST = "manifest.json"
ALL = "all"
"""In place of a split: every question, with the gold of all splits."""
CANONS = ("builddaily", "paiddaily", "sagedaily")
"""The gold sets that ship with the package; each is a demo's index too."""


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
class GoldQuestion:
    """One question of a gold set, with what answers it."""

    id: str
    text: str
    metadata: Metadata
    split: str | None = None
    """Such as ``train``, ``dev`` or ``test``; none where the set does not say."""
    gold: Mapping[str, int] = field(default_factory=dict)
    """Grade (1 and up) by document id; where gold is spans, 1 for each document that holds one."""
    spans: tuple[GoldSpan, ...] = ()

    @property
    def grades(self) -> dict[str, int]:
        """The grade of each unit of gold: a document's id, or a span's where gold is spans; empty without gold."""
        return {span.id: 1 for span in self.spans} if self.spans else dict(self.gold)

    @property
    def best(self) -> set[str]:
        """The documents of the highest grade."""
        top = max(self.gold.values(), default=0)
        return {document for document, grade in self.gold.items() if grade == top}

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds an answer; true unless the set says otherwise."""
        return bool(self.metadata.get("answerable", True))

    @property
    def answer(self) -> str:
        """The reference answer, empty where there is none."""
        return str(self.metadata.get("answer") or "")

    @property
    def kind(self) -> str:
        """How it is asked, such as ``paraphrase`` or ``follow_up``; empty where the set does not say."""
        return str(self.metadata.get("kind") or "")

    @property
    def program(self) -> str:
        """The program that it is meant for; empty where the set does not say."""
        return str(self.metadata.get("program") or "")

    @property
    def history(self) -> list[dict[str, str]]:
        """The turns before it, oldest first, each with ``question`` and ``answer``."""
        return [dict(turn) for turn in self.metadata.get("history") or ()]


@dataclass(frozen=True)
class GoldSet:
    """Questions, documents, and what answers which question."""

    folder: Path
    documents: tuple[Document, ...]
    """The whole corpus, whatever the split."""
    questions: Mapping[str, GoldQuestion]
    """Those of the split, by id, in the order of their file."""
    split: str = ALL

    @property
    def judged(self) -> list[GoldQuestion]:
        """The questions that have gold, in the order of their file."""
        return [question for question in self.questions.values() if question.gold]

    @property
    def relevance(self) -> dict[str, dict[str, int]]:
        """Grade by unit by question id, see `GoldQuestion.grades`; questions without gold are absent."""
        return {question.id: question.grades for question in self.judged}

    @property
    def spans(self) -> dict[str, tuple[GoldSpan, ...]]:
        """Gold spans by question id; empty where gold is documents."""
        return {question.id: question.spans for question in self.judged if question.spans}


def canon_folder(name: str) -> Path:
    """Return the folder of a gold set that ships with the package."""
    return Path(__file__).parents[1] / "gold" / name


def gold_folder(gold: str | Path) -> Path:
    """Return the folder of a gold set: the one of that path, or where none is there, the canon of that name."""
    folder = Path(gold)
    return canon_folder(str(gold)) if str(gold) in CANONS and not folder.exists() else folder


def read_gold_set(folder: str | Path, split: str = "test", *, corpus: Path | None = None) -> GoldSet:
    """Read one split of a gold set, or all of it (``split="all"``), its own or another ``corpus`` with it.

    ``folder`` may be the name of one of the `CANONS`.

    Where gold is spans and no question names a split, the split asked for makes no difference.

    Raises:
        GoldSetError: a file is missing or malformed, gold names a question or document that is not there, or
            there is no such split.
        CorpusError: the corpus cannot be read.
    """
    folder = gold_folder(folder)
    documents = tuple(read_documents([corpus or _require(folder / BEIR_CORPUS)]))
    questions = read_questions(folder)
    if has_spans(folder):
        lengths = {document.id: len(document.text) for document in documents}
        spans = _spans_by_question(folder / SPANS, questions, lengths)
        chosen = _spans_split(folder, questions, split)
        gold = {id: {span.document: 1 for span in spans[id]} for id in chosen if id in spans}
    else:
        spans = {}
        chosen, gold = _qrels_split(folder, questions, {document.id for document in documents}, split)
    if not gold:
        raise GoldSetError(f"{folder}: no relevant document for any question of split {split!r}")
    return GoldSet(
        folder=folder,
        documents=documents,
        questions={
            id: replace(question, gold=gold.get(id, {}), spans=spans.get(id, ()))
            for id, question in chosen.items()
        },
        split=split,
    )


def has_spans(folder: Path) -> bool:
    """Whether the gold of a set is spans of characters."""
    return (folder / SPANS).is_file() and not (folder / QRELS).is_dir()


def qrels_files(folder: Path) -> dict[str, Path]:
    """Return the qrels files by the split that each judges, sorted."""
    return {path.stem: path for path in sorted((folder / QRELS).glob("*.tsv"))}


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return what `MANIFEST` should say: a set's counts, and of each file its sha256, bytes and lines."""
    gold = read_gold_set(folder, ALL)
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


def read_questions(folder: Path) -> dict[str, GoldQuestion]:
    """Read the questions of a set by id, without what answers them."""
    path = _require(folder / QUERIES)
    questions: dict[str, GoldQuestion] = {}
    for number, record in read_json_lines(path, GoldSetError):
        where = f"{path}:{number}"
        id, text, metadata = record.get("_id"), record.get("text"), record.get("metadata") or {}
        if not isinstance(id, str) or not id or not isinstance(text, str) or not text.strip():
            raise GoldSetError(f"{where}: '_id' and 'text' must be non-empty strings")
        if id in questions:
            raise GoldSetError(f"{where}: question id {id!r} stands twice")
        if not isinstance(metadata, dict):
            raise GoldSetError(f"{where}: 'metadata' must be an object")
        split = metadata.get("split")
        if split is not None and (not isinstance(split, str) or not split or split == ALL):
            raise GoldSetError(f"{where}: 'split' must be the name of one split (got {split!r})")
        if not is_history(metadata.get("history") or []):
            raise GoldSetError(f"{where}: 'history' must be a list of objects with 'question' and 'answer'")
        questions[id] = GoldQuestion(id, text, metadata, split)
    return questions


def read_qrels(path: Path) -> Iterator[tuple[int, str, str, int]]:
    """Yield (line number from 1, question, document, grade) for each row of a qrels file, grades of 0 too."""
    for number, line in enumerate(read_utf8(path, GoldSetError).split("\n"), start=1):
        row = line.split("\t")
        if not line or (number == 1 and row[0] == "query-id"):
            continue
        try:
            yield number, row[0], row[1], int(row[2])
        except (IndexError, ValueError) as error:
            raise GoldSetError(
                f"{path}:{number}: expected query-id, corpus-id and a whole score, got {row}"
            ) from error


def read_spans(path: Path) -> Iterator[tuple[int, Any, Any, Any, Any]]:
    """Yield (line number from 1, question, document, start, end) for each line of a spans file, unchecked."""
    for number, record in read_json_lines(path, GoldSetError):
        question, document = record.get("query-id"), record.get("corpus-id")
        yield number, question, document, record.get("start"), record.get("end")


def is_history(value: object) -> bool:
    """Whether a value is a list of turns, each with a question and an answer."""
    return isinstance(value, list) and all(
        isinstance(turn, dict) and all(isinstance(turn.get(name), str) for name in ("question", "answer"))
        for turn in value
    )


def _require(path: Path) -> Path:
    if not path.is_file():
        raise GoldSetError(
            f"{path}: no such file; a gold set holds corpus.jsonl, queries.jsonl and qrels/test.tsv (BEIR "
            f"form), or spans.jsonl in place of qrels. Those that ship with the package: {', '.join(CANONS)}"
        )
    return path


def _spans_split(folder: Path, questions: Mapping[str, GoldQuestion], split: str) -> dict[str, GoldQuestion]:
    known = sorted({question.split for question in questions.values() if question.split is not None})
    if known and split not in (*known, ALL):
        raise GoldSetError(f"{folder}: no split {split!r}; known: {', '.join((*known, ALL))}")
    return {
        id: question for id, question in questions.items() if split == ALL or question.split in (None, split)
    }


def _qrels_split(
    folder: Path, questions: Mapping[str, GoldQuestion], documents: set[str], split: str
) -> tuple[dict[str, GoldQuestion], dict[str, dict[str, int]]]:
    """Return the questions of a split and their grades."""
    files = qrels_files(folder)
    if split != ALL or not files:
        _require(folder / QRELS / f"{'test' if split == ALL else split}.tsv")
    judged = {name: _grades(path, questions, documents) for name, path in files.items()}
    chosen: dict[str, GoldQuestion] = {}
    for id, question in questions.items():
        names = [name for name in judged if id in judged[name]]
        if question.split is not None and names not in ([], [question.split]):
            raise GoldSetError(
                f"{folder / QRELS}: question {id!r} is of split {question.split!r} in {QUERIES}, yet judged "
                f"in {', '.join(f'{name}.tsv' for name in names)}; judge it in {question.split}.tsv alone"
            )
        own = question.split or (split if split in names else next(iter(names), None))
        if split == ALL or own in (None, split):
            chosen[id] = replace(question, split=own)
    gold: dict[str, dict[str, int]] = {}
    for name in judged if split == ALL else [split]:
        for id, grades in judged[name].items():
            gold.setdefault(id, {}).update(grades)
    return chosen, gold


def _spans_by_question(
    path: Path, questions: Mapping[str, GoldQuestion], lengths: Mapping[str, int]
) -> dict[str, tuple[GoldSpan, ...]]:
    spans: dict[str, tuple[GoldSpan, ...]] = {}
    for number, question, document, start, end in read_spans(path):
        if not isinstance(question, str) or question not in questions:
            raise GoldSetError(f"{path}:{number}: question {question!r} is not in queries.jsonl")
        if not isinstance(document, str) or document not in lengths:
            raise GoldSetError(f"{path}:{number}: document {document!r} is not in corpus.jsonl")
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= lengths[document]):
            raise GoldSetError(
                f"{path}:{number}: span {start!r} to {end!r} does not lie in document {document!r}, which "
                f"has {lengths[document]} characters"
            )
        spans[question] = tuple(dict.fromkeys((*spans.get(question, ()), GoldSpan(document, start, end))))
    return spans


def _grades(
    path: Path, questions: Mapping[str, GoldQuestion], documents: set[str]
) -> dict[str, dict[str, int]]:
    """Return the grades above 0 of a qrels file."""
    grades: dict[str, dict[str, int]] = {}
    for number, question, document, grade in read_qrels(path):
        if question not in questions:
            raise GoldSetError(f"{path}:{number}: question {question!r} is not in queries.jsonl")
        if document not in documents:
            raise GoldSetError(f"{path}:{number}: document {document!r} is not in corpus.jsonl")
        if grade > 0:
            grades.setdefault(question, {})[document] = grade
    return grades
