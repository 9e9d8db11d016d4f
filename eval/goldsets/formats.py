"""The forms that gold sets come in elsewhere, read into questions, documents and gold.

    form    what is read
    beir    a folder with corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv (or spans.jsonl)
    csv     columns ``question`` and ``document``, and if there ``id``, ``grade``, ``answer``, ``split`` and
            ``history`` (JSON); every other column becomes metadata. Several documents, and as many grades,
            are separated by ``;``. Rows of one question (one ``id``, else one text and history) are joined. A
            question with no document is unanswerable; a document with no grade has grade 1
    trec    a folder with topics (``topics*``: lines ``id<TAB>text``, or ``<top>`` blocks) and qrels
            (``qrels*``: ``topic iteration document grade``); ``qrels.SPLIT.txt`` names a split, a lone
            ``qrels.txt`` none
    squad   JSON of articles, paragraphs and questions; each paragraph becomes a document, each answer a span
            of its characters, and a question that ``is_impossible`` is unanswerable

A judgement of a document that the corpus lacks is kept, as one that nothing can find. Whatever else is wrong with a
source becomes one `GoldSetError` that names the file, the line (in SQuAD's JSON the place), the value and what to do.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import BEIR_CORPUS, read_csv_rows, read_utf8
from ...retrieval.corpus.reading import read_documents
from ...retrieval.errors import GoldSetError
from ...retrieval.passages import Document
from .goldset import ALL, GoldQuestion, GoldSpan, is_history, read_split
from .qrels import whole_grade

logger = logging.getLogger(__name__)


@dataclass
class _Draft:
    """One question while its source is read."""

    text: str
    metadata: dict[str, Any]
    split: str | None = None
    gold: dict[str, int] = field(default_factory=dict)
    spans: list[GoldSpan] = field(default_factory=list)

    def question(self, id: str) -> GoldQuestion:
        gold = self.gold or {span.document: 1 for span in self.spans}
        return GoldQuestion(id, self.text, self.metadata, self.split, gold, tuple(dict.fromkeys(self.spans)))


@dataclass(frozen=True)
class Source:
    """What a source holds."""

    documents: tuple[Document, ...]
    questions: list[GoldQuestion]
    articles: Mapping[str, str] = field(default_factory=dict)
    """By document id, where several documents were cut from one article."""
    unknown: list[str] = field(default_factory=list)
    """What is wrong with each judgement that names a document or topic which is not there."""


def _read_beir(source: Path, corpus: Path | None) -> Source:
    gold, unasked = read_split(source, ALL, corpus)
    if unasked:
        logger.warning("%s: %d questions have gold but no text, and were left out", source, len(unasked))
    return Source(gold.documents, list(gold.questions.values()))


def _read_csv(source: Path, corpus: Path | None) -> Source:
    if corpus is None:
        raise GoldSetError(f"{source}: a CSV file holds no documents; pass --corpus, where they lie")
    documents = tuple(read_documents([corpus]))
    known = {document.id for document in documents}
    rows = read_csv_rows(source, GoldSetError)
    header = [name.strip().lower() for name in next(rows, (1, []))[1]]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise GoldSetError(f"{source}:1: column {twice[0]!r} stands twice; rename one")
    missing = {"question", "document"} - set(header)
    if missing:
        raise GoldSetError(
            f"{source}:1: no column {' and '.join(sorted(missing))} (got {', '.join(header) or 'nothing'}); "
            "the first row names the columns, question and document among them"
        )
    drafts: dict[str, _Draft] = {}
    unknown: list[str] = []
    ids: dict[tuple[str, str], str] = {}
    for number, row in rows:
        where = f"{source}:{number}"
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        text = cells.pop("question")
        if not text:
            raise GoldSetError(f"{where}: the question is empty; give it a text or remove the row")
        id = cells.pop("id", "") or ids.setdefault((text, cells.get("history", "")), f"q{len(ids) + 1}")
        grades = _csv_grades(cells.pop("document"), cells.pop("grade", ""), where)
        unknown += [
            f"{where}: document {id!r} is not in the corpus; correct the id or add the document"
            for id in grades.keys() - known
        ]
        split = cells.pop("split", "") or None
        metadata: dict[str, Any] = {name: cell for name, cell in cells.items() if name and cell}
        if "history" in metadata:
            metadata["history"] = _json(metadata["history"], f"{where}: history")
            if not is_history(metadata["history"]):
                raise GoldSetError(
                    f"{where}: history {cells['history'][:60]!r} is no list of objects with 'question' and "
                    "'answer'; correct it or leave it empty"
                )
        draft = drafts.setdefault(id, _Draft(text, {}, split))
        if (draft.text, draft.split) != (text, split):
            raise GoldSetError(
                f"{where}: question {id!r} has text {text!r} and split {split!r} here, {draft.text!r} and "
                f"{draft.split!r} above; give one question one text and one split"
            )
        draft.metadata |= metadata
        draft.gold |= grades
    questions = [_mark_answerable(draft).question(id) for id, draft in drafts.items()]
    return Source(documents, questions, unknown=unknown)


def _mark_answerable(draft: _Draft) -> _Draft:
    draft.metadata["answerable"] = bool(draft.gold or draft.spans)
    return draft


def _csv_grades(documents: str, grades: str, where: str) -> dict[str, int]:
    ids = [id.strip() for id in documents.split(";") if id.strip()]
    values = [grade.strip() for grade in grades.split(";") if grade.strip()] or ["1"]
    if len(values) == 1:
        values *= len(ids)
    if ids and len(values) != len(ids):
        raise GoldSetError(
            f"{where}: {len(values)} grades for {len(ids)} documents; give one, or one for each"
        )
    return {id: _grade(value, where) for id, value in zip(ids, values, strict=False)}


def _grade(value: str, where: str, least: int = 1) -> int:
    grade = whole_grade(value)
    if grade is None:
        raise GoldSetError(f"{where}: grade {value!r} is no whole number; use 1, 2 and so on")
    if grade < least:
        raise GoldSetError(f"{where}: grade {value!r} is below {least}; leave out what is not relevant")
    return grade


def _read_trec(source: Path, corpus: Path | None) -> Source:
    if not source.is_dir():
        raise GoldSetError(f"{source}: no folder; pass the one that holds the topics* and qrels* files")
    documents = tuple(read_documents([corpus or source / BEIR_CORPUS]))
    known = {document.id for document in documents}
    topics = sorted(path for path in source.glob("topics*") if path.is_file())
    qrels = sorted(path for path in source.glob("qrels*") if path.is_file())
    for name, files in (("topics", topics), ("qrels", qrels)):
        if not files:
            raise GoldSetError(f"{source}: no {name}* file; a TREC set holds topics* and qrels* files")
    drafts: dict[str, _Draft] = {}
    unknown: list[str] = []
    unasked: set[str] = set()
    for path in topics:
        for where, id, text in _topics(path):
            if id in drafts:
                raise GoldSetError(f"{where}: topic {id!r} stands twice; remove one")
            drafts[id] = _Draft(text, {})
    for path in qrels:
        parts = path.name.split(".")
        split = parts[1] if len(parts) > 2 else None
        for number, line in enumerate(read_utf8(path, GoldSetError).split("\n"), start=1):
            if not line.strip():
                continue
            where, cells = f"{path}:{number}", line.split()
            if len(cells) != 4:
                raise GoldSetError(
                    f"{where}: {line[:60]!r} is not 'topic iteration document grade'; mend the line"
                )
            topic, _, document, value = cells
            grade = _grade(value, where, least=-100)
            if topic not in drafts:
                unknown.append(f"{where}: topic {topic!r} is in no topics file; add it or remove the line")
                unasked.add(topic)
                continue
            draft = drafts[topic]
            if draft.split is not None and draft.split != split:
                raise GoldSetError(
                    f"{where}: topic {topic!r} is judged for {draft.split} too; judge it for one split"
                )
            draft.split = split
            if grade > 0:
                draft.gold[document] = max(grade, draft.gold.get(document, 0))
                if document not in known:
                    unknown.append(
                        f"{where}: document {document!r} is not in the corpus; add it or remove the line"
                    )
    if unasked:
        logger.warning("%s: %d judged topics are in no topics file and were left out", source, len(unasked))
    return Source(documents, [draft.question(id) for id, draft in drafts.items()], unknown=unknown)


_TOP = re.compile(r"<top>(.*?)</top>", re.DOTALL)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)")
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]+)")


def _topics(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (place, id, text) for each topic."""
    text = read_utf8(path, GoldSetError)
    if "<top>" in text:
        for block in _TOP.finditer(text):
            where = f"{path}:{text.count(chr(10), 0, block.start()) + 1}"
            number, title = _NUMBER.search(block[1]), _TITLE.search(block[1])
            if number is None or title is None or not title[1].strip():
                raise GoldSetError(f"{where}: a <top> without <num> or <title>; a topic needs both")
            yield where, number[1], " ".join(title[1].split())
        return
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        id, tab, topic = line.partition("\t")
        if not tab or not id.strip() or not topic.strip():
            raise GoldSetError(f"{path}:{line_number}: {line[:60]!r} is not 'id<TAB>text'; mend the line")
        yield f"{path}:{line_number}", id.strip(), topic.strip()


def _read_squad(source: Path, corpus: Path | None) -> Source:
    if corpus is not None:
        raise GoldSetError(f"{source}: SQuAD's JSON holds its documents; leave --corpus ({corpus}) out")
    root = _json(read_utf8(source, GoldSetError), str(source))
    documents: list[Document] = []
    questions: dict[str, GoldQuestion] = {}
    articles: dict[str, str] = {}
    for place, article in _objects(root, "data", str(source)):
        title = article.get("title") if isinstance(article.get("title"), str) else ""
        for where, paragraph in _objects(article, "paragraphs", place):
            name = re.sub(r"\W+", "-", title or "").strip("-") or "article"
            id = f"{name}-{len(documents) + 1}"
            text = _text(paragraph, "context", where)
            documents.append(Document(id, (title or "").replace("_", " "), text))
            articles[id] = place
            for spot, asked in _objects(paragraph, "qas", where):
                question = _squad_question(asked, documents[-1], spot)
                if question.id in questions:
                    raise GoldSetError(
                        f"{spot}: question id {question.id!r} stands twice; give it one of its own"
                    )
                questions[question.id] = question
    if not documents:
        raise GoldSetError(f"{source}: no paragraph in 'data'; is this SQuAD's form?")
    return Source(tuple(documents), list(questions.values()), articles)


def _squad_question(asked: Mapping[str, Any], document: Document, where: str) -> GoldQuestion:
    id = str(asked.get("id", "")).strip()
    if not id:
        raise GoldSetError(f"{where}: no 'id'; give the question one")
    draft = _Draft(_text(asked, "question", where), {})
    answers = list(_objects(asked, "answers", where)) if asked.get("answers") else []
    if asked.get("is_impossible") is True:
        return _mark_answerable(draft).question(id)
    if not answers:
        raise GoldSetError(f'{where}: question {id!r} has no answer; add one, or say "is_impossible": true')
    for place, answer in answers:
        text, start = _text(answer, "text", place), answer.get("answer_start")
        if not isinstance(start, int) or start < 0 or document.text[start : start + len(text)] != text:
            raise GoldSetError(
                f"{place}: answer {text[:60]!r} does not stand at character {start!r} of its context; "
                "correct 'answer_start' (it counts characters, not bytes)"
            )
        draft.spans.append(GoldSpan(document.id, start, start + len(text)))
    draft.metadata["answer"] = answers[0][1]["text"]
    return _mark_answerable(draft).question(id)


def _objects(value: Any, name: str, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of a list within an object, each with its place."""
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise GoldSetError(
            f"{where}: {name!r} must be a list (got {str(items)[:60]!r}); is this SQuAD's form?"
        )
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise GoldSetError(f"{where}.{name}[{number}]: must be an object (got {str(item)[:60]!r})")
        yield f"{where}.{name}[{number}]", item


def _text(value: Mapping[str, Any], name: str, where: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text.strip():
        raise GoldSetError(f"{where}: {name!r} must be a text that is not empty (got {str(text)[:60]!r})")
    return text


def _json(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise GoldSetError(
            f"{where}:{error.lineno}: not JSON ({error.msg} at column {error.colno})"
        ) from error
    except (RecursionError, ValueError) as error:
        raise GoldSetError(f"{where}: not JSON that can be read ({error})") from error
    return value


FORMS: Mapping[str, Callable[[Path, Path | None], Source]] = {
    "beir": _read_beir,
    "csv": _read_csv,
    "trec": _read_trec,
    "squad": _read_squad,
}
