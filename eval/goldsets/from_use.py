"""Drafts of questions for a gold set out of what users asked: each once, some of every kind, for a person to decide on."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...retrieval.errors import BoundError
from .asked import ASKED_KINDS, AskedQuestion, read_asked_questions
from .drafts import DROPPED, NONE, USE, open_drafts, read_drafts
from .goldset import ALL, read_gold_set
from .near_duplicates import KnownTexts, find_contained, question_words


@dataclass(frozen=True)
class UseReport:
    """What collecting came to."""

    asked: int
    """Questions that were read."""
    distinct: int
    """Those of different words."""
    drafts: Mapping[str, int]
    """Drafts that were added, by kind."""
    known: int
    """Distinct questions that were passed over, as the set or another draft asks nearly the same."""
    without_text: int
    """Calls that were logged without what was asked."""
    failed: int
    """Calls that failed or were cancelled."""


def collect_drafts(
    logs: Sequence[Path], folder: Path, out: Path, *, per_kind: int = 20, seed: int = 0
) -> UseReport:
    """Append drafts of what users asked to a file, ``per_kind`` of each of `ASKED_KINDS` at most, drawn by ``seed``.

    What was asked several times is one draft, of the first kind that is true of any, and says how often. Run again, it goes on:
    what the gold set or the file asks nearly alike is passed over.

    Raises:
        GoldSetError: a log or the gold set is faulty, or no log holds a question.
        BoundError: a number out of range. WriterBusyError: another process writes ``out``.
    """
    if per_kind < 1:
        raise BoundError(f"per_kind must be at least 1 (got {per_kind})")
    gold = read_gold_set(folder, ALL)
    asked = read_asked_questions(logs)
    times = Counter(map(_words, asked.questions))
    by_kind: defaultdict[str, dict[frozenset[str], AskedQuestion]] = defaultdict(dict)
    met: set[frozenset[str]] = set()
    for question in sorted(asked.questions, key=lambda question: ASKED_KINDS.index(question.kind)):
        if (words := _words(question)) and words not in met:
            met.add(words)
            by_kind[question.kind][words] = question
    added: Counter[str] = Counter()
    known = 0
    with open_drafts(out) as append:
        heard = {id: question_words(q.text, q.history) for id, q in gold.questions.items()}
        heard |= {
            record["id"]: question_words(record["question"], record.get("history") or ())
            for _, record in read_drafts(out, gold)
            if record["decision"] not in (NONE, DROPPED)
        }
        for kind, questions in by_kind.items():
            drawn = list(questions.items())
            random.Random(seed).shuffle(drawn)
            for words, question in drawn:
                if added[kind] == per_kind:
                    break
                text = " ".join([*(turn["question"] for turn in question.history), question.question])
                if find_contained(text, KnownTexts(heard, {}))[0]:
                    known += 1
                    continue
                draft = _draft(question, times[words])
                heard[draft["id"]] = words
                append([draft])
                added[kind] += 1
    return UseReport(len(asked.questions), len(met), dict(added), known, asked.without_text, asked.failed)


def _words(asked: AskedQuestion) -> frozenset[str]:
    return question_words(asked.question, asked.history)


def _draft(asked: AskedQuestion, times: int) -> dict[str, Any]:
    history = [dict(turn) for turn in asked.history]
    id = hashlib.sha256(repr((asked.question, history)).encode()).hexdigest()[:10]
    return {
        "id": f"u-{id}",
        "document": asked.document,
        "passage": asked.passage,
        "question": asked.question,
        "answer": asked.answer,
        "quote": asked.quote,
        "lm": USE,
        "program": asked.program,
        **({"history": history} if history else {}),
        "source": USE,
        "kind": asked.kind,
        "asked": times,
        "edited": "",
        "decision": "",
    }
