"""What is wrong with a gold set, or makes its numbers say less than they seem to.

    kind                        severity   what it means
    unreadable                  error      a file is missing or malformed; nothing further was looked at
    unknown_question            error      gold for a question that is not there
    blank_question              error      a question without text, which nobody can ask
    unknown_document            error      gold that names a document that is not there, or no span within it
    empty_document              error      gold that names a document without title and text
    contradicting_grades        error      two grades for one document and question in one file (the higher counts)
    repeated_judgement          warning    one grade for them, twice
    unanswerable_judged         error      marked as unanswerable, yet it has gold
    answerable_without_gold     error      marked as answerable, yet it has none (warning: not marked)
    question_in_two_splits      error      judged in two files, or not in its ``metadata.split``
    document_in_two_splits      error      gold for questions of two splits
    near_duplicate_questions    error      one question, nearly, in two splits
    near_duplicate_documents    error      the gold of two splits is one text, nearly
    leaked_question             error      a demo of a saved program holds a question of dev or test
    leaked_document             error      a demo answers with gold of dev or test (warning: reads it)
    unjudged_duplicate          warning    a document that is nearly the gold one counts as wrong
    question_without_split      warning    in a set with splits, a question that belongs to all of them
    no_manifest                 warning    nothing says which files these should be
    manifest_mismatch           error      a file is not the one that the manifest names

How alike two texts must be, and how that is counted, says `near_duplicates`. No model is asked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...programs.artifact.schema import Artifact
from ...retrieval.corpus.beir import BEIR_CORPUS, read_json_lines
from ...retrieval.corpus.reading import read_documents
from ...retrieval.errors import CorpusError, GoldSetError
from ...retrieval.passages import Document
from .goldset import (
    QRELS,
    QUERIES,
    SPANS,
    GoldQuestion,
    gold_folder,
    has_spans,
    qrels_files,
    read_questions,
    read_spans,
)
from .manifest import MANIFEST, manifest_of
from .near_duplicates import (
    SAME_DOCUMENT,
    SAME_QUESTION,
    KnownTexts,
    find_contained,
    question_words,
    shingles,
    similar_pairs,
)
from .qrels import read_qrels

TRAINED_ON = "train"
"""The split that programs may be optimised on."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class GoldFinding:
    """One thing that is wrong."""

    kind: str
    """One of the kinds above; stable."""
    where: str
    """The file, with its line where there is one."""
    detail: str
    """What was found there."""
    remedy: str
    severity: Severity = "error"


@dataclass(frozen=True)
class _Judgement:
    where: str
    question: str
    document: str
    split: str | None
    """Of the qrels file; none where gold is spans."""
    grade: int = 1


@dataclass(frozen=True)
class _Set:
    """A gold set as it lies on disk, whatever contradicts what."""

    folder: Path
    documents: Mapping[str, Document]
    questions: Mapping[str, GoldQuestion]
    """Those that have a text."""
    blank: tuple[str, ...]
    """Ids of the others."""
    judgements: tuple[_Judgement, ...]
    """Those of a grade above 0."""
    repeated: tuple[tuple[_Judgement, _Judgement], ...]
    """Two rows of one qrels file about one question and document, whatever their grades."""
    empty: frozenset[str]
    """Ids of the documents that stand in the corpus without title and text."""

    def splits_of_documents(self) -> dict[str, dict[str, str]]:
        """Return, by gold document, a question of each split that it is gold for."""
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for judgement in self.judgements:
            question = self.questions.get(judgement.question)
            split = judgement.split or (question.split if question else None)
            if split is not None and judgement.document in self.documents:
                found[judgement.document].setdefault(split, judgement.question)
        return dict(found)

    def splits_of_questions(self) -> dict[str, str]:
        """Return the split of each question that has one."""
        judged = {j.question: j.split for j in self.judgements if j.split is not None}
        own = {id: question.split or judged.get(id) for id, question in self.questions.items()}
        return {id: split for id, split in own.items() if split is not None}


def check_gold_set(folder: str | Path, program: Artifact | None = None) -> list[GoldFinding]:
    """Return what is wrong with a gold set, and what of it leaked into a program's demos; errors first."""
    folder = gold_folder(folder)
    try:
        gold = _read(folder)
    except (GoldSetError, CorpusError) as error:
        return [
            GoldFinding("unreadable", str(folder), str(error), "mend or restore the file and check again")
        ]
    findings = [
        *_references(gold),
        *_splits(gold),
        *_near_duplicate_questions(gold),
        *_near_duplicate_documents(gold),
        *_manifest(gold),
        *(_leaks(gold, program) if program is not None else ()),
    ]
    return sorted(findings, key=lambda finding: finding.severity)


def _read(folder: Path) -> _Set:
    if not (folder / BEIR_CORPUS).is_file():
        raise GoldSetError(f"{folder / BEIR_CORPUS}: no such file")
    documents = {document.id: document for document in read_documents([folder / BEIR_CORPUS])}
    everyone = read_questions(folder)
    questions = {id: question for id, question in everyone.items() if question.text.strip()}
    blank = tuple(id for id in everyone if id not in questions)
    judgements: list[_Judgement] = []
    repeated: list[tuple[_Judgement, _Judgement]] = []
    if has_spans(folder):
        for number, question, document, start, end in read_spans(folder / SPANS):
            where, name = f"{folder / SPANS}:{number}", str(document)
            known = documents.get(name)
            if known and not (
                isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(known.text)
            ):
                name = f"{name}[{start}:{end}]"
            judgements.append(_Judgement(where, str(question), name, None))
    else:
        if not qrels_files(folder):
            raise GoldSetError(f"{folder / QRELS}: no SPLIT.tsv in it, and no {SPANS} beside it")
        for split, path in qrels_files(folder).items():
            first: dict[tuple[str, str], _Judgement] = {}
            for number, question, document, grade in read_qrels(path):
                judgement = _Judgement(f"{path}:{number}", question, document, split, grade)
                earlier = first.setdefault((question, document), judgement)
                if earlier is not judgement:
                    repeated.append((earlier, judgement))
                if grade > 0:
                    judgements.append(judgement)
    records = read_json_lines(folder / BEIR_CORPUS, CorpusError)
    empty = {str(record.get("_id")) for _, record in records} - documents.keys()
    return _Set(folder, documents, questions, blank, tuple(judgements), tuple(repeated), frozenset(empty))


def _references(gold: _Set) -> Iterator[GoldFinding]:
    judged: dict[str, str] = {}
    for judgement in gold.judgements:
        judged.setdefault(judgement.question, judgement.where)
        if judgement.question not in gold.questions and judgement.question not in gold.blank:
            yield GoldFinding(
                "unknown_question",
                judgement.where,
                f"question {judgement.question!r} is not in {QUERIES}",
                "correct the id, add the question or remove the line",
            )
        if judgement.document in gold.empty:
            yield GoldFinding(
                "empty_document",
                judgement.where,
                f"document {judgement.document!r} has neither title nor text in {BEIR_CORPUS}, so nothing finds it",
                "give the document its text or remove the line",
            )
        elif judgement.document not in gold.documents:
            yield GoldFinding(
                "unknown_document",
                judgement.where,
                f"document {judgement.document!r} is not in {BEIR_CORPUS}",
                "correct it, add the document or remove the line",
            )
    for id in gold.blank:
        yield GoldFinding(
            "blank_question",
            str(gold.folder / QUERIES),
            f"question {id!r} has no text, so it is left out",
            "give it its text, or remove it and its gold",
        )
    for earlier, later in gold.repeated:
        differ = earlier.grade != later.grade
        yield GoldFinding(
            "contradicting_grades" if differ else "repeated_judgement",
            later.where,
            f"document {later.document!r} has grade {later.grade} for question {later.question!r}, and "
            f"{f'grade {earlier.grade}' if differ else 'the same'} at {earlier.where}",
            "keep one of the lines",
            "error" if differ else "warning",
        )
    for id, question in gold.questions.items():
        where = str(gold.folder / QUERIES)
        if not question.answerable and id in judged:
            yield GoldFinding(
                "unanswerable_judged",
                judged[id],
                f"question {id!r} is marked as unanswerable",
                "mark it as answerable or remove its gold",
            )
        if question.answerable and id not in judged:
            marked = "answerable" in question.metadata
            yield GoldFinding(
                "answerable_without_gold",
                where,
                f"question {id!r} has no gold and is {'' if marked else 'not '}marked as "
                f"{'answerable' if marked else 'unanswerable'}",
                'judge a document for it, or set "answerable": false',
                "error" if marked else "warning",
            )


def _splits(gold: _Set) -> Iterator[GoldFinding]:
    files: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for judgement in gold.judgements:
        if judgement.split is not None:
            files[judgement.question].setdefault(judgement.split, judgement.where)
    for id, judged in files.items():
        own = gold.questions[id].split if id in gold.questions else None
        splits = {*judged, *([own] if own else [])}
        if len(splits) > 1:
            yield GoldFinding(
                "question_in_two_splits",
                next(where for split, where in judged.items() if split != own),
                f"question {id!r} belongs to {' and '.join(sorted(splits))}",
                f"judge it in {own or 'one split'} alone",
            )
    for document, found in gold.splits_of_documents().items():
        if len(found) > 1:
            named = ", ".join(f"{split} ({question})" for split, question in sorted(found.items()))
            yield GoldFinding(
                "document_in_two_splits",
                str(gold.folder),
                f"document {document!r} is gold in {named}",
                "move these questions into one split",
            )
    known = gold.splits_of_questions()
    if len(set(known.values())) > 1:
        for id in sorted(gold.questions.keys() - known.keys()):
            yield GoldFinding(
                "question_without_split",
                str(gold.folder / QUERIES),
                f"question {id!r} names no split and is in no qrels",
                "set its metadata.split",
                "warning",
            )


def _near_duplicate_questions(gold: _Set) -> Iterator[GoldFinding]:
    splits = gold.splits_of_questions()
    words = {id: question_words(gold.questions[id].text, gold.questions[id].history) for id in splits}
    for one, other, likeness in similar_pairs(words, SAME_QUESTION):
        if splits[one] != splits[other]:
            yield GoldFinding(
                "near_duplicate_questions",
                str(gold.folder / QUERIES),
                f"questions {one!r} ({splits[one]}) and {other!r} ({splits[other]}) are {likeness:.2f} "
                f"alike, at {SAME_QUESTION} they count as one",
                "keep one, reword one or move both into one split",
            )


def _near_duplicate_documents(gold: _Set) -> Iterator[GoldFinding]:
    where = str(gold.folder / BEIR_CORPUS)
    judged = gold.splits_of_documents()
    asking: defaultdict[str, set[str]] = defaultdict(set)
    for judgement in gold.judgements:
        asking[judgement.document].add(judgement.question)
    runs = {id: shingles(document.text) for id, document in gold.documents.items()}
    for pair in similar_pairs(runs, SAME_DOCUMENT):
        likeness = f"{pair[2]:.2f} alike, at {SAME_DOCUMENT} they count as one"
        one, other = sorted(pair[:2], key=lambda id: (id not in asking, id))
        between = sorted(judged.get(one, {}).keys() ^ judged.get(other, {}).keys())
        if one in judged and other in judged and between:
            yield GoldFinding(
                "near_duplicate_documents",
                where,
                f"documents {one!r} and {other!r}, gold in different splits ({', '.join(between)}), are "
                f"{likeness}",
                "judge both for the same questions, or move these into one split",
            )
        elif missing := sorted(asking[one] ^ asking[other]):
            unjudged = one if missing[0] in asking[other] else other
            yield GoldFinding(
                "unjudged_duplicate",
                where,
                f"documents {one!r} and {other!r} are {likeness}, but {unjudged!r} is not judged for "
                f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}",
                "judge it too, or remove one of them",
                "warning",
            )


def _manifest(gold: _Set) -> Iterator[GoldFinding]:
    path = gold.folder / MANIFEST
    if not path.is_file():
        yield GoldFinding("no_manifest", str(path), "no such file", "write it with write_manifest", "warning")
        return
    remedy = "restore the file; or, where the change is meant, write the manifest again"
    try:
        manifest, found = json.loads(path.read_bytes()), manifest_of(gold.folder)
        listed = {name: dict(facts) for name, facts in dict(manifest["files"]).items()}
    except (GoldSetError, CorpusError):
        return  # what keeps the set from being read is a finding already
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield GoldFinding(
            "manifest_mismatch", str(path), f"cannot be read ({type(error).__name__}: {error})", remedy
        )
        return
    for name in sorted(listed.keys() | found["files"].keys()):
        here, there = found["files"].get(name), listed.get(name)
        if here is None or there is None:
            detail = "listed, but not there" if here is None else "there, but not listed"
        elif changed := sorted(fact for fact in here if here[fact] != there.get(fact)):
            detail = ", ".join(f"{fact} is {here[fact]}, listed is {there.get(fact)}" for fact in changed)
        else:
            continue
        yield GoldFinding("manifest_mismatch", str(gold.folder / name), detail, remedy)
    for fact in ("documents", "questions", "splits"):
        if manifest.get(fact) != found[fact]:
            detail = f"{fact}: {found[fact]} here, {manifest.get(fact)} listed"
            yield GoldFinding("manifest_mismatch", str(path), detail, remedy)


def _leaks(gold: _Set, program: Artifact) -> Iterator[GoldFinding]:
    splits = gold.splits_of_questions()
    sealed = {id: split for id, split in splits.items() if split != TRAINED_ON}
    documents = {
        id: "/".join(sorted(found.keys() - {TRAINED_ON}))
        for id, found in gold.splits_of_documents().items()
        if found.keys() - {TRAINED_ON}
    }
    known = KnownTexts(
        questions={id: question_words(gold.questions[id].text) for id in sealed},
        documents={id: shingles(gold.documents[id].text) for id in documents},
    )
    for name, predictor in program.predictors.items():
        outputs = {field.name for field in predictor.fields if field.role == "output"}
        for number, demo in enumerate(predictor.demos):
            where = f"{name}: demo {number}"
            for field, value in demo.items():
                questions, found = find_contained(value, known)
                for id in questions:
                    yield GoldFinding(
                        "leaked_question",
                        f"{where}: {field}",
                        f"holds question {id!r} of {sealed[id]}",
                        f"optimise on {TRAINED_ON} alone, and save the program again",
                    )
                for id in found:
                    yield GoldFinding(
                        "leaked_document",
                        f"{where}: {field}",
                        f"holds document {id!r}, gold of {documents[id]}",
                        "leave this demo out, and save the program again",
                        "error" if field in outputs else "warning",
                    )
