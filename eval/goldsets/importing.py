"""Making a gold set: of a source in another form, split by document, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import BEIR_CORPUS, document_record
from ...retrieval.errors import GoldSetError
from ...retrieval.passages import Document
from .clusters import question_clusters
from .formats import FORMS, Source
from .goldset import ALL, QRELS, QUERIES, SPANS, GoldQuestion, GoldSet, read_gold_set
from .manifest import write_manifest
from .near_duplicates import SAME_DOCUMENT, SAME_QUESTION, question_words, shingles, similar_pairs

logger = logging.getLogger(__name__)

SHARES = {"train": 0.4, "dev": 0.2, "test": 0.4}
"""How many of the questions each split gets, about."""
_SPLIT = re.compile(r"[A-Za-z0-9_-]{1,50}")


def import_gold_set(
    source: str | Path, form: str, out: str | Path, *, corpus: str | Path | None = None, seed: int = 0
) -> GoldSet:
    """Read a source of one of the `FORMS`, write it as a gold set with its manifest, and return that.

    Args:
        corpus: Where the documents lie, in any form that `read_documents` reads. CSV needs it; with TREC and
            BEIR it takes the place of the source's own ``corpus.jsonl``; SQuAD brings its documents along.
        seed: Of the splits, where the source has none.

    Raises:
        GoldSetError: a file is malformed or incomplete (with its line, the value and what to do), or ``out``
            is there already. Nothing is left of ``out`` then.
        CorpusError: the corpus cannot be read.
    """
    source, out = Path(source), Path(out)
    if form not in FORMS:
        raise GoldSetError(f"unknown form {form!r}; known: {', '.join(FORMS)}")
    require_new_folder(out)
    found = FORMS[form](source, None if corpus is None else Path(corpus))
    known = [question for question in found.questions if question.gold or not question.answerable]
    if left_out := len(found.questions) - len(known):
        logger.warning("%s: %d questions without any relevant document were left out", source, left_out)
    documents = {document.id for document in found.documents}
    if not any(question.gold.keys() & documents for question in known):
        reason = f"{source}: no question has a relevant document in the corpus; judge at least one"
        raise GoldSetError(next(iter(found.unknown), reason))
    write_gold_set(out, found.documents, _with_splits(known, found, seed))
    return read_gold_set(out, ALL)


def require_new_folder(out: Path) -> None:
    """Raise `GoldSetError` where something of that name is there."""
    if out.exists() or out.is_symlink():
        raise GoldSetError(f"{out}: is there already; name a folder that is not, or remove it first")


def _with_splits(questions: list[GoldQuestion], found: Source, seed: int) -> list[GoldQuestion]:
    """Give each question that has none a split, such that `check_gold_set` finds nothing alike in two of them."""
    given = Counter(question.split for question in questions if question.split is not None)
    shares = {split: n / given.total() for split, n in sorted(given.items())} if given else SHARES
    without = [question for question in questions if question.split is None]
    split = split_by_document(
        without,
        sources=found.articles,
        alike=_near_duplicate_pairs(without, found.documents),
        shares=shares,
        seed=seed,
    )
    return [replace(question, split=question.split or split[question.id]) for question in questions]


def _near_duplicate_pairs(
    questions: Sequence[GoldQuestion], documents: Iterable[Document]
) -> Iterator[tuple[str, str]]:
    """Yield pairs of questions that nearly are one, or whose gold nearly is."""
    words = {question.id: question_words(question.text, question.history) for question in questions}
    asking = {document: question.id for question in questions for document in question.gold}
    texts = {document.id: shingles(document.text) for document in documents if document.id in asking}
    yield from (pair[:2] for pair in similar_pairs(words, SAME_QUESTION))
    yield from ((asking[one], asking[other]) for one, other, _ in similar_pairs(texts, SAME_DOCUMENT))


def write_gold_set(out: Path, documents: Iterable[Document], questions: Sequence[GoldQuestion]) -> None:
    """Write a gold set, each question with its split, so that a reader finds all of it or nothing.

    Raises:
        GoldSetError: ``out`` is there already, an id cannot stand in a qrels file, a split cannot name one,
            or what was written reads back with a fault.
    """
    for split in sorted({question.split for question in questions if question.split is not None}):
        if not _SPLIT.fullmatch(split) or split == ALL:
            raise GoldSetError(
                f"{out}: split {split!r} cannot name a file; use letters, digits, '_' and '-', not {ALL!r}"
            )
    for id in (id for question in questions for id in (question.id, *question.gold)):
        if not id or any(mark in id for mark in "\t\n\r"):
            raise GoldSetError(
                f"{out}: id {id!r} is empty or holds a tab or line end; rename it in the source"
            )
    out.parent.mkdir(parents=True, exist_ok=True)
    building = out.parent / f".{out.name}.{uuid.uuid4().hex}"
    building.mkdir()
    try:
        _write_files(building, documents, questions)
        write_manifest(building)
        try:
            os.rename(building, out)
        except OSError as error:
            raise GoldSetError(f"{out}: {error.strerror}; name a folder that is not there") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_files(folder: Path, documents: Iterable[Document], questions: Sequence[GoldQuestion]) -> None:
    _write_lines(folder / BEIR_CORPUS, map(document_record, documents))
    _write_lines(
        folder / QUERIES,
        (
            {
                "_id": q.id,
                "text": q.text,
                "metadata": {**q.metadata} | ({"split": q.split} if q.split else {}),
            }
            for q in questions
        ),
    )
    if any(question.spans for question in questions):
        _write_lines(
            folder / SPANS,
            (
                {"query-id": q.id, "corpus-id": span.document, "start": span.start, "end": span.end}
                for q in questions
                for span in q.spans
            ),
        )
        return
    (folder / QRELS).mkdir()
    for split in sorted({question.split or "test" for question in questions}):
        rows = [
            f"{q.id}\t{document}\t{grade}\n"
            for q in questions
            if (q.split or "test") == split
            for document, grade in q.gold.items()
        ]
        text = "query-id\tcorpus-id\tscore\n" + "".join(rows)
        (folder / QRELS / f"{split}.tsv").write_text(text, encoding="utf-8")


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")


def split_by_document(
    questions: Sequence[GoldQuestion],
    *,
    sources: Mapping[str, str] | None = None,
    alike: Iterable[tuple[str, str]] = (),
    shares: Mapping[str, float] = SHARES,
    seed: int = 0,
) -> dict[str, str]:
    """Return a split for each question, such that no document is gold in two splits.

    Questions that share a gold document, or documents of one source, stay together; within that, the splits
    get their share of all questions, and of each kind, of each program and of the unanswerable ones. The same
    input gives the same splits, in whatever order; another seed, others.

    Args:
        sources: The source of a document by its id, where several documents were cut from one.
        alike: Pairs of questions that must not be parted either.
    """
    groups = sorted(
        _clusters(questions, sources or {}, alike),
        key=lambda cluster: (-len(cluster), _seeded_hash(seed, min(question.id for question in cluster))),
    )
    traits = [Counter(trait for question in cluster for trait in _traits(question)) for cluster in groups]
    totals = sum(traits, Counter[str]())
    filled: dict[str, Counter[str]] = {split: Counter() for split in shares}

    def room(split: str, added: Counter[str]) -> float:
        """How much of what is added the split still lacks, each trait counted by its rarity."""
        return sum(
            n * (1 - (filled[split][t] + n / 2) / (shares[split] * totals[t])) / totals[t]
            for t, n in sorted(added.items())
        )

    place: list[str] = []
    for added in traits:
        split = max(shares, key=lambda name: room(name, added))
        filled[split].update(added)
        place.append(split)
    for _ in range(5):
        before = list(place)
        for number, added in enumerate(traits):
            filled[place[number]].subtract(added)
            place[number] = max(shares, key=lambda name: room(name, added))
            filled[place[number]].update(added)
        if place == before:
            break
    return {question.id: split for cluster, split in zip(groups, place, strict=True) for question in cluster}


def _clusters(
    questions: Sequence[GoldQuestion], sources: Mapping[str, str], alike: Iterable[tuple[str, str]]
) -> list[list[GoldQuestion]]:
    """Return the questions in groups that no gold document and no likeness links."""
    grouped: defaultdict[int, list[GoldQuestion]] = defaultdict(list)
    for question, name in zip(
        questions, question_clusters(questions, sources=sources, alike=alike), strict=True
    ):
        grouped[name].append(question)
    return list(grouped.values())


def _traits(question: GoldQuestion) -> list[str]:
    return [
        "all",
        f"kind {question.kind}",
        f"program {question.program}",
        f"answerable {question.answerable}",
    ]


def _seeded_hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
