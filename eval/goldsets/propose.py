"""Drafting questions for a gold set with a language model, and taking over those that a person accepted.

Drafts are appended to one file (`drafts`), passage by passage: killed, the same call goes on with the passages that the
file does not name. A person decides in that file, line by line.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dspy

from ...programs.call.predict import ask, require_writer
from ...programs.check.quotes import find_quote, neutralise, restore
from ...retrieval.errors import (
    BoundError,
    GoldSetError,
    ModelOutputError,
    OllamaCutOffError,
    PromptTooLongError,
)
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.passages import Passage
from ...retrieval.text.chunk_size import Chunking
from ...retrieval.text.chunking import cut
from ...retrieval.text.words import content_words
from ...signatures.proposing import ProposeQuestions
from .drafts import ANSWERABLE, DROPPED, NONE, UNANSWERABLE, open_drafts, read_drafts
from .goldset import ALL, GoldQuestion, GoldSet, GoldSpan, has_spans, read_gold_set
from .importing import require_new_folder, write_gold_set
from .near_duplicates import KnownTexts, find_contained, question_words

CHUNKING = Chunking(300, 0)
"""How documents are cut into what is drafted from, in words and marks."""
MOST_PER_PASSAGE = 10
DRAFTED_GRADE = 2
NEW = "train"
"""The split of a document that no question is about yet."""
LEFT_OUT = {"undecided": "", "rejected": "reject", "dropped": DROPPED}

_WORD = re.compile(r"\w+|[^\w\s]")
_POINTS_AT_PASSAGE = re.compile(
    r"(?i)\b(?:(?:the|this|that) (?:passage|excerpt|snippet)|in (?:the|this) text"
    r"|according to the (?:text|document|article|page|author)"
    r"|the (?:text|author|article) (?:says?|mentions?|states?|describes?))\b"
)

Words = Mapping[str, frozenset[str]]
"""`question_words` by the id of a question or draft."""


@dataclass(frozen=True)
class ProposalReport:
    """What drafting came to this time."""

    passages: int
    """Passages that were drafted from."""
    drafts: int
    """Drafts that wait for a decision."""
    dropped: Mapping[str, int]
    """Drafts that code ruled out, by why."""
    failed: Mapping[str, str]
    """Passages whose reply was of no use, with the error's code; they are tried again next time."""
    left: int
    """Passages of the split that are still to be drafted from."""
    borrowed: float | None
    """Mean share of a question's content words that stand in its passage; ``None`` without drafts."""


@dataclass(frozen=True)
class AcceptanceReport:
    """What a drafts file came to."""

    added: int
    """Questions of the new set that the old one did not have."""
    edited: int
    """Those among them that a person reworded."""
    left_out: Mapping[str, int]
    """Drafts that were left out: ``undecided``, ``rejected`` and ``dropped``."""


def propose_questions(
    folder: Path,
    lm: dspy.BaseLM,
    out: Path,
    *,
    per_passage: int = 2,
    split: str = NEW,
    limit: int | None = None,
    seed: int = 0,
    program: str = "",
    progress: Progress = no_progress,
) -> ProposalReport:
    """Draft questions from the documents of a split, ``limit`` passages at most, in an order drawn from
    ``seed``.

    A document is of the split of the questions about it, or of train where there is none. ``program`` is the
    one that the questions are meant for; left out, that of the other questions about the document, where
    they agree. A reply that is of no use is its passage's failure; whatever else goes wrong ends the call,
    and what was drafted stays.

    Raises:
        GoldSetError: the set is faulty, has no document of the split, or ``out`` holds drafts of another set.
        BoundError: a number out of range. WriterBusyError: another process writes ``out``.
    """
    if not 1 <= per_passage <= MOST_PER_PASSAGE:
        raise BoundError(f"per_passage must be from 1 to {MOST_PER_PASSAGE} (got {per_passage})")
    if limit is not None and limit < 1:
        raise BoundError(f"limit must be at least 1 (got {limit}); leave it out for no limit")
    require_writer(lm, "draft questions")
    gold = read_gold_set(folder, ALL)
    passages = _passages_of_split(gold, split)
    random.Random(seed).shuffle(passages)
    predict = dspy.Predict(ProposeQuestions)
    words = {id: question_words(q.text, q.history) for id, q in gold.questions.items()}
    dropped: Counter[str] = Counter()
    failed: dict[str, str] = {}
    borrowed: list[float] = []
    with open_drafts(out) as append:
        drafts = read_drafts(out, gold)
        words |= {
            record["id"]: question_words(record["question"])
            for _, record in drafts
            if record["decision"] not in (NONE, DROPPED)
        }
        done = {record["passage"] for _, record in drafts}
        waiting = [passage for passage in passages if passage.id not in done]
        chosen = waiting[:limit]
        for number, passage in enumerate(chosen):
            progress(number, len(chosen))
            meant = {"program": program or _program_of(gold, passage.document_id), "lm": str(lm.model)}
            try:
                records = _draft_questions(passage, predict, lm, per_passage, words, meant)
            except (ModelOutputError, OllamaCutOffError, PromptTooLongError) as error:
                failed[passage.id] = error.code
                continue
            append(records)
            dropped.update(record["reason"].split(":")[0] for record in records if record.get("reason"))
            borrowed += [record["borrowed"] for record in records if record["decision"] == ""]
        progress(len(chosen), len(chosen))
    return ProposalReport(
        passages=len(chosen) - len(failed),
        drafts=len(borrowed),
        dropped=dict(dropped.most_common()),
        failed=failed,
        left=len(waiting) - len(chosen) + len(failed),
        borrowed=sum(borrowed) / len(borrowed) if borrowed else None,
    )


def accept_drafts(drafts: Path, folder: Path, out: Path) -> AcceptanceReport:
    """Write a copy of a gold set with the drafts that were accepted as new questions, whole or not at all.

    The new question is about its passage's document, with grade `DRAFTED_GRADE` (about its quote, where gold
    is spans), in the split of that document.

    Raises `GoldSetError`, with the line, for a draft that cannot be taken over as it was decided, and where
    none was accepted or ``out`` is there already.
    """
    require_new_folder(out)
    if not drafts.exists():
        raise GoldSetError(f"{drafts}: no such file; make one with `quincunx gold propose`")
    gold = read_gold_set(folder, ALL)
    texts, splits = {document.id: document.text for document in gold.documents}, _splits(gold)
    words = {id: question_words(q.text, q.history) for id, q in gold.questions.items()}
    decisions: Counter[str] = Counter()
    added: list[GoldQuestion] = []
    for where, record in read_drafts(drafts, gold):
        decisions[record["decision"]] += 1
        if record["decision"] in ANSWERABLE:
            document = record["document"]
            added.append(_accepted_question(where, record, texts[document], splits[document], words))
        elif record["decision"] == UNANSWERABLE:
            split = record["split"] or NEW if any(splits.values()) else None
            added.append(_unanswerable_question(where, record, split, words))
        else:
            continue
        words[added[-1].id] = question_words(added[-1].text, added[-1].history)
    if not added:
        raise GoldSetError(
            f"{drafts}: no draft is accepted ({decisions['']} undecided, {decisions['reject']} rejected); "
            "write accept, edit or unanswerable into 'decision' first"
        )
    if not has_spans(folder):
        added = [replace(question, spans=()) for question in added]
    write_gold_set(out, gold.documents, [*gold.questions.values(), *added])
    return AcceptanceReport(
        added=len(added),
        edited=decisions["edit"],
        left_out={name: decisions[decision] for name, decision in LEFT_OUT.items()},
    )


def _accepted_question(
    where: str, draft: Mapping[str, Any], text: str, split: str | None, words: Words
) -> GoldQuestion:
    """Return a draft that was accepted as a question about its document, which has this text and split."""
    document, decision = draft["document"], draft["decision"]
    question, answer = draft["edited" if decision == "edit" else "question"].strip(), draft["answer"].strip()
    if not question or not answer:
        field = "edited" if decision == "edit" else "question"
        raise GoldSetError(
            f"{where}: {decision} needs a text in {field!r} and in 'answer'; write one, or reject the draft"
        )
    quote = find_quote(draft["quote"], text)
    if quote is None:
        raise GoldSetError(
            f"{where}: the quote {draft['quote'][:60]!r} does not stand in document {document!r}; correct it, "
            "or reject the draft"
        )
    _require_new(where, draft, question, words)
    metadata = {"answer": answer, "answerable": True, "quote": quote, **_origin(draft)}
    start = text.index(quote)
    span = GoldSpan(document, start, start + len(quote))
    return GoldQuestion(draft["id"], question, metadata, split, {document: DRAFTED_GRADE}, (span,))


def _unanswerable_question(
    where: str, draft: Mapping[str, Any], split: str | None, words: Words
) -> GoldQuestion:
    question = (draft["edited"] or draft["question"]).strip()
    if not question:
        raise GoldSetError(
            f"{where}: {UNANSWERABLE} needs a text in 'question'; write one, or reject the draft"
        )
    _require_new(where, draft, question, words)
    return GoldQuestion(draft["id"], question, {"answerable": False, **_origin(draft)}, split)


def _require_new(where: str, draft: Mapping[str, Any], question: str, words: Words) -> None:
    id = draft["id"]
    if not id or id in words:
        raise GoldSetError(f"{where}: id {id!r} is empty or taken; give the draft one of its own")
    earlier = [turn["question"] for turn in draft.get("history") or ()]
    if alike := _near_duplicate(" ".join([*earlier, question]), words):
        raise GoldSetError(
            f"{where}: {question[:60]!r} is nearly the question {alike!r}; reword it in 'edited', or reject the "
            "draft"
        )


def _origin(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a question keeps of its draft."""
    told = {name: draft[name] for name in ("program", "history") if draft.get(name)}
    return {"kind": "proposed", "proposed_by": draft["lm"], **told}


def _splits(gold: GoldSet) -> dict[str, str | None]:
    """Return each document's split: that of the questions about it (of several, by a fault of the set, the
    first).

    Where no question names a split, none is given: a first one would hide the others.
    """
    found: dict[str, str | None] = {}
    for question in sorted(gold.questions.values(), key=lambda question: question.split or ""):
        for document in question.gold:
            found.setdefault(document, question.split)
    named = any(question.split is not None for question in gold.questions.values())
    return {document.id: found.get(document.id) or (NEW if named else None) for document in gold.documents}


def _passages_of_split(gold: GoldSet, split: str) -> list[Passage]:
    splits = {id: own or NEW for id, own in _splits(gold).items()}
    chosen = [document for document in gold.documents if split in (ALL, splits[document.id])]
    if not chosen:
        known = sorted(set(splits.values()))
        raise GoldSetError(
            f"{gold.folder}: no document of split {split!r}; known: {', '.join((*known, ALL))}"
        )
    return [passage for document in chosen for passage in cut(document, CHUNKING, _offsets)]


def _offsets(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _program_of(gold: GoldSet, document: str) -> str:
    """Return the program of the questions about a document, where they agree on one."""
    found = {question.program for question in gold.questions.values() if document in question.gold}
    return next(iter(found)) if len(found) == 1 else ""


def _draft_questions(
    passage: Passage,
    predict: dspy.Predict,
    lm: dspy.BaseLM,
    most: int,
    words: dict[str, frozenset[str]],
    meant: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the lines of one passage, and make the words of its drafts known."""
    inputs = {"title": neutralise(passage.title), "passage": neutralise(passage.text), "most": most}
    prediction, _ = ask("the drafting of questions", predict, lm, inputs)
    place = {"document": passage.document_id, "passage": passage.id}
    records: list[dict[str, Any]] = []
    for draft in (prediction.drafts or ())[:most]:
        question, answer, quote = (_clean(text) for text in (draft.question, draft.answer, draft.quote))
        draft_texts = {
            "question": question,
            "answer": answer,
            "quote": find_quote(quote, passage.text) or quote,
        }
        id = f"p-{hashlib.sha256(f'{passage.id} {question}'.encode()).hexdigest()[:10]}"
        record = {
            "id": id,
            **place,
            **draft_texts,
            "borrowed": _borrowed_share(question, passage),
            **meant,
            "edited": "",
        }
        if reason := _reason_to_drop(question, answer, quote, passage, words):
            records.append({**record, "decision": DROPPED, "reason": reason})
            continue
        words[id] = question_words(question)
        records.append({**record, "decision": ""})
    return records or [{**place, **meant, "decision": NONE}]


def _clean(text: str) -> str:
    """Return what a model wrote on one line, in whole characters."""
    return " ".join(restore(text).encode(errors="replace").decode().split())


def _borrowed_share(question: str, passage: Passage) -> float:
    asked = content_words(question)
    return len(set(asked) & set(content_words(f"{passage.title} {passage.text}"))) / max(1, len(asked))


def _reason_to_drop(question: str, answer: str, quote: str, passage: Passage, words: Words) -> str | None:
    """Say why a draft cannot be a question of the set; ``None`` where a person is to decide."""
    if not question or not answer:
        return "empty: a question and its answer are needed"
    if find_quote(quote, passage.text) is None:
        return f"no verbatim quote: {quote[:200]!r} does not stand in the passage"
    if pointed := _POINTS_AT_PASSAGE.search(question):
        return f"speaks of the passage: {pointed[0]!r}"
    if alike := _near_duplicate(question, words):
        return f"nearly another question: {alike}"
    return None


def _near_duplicate(question: str, words: Words) -> str | None:
    """Return the id of a question that is nearly this one."""
    return next(iter(find_contained(question, KnownTexts(words, {}))[0]), None)
