"""Questions that users asked, read from what their calls left.

Read are files of JSON lines: the service's log with the texts of calls (``serve --log-texts``), records of `on_call` as
``record.as_dict(text=True)`` gives them, and the feedback files of the home folder. What else a line says is passed over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeGuard, get_args

from ...programs.said import claims_of, output_lines
from ...retrieval.corpus.beir import read_json_lines
from ...retrieval.errors import GoldSetError
from .drafts import FEEDBACK

AskedKind = Literal["thumb down", "declined", "claims dropped", "thumb up", "answered"]
"""What became of a question; the first of those that are true of it."""
ASKED_KINDS: tuple[AskedKind, ...] = get_args(AskedKind)
_PIECE = re.compile(r"#\d+-\d+$")
"""Ends the id of a passage that is a piece of its document."""


@dataclass(frozen=True)
class AskedQuestion:
    """A question that somebody asked, with what the answer to it went by."""

    question: str
    kind: AskedKind
    program: str = ""
    history: tuple[Mapping[str, str], ...] = ()
    """The turns before it, oldest first, each with ``question`` and ``answer``."""
    answer: str = ""
    document: str = ""
    """The one that the answer cites first, or that was found first."""
    passage: str = ""
    quote: str = ""


@dataclass(frozen=True)
class AskedQuestions:
    """The questions of some files, and what was passed over."""

    questions: tuple[AskedQuestion, ...]
    without_text: int
    """Calls that were logged without what was asked."""
    failed: int
    """Calls that failed or were cancelled."""


def read_asked_questions(logs: Sequence[Path]) -> AskedQuestions:
    """Return the questions of some logs, in their order; what was said of an answer counts for its question.

    Raises:
        GoldSetError: a file that cannot be read, a line that is no JSON object, or no question in any of them.
    """
    found: dict[str, AskedQuestion] = {}
    skipped: Counter[str] = Counter()
    records = [record for log in logs for record in _records(log)]
    said = [r for r in records if r.get("source") == FEEDBACK and isinstance(r.get("question"), str)]
    for number, record in enumerate(said):
        found[str(record.get("answer_id") or f"feedback {number}")] = _from_feedback(record)
    for number, record in enumerate(records):
        if "outcome" in record:
            text = record.get("text")
            if record["outcome"] not in ("answered", "refused"):
                skipped["failed"] += 1
            elif not _tells_question(text):
                skipped["without text"] += 1
            else:
                id = str(record.get("id") or f"call {number}")
                found[id] = _from_call(record, text, found.get(id))
    if not found:
        raise GoldSetError(
            f"no question stands in {', '.join(map(str, logs))} ({skipped['without text']} calls without their text): let "
            "`quincunx serve --log-texts` log them, or write `record.as_dict(text=True)` in `on_call`"
        )
    return AskedQuestions(tuple(found.values()), skipped["without text"], skipped["failed"])


def _records(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of calls and of feedback; in the service's log, a call is in the field ``call``."""
    for _, line in read_json_lines(log, GoldSetError):
        yield line["call"] if isinstance(line.get("call"), dict) else line


def _tells_question(text: Any) -> TypeGuard[Mapping[str, Any]]:
    if not (isinstance(text, dict) and isinstance(text.get("question"), str)):
        return False
    turns = text.get("history") or []
    return isinstance(turns, list) and all(
        isinstance(turn, dict) and {type(turn.get(name)) for name in ("question", "answer")} == {str}
        for turn in turns
    )


def _from_call(
    record: Mapping[str, Any], text: Mapping[str, Any], said: AskedQuestion | None
) -> AskedQuestion:
    """Return the question of a call; what somebody said of its answer, such as how it should read, comes before what it was."""
    output = text.get("output")
    citation: Mapping[str, Any] = next((c for claim in claims_of(output) for c in claim["citations"]), {})
    passage = str(citation.get("passage_id") or next(iter(record.get("passages") or ()), ""))
    found = AskedQuestion(
        question=text["question"],
        kind=_kind(record, said.kind if said else None),
        program=str(record.get("program") or ""),
        history=tuple(text.get("history") or ()),
        answer=" ".join(output_lines(output)) if record["outcome"] == "answered" else "",
        document=_PIECE.sub("", passage),
        passage=passage,
        quote=str(citation.get("quote") or ""),
    )
    if said is None:
        return found
    place: dict[str, Any] = (
        {"document": said.document, "passage": said.passage, "quote": said.quote} if said.document else {}
    )
    return replace(found, answer=said.answer or found.answer, **place)


def _kind(record: Mapping[str, Any], thumb: AskedKind | None) -> AskedKind:
    true = {
        thumb,
        "declined" if record["outcome"] == "refused" else "answered",
        "claims dropped" if record.get("dropped") else None,
    }
    return next(kind for kind in ASKED_KINDS if kind in true)


def _from_feedback(record: Mapping[str, Any]) -> AskedQuestion:
    known: dict[str, Any] = {
        name: str(record.get(name) or "") for name in ("program", "answer", "document", "passage", "quote")
    }
    return AskedQuestion(record["question"], _thumb(record), **known)


def _thumb(record: Mapping[str, Any]) -> AskedKind:
    return "thumb down" if record.get("thumb") == "down" else "thumb up"
