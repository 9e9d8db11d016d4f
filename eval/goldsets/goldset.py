"""Gold sets in BEIR form: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``, or ``spans.jsonl``.

Gold is whole documents (qrels), or spans of characters within documents (spans): then a passage is right when
it holds at least half of a span, or lies at least half inside one, however the document is cut today.

Which split a question belongs to is said by its ``metadata.split``, since an unanswerable question has no row
in any qrels; where that is missing, by the qrels file that judges it. A question of no split is in every one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import BEIR_CORPUS, read_json_lines
from ...retrieval.corpus.reading import read_documents
from ...retrieval.errors import GoldSetError
from ...retrieval.passages import Document, Metadata, Passage
from .qrels import read_qrels

logger = logging.getLogger(__name__)

QUERIES = "queries.jsonl"
QRELS = "qrels"
SPANS = "spans.jsonl"
ALL = "all"
"""In place of a split: every question, with the gold of all splits."""
DEV, TEST = "dev", "test"
CANONS = ("builddaily", "paiddaily", "sagedaily")
"""The gold sets that ship with the package; each is a demo's index too."""
_NAMED = 5
"""Ids that a warning names at most."""


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
        return str(self.metadata.get("answer") or "").strip()

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
    def test(self) -> GoldSet | None:
        """Its test questions; ``None`` where it has none."""
        questions = {id: question for id, question in self.questions.items() if question.split == TEST}
        return replace(self, questions=questions, split=TEST) if questions else None

    @property
    def relevance(self) -> dict[str, dict[str, int]]:
        """Grade by unit by question id, see `GoldQuestion.grades`; questions without gold are absent."""
        return {question.id: question.grades for question in self.judged}

    @property
    def missing(self) -> dict[str, list[str]]:
        """The documents that gold names and the corpus lacks or holds empty, each with the questions it is gold for.

        Nothing can find them, so they count as lost: at the first step of the funnel, and in every measure.
        """
        known = {document.id for document in self.documents}
        found: dict[str, list[str]] = {}
        for question in self.judged:
            for document in question.gold.keys() - known:
                found.setdefault(document, []).append(question.id)
        return dict(sorted(found.items()))

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


def read_gold_set(folder: str | Path, split: str | None = None, *, corpus: Path | None = None) -> GoldSet:
    """Read one split of a gold set, or all of it (``split="all"``), its own or another ``corpus`` with it.

    Left out, the split is ``dev``, or else ``test``, or all questions where the set names neither.

    ``folder`` may be the name of one of the `CANONS`.

    Where gold is spans and no question names a split, the split asked for makes no difference.

    Gold whose document the corpus lacks or holds empty is kept, see `GoldSet.missing`. A question of which there is no
    text cannot be asked, and is left out. One warning names both; `quincunx gold check` lists them.

    Raises:
        GoldSetError: a file is missing or malformed, there is no such split, or no question of it has a document.
        CorpusError: the corpus cannot be read.
    """
    gold, unasked = read_split(gold_folder(folder), split, corpus)
    if faults := missing_gold(gold, unasked):
        logger.warning("%s, split %s: %s", gold.folder, gold.split, faults)
    return gold


def read_split(
    folder: Path, split: str | None = None, corpus: Path | None = None
) -> tuple[GoldSet, set[str]]:
    """Return what `read_gold_set` does, and without a warning the ids that have gold and no text to ask."""
    documents = tuple(read_documents([corpus or _require(folder / BEIR_CORPUS)]))
    questions = {id: question for id, question in read_questions(folder).items() if question.text.strip()}
    split = split or _default_split(folder, questions)
    spans: dict[str, tuple[GoldSpan, ...]] = {}
    if has_spans(folder):
        spans = _spans_by_question(
            folder / SPANS, {document.id: len(document.text) for document in documents}
        )
        chosen = _spans_split(folder, questions, split)
        gold = {id: {span.document: 1 for span in found} for id, found in spans.items()}
        unasked = gold.keys() - questions.keys()
    else:
        chosen, gold = _qrels_split(folder, questions, split)
        unasked = gold.keys() - chosen.keys()
    if not gold.keys() & chosen.keys():
        reason = "no relevant document for any question"
        if unasked:
            named = _named(unasked)
            reason = f"none of the questions that have gold has a text in {QUERIES} ({named}): are the ids spelt alike?"
        raise GoldSetError(f"{folder}: {reason} of split {split!r}")
    found = {
        id: replace(question, gold=gold.get(id, {}), spans=spans.get(id, ()))
        for id, question in chosen.items()
    }
    return GoldSet(folder, documents, found, split), set(unasked)


def missing_gold(gold: GoldSet, unasked: Collection[str]) -> str:
    """Say in a sentence what a gold set names and does not hold; empty where it holds everything."""
    faults = []
    if missing := gold.missing:
        asking = {question for questions in missing.values() for question in questions}
        judged = {document for question in gold.judged for document in question.gold}
        faults.append(
            f"{len(missing)} of {len(judged)} gold documents are not in the corpus, or hold no text ({_named(missing)}), "
            f"and count as not found for {len(asking)} questions"
        )
    if unasked:
        faults.append(
            f"{len(unasked)} questions have gold but no text in {QUERIES} ({_named(unasked)}), and are left out"
        )
    return "; ".join([*faults, "`quincunx gold check` lists them"]) if faults else ""


def _named(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids)[:_NAMED]) + (", …" if len(ids) > _NAMED else "")


def has_spans(folder: Path) -> bool:
    """Whether the gold of a set is spans of characters."""
    return (folder / SPANS).is_file() and not (folder / QRELS).is_dir()


def qrels_files(folder: Path) -> dict[str, Path]:
    """Return the qrels files by the split that each judges, sorted."""
    return {path.stem: path for path in sorted((folder / QRELS).glob("*.tsv"))}


def read_questions(folder: Path) -> dict[str, GoldQuestion]:
    """Read the questions of a set by id, without what answers them; one that has no text, with a blank one."""
    path = _require(folder / QUERIES)
    questions: dict[str, GoldQuestion] = {}
    for number, record in read_json_lines(path, GoldSetError):
        where = f"{path}:{number}"
        id, text, metadata = as_id(record.get("_id")), record.get("text"), record.get("metadata") or {}
        if not isinstance(id, str) or not id or not isinstance(text, str):
            raise GoldSetError(f"{where}: '_id' must be a non-empty string and 'text' a string")
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


def read_spans(path: Path) -> Iterator[tuple[int, Any, Any, Any, Any]]:
    """Yield (line number from 1, question, document, start, end) for each line of a spans file, unchecked."""
    for number, record in read_json_lines(path, GoldSetError):
        question, document = as_id(record.get("query-id")), as_id(record.get("corpus-id"))
        yield number, question, document, record.get("start"), record.get("end")


def as_id(value: object) -> object:
    """Return an id that is written as a whole number as the text of it, and whatever else as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


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


def _default_split(folder: Path, questions: Mapping[str, GoldQuestion]) -> str:
    """Return the split that is looked at without much thought: not the test questions where there are others."""
    spans = has_spans(folder)
    named = {question.split for question in questions.values()} if spans else qrels_files(folder).keys()
    return next((split for split in (DEV, TEST) if split in named), ALL)


def _spans_split(folder: Path, questions: Mapping[str, GoldQuestion], split: str) -> dict[str, GoldQuestion]:
    known = sorted({question.split for question in questions.values() if question.split is not None})
    if known and split not in (*known, ALL):
        raise GoldSetError(f"{folder}: no split {split!r}; known: {', '.join((*known, ALL))}")
    return {
        id: question for id, question in questions.items() if split == ALL or question.split in (None, split)
    }


def _qrels_split(
    folder: Path, questions: Mapping[str, GoldQuestion], split: str
) -> tuple[dict[str, GoldQuestion], dict[str, dict[str, int]]]:
    """Return the questions of a split and their grades."""
    files = qrels_files(folder)
    if split != ALL or not files:
        _require(folder / QRELS / f"{'test' if split == ALL else split}.tsv")
    judged = {name: _grades(path) for name, path in files.items()}
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


def _spans_by_question(path: Path, lengths: Mapping[str, int]) -> dict[str, tuple[GoldSpan, ...]]:
    """Return the gold spans of each question; ``lengths`` is the characters of each document that is there."""
    spans: dict[str, tuple[GoldSpan, ...]] = {}
    for number, question, document, start, end in read_spans(path):
        if not (isinstance(question, str) and question and isinstance(document, str) and document):
            raise GoldSetError(
                f"{path}:{number}: no 'query-id' or 'corpus-id' (got {question!r}, {document!r})"
            )
        characters = lengths.get(document)
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end) or (
            characters is not None and end > characters
        ):
            raise GoldSetError(
                f"{path}:{number}: span {start!r} to {end!r} does not lie in document {document!r}, which "
                f"has {characters or 0} characters"
            )
        spans[question] = tuple(dict.fromkeys((*spans.get(question, ()), GoldSpan(document, start, end))))
    return spans


def _grades(path: Path) -> dict[str, dict[str, int]]:
    """Return the grades above 0 of a qrels file; of two for one document, the higher."""
    grades: dict[str, dict[str, int]] = {}
    for _, question, document, grade in read_qrels(path):
        if grade > 0:
            held = grades.setdefault(question, {})
            held[document] = max(grade, held.get(document, 0))
    return grades
