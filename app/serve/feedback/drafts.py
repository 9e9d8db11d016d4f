"""What people say of answers as drafts for a gold set, which `quincunx gold accept` reads once a person has decided."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ....eval.goldsets.drafts import FEEDBACK, open_drafts
from ....retrieval.errors import StorageError
from ....retrieval.index.contents import read_index
from ....retrieval.passages import Passage
from ....retrieval.storage.home import home, index_folder
from ..problems import Problem

Thumb = Literal["up", "down"]

MOST_BYTES = 64 * 2**20
"""Of one file."""


@dataclass(frozen=True)
class FeedbackDraft:
    """What somebody said of the answer to a question."""

    program: str
    question: str
    searched: str
    """The question as it was searched for."""
    indexes: tuple[str, ...]
    thumb: Thumb
    answer: str
    """As it should read, or as it was given; empty where neither is known."""
    passages: tuple[str, ...]
    """Ids of those that somebody says hold the answer, the best first."""
    quotes: Mapping[str, str]
    """By id of each passage that the answer cites, the words that it quotes."""
    comment: str
    answer_id: str
    key: str
    """The name of the key that it came with; empty without one."""


def feedback_file(index: str) -> Path:
    """Return the file of the drafts about an index."""
    return home() / "feedback" / f"{index}.jsonl"


def append_feedback(said: FeedbackDraft) -> str:
    """Append a draft to the file of its index, on the disk before this returns; returns the draft's id.

    Where nobody says which passages hold the answer, of one that is right it is the first that it cites, of a wrong one
    none. Of several indexes that are searched as one, the draft is about that of its first passage.

    Raises:
        Problem: one of the passages that were named is not in the index.
        WriterBusyError: another process is writing the file. StorageError: the disk refused, or the file is full.
    """
    found = [_require_passage(said.indexes, id) for id in said.passages]
    if not found and said.thumb == "up":
        cited = (_find_passage(said.indexes, id) for id in said.quotes)
        found = [place for place in cited if place is not None][:1]
    index, passage = found[0] if found else (said.indexes[0], None)
    path = feedback_file(index)
    if path.exists() and path.stat().st_size > MOST_BYTES:
        raise StorageError(
            f"the feedback about {index} is over {MOST_BYTES} bytes: take it over by `quincunx gold accept`, and move it away"
        )
    id = f"f-{uuid.uuid4().hex[:16]}"
    record = {
        "id": id,
        "document": "" if passage is None else passage.document_id,
        "passage": "" if passage is None else passage.id,
        "question": said.question,
        "answer": said.answer,
        "quote": "" if passage is None else _quote(said, index, passage),
        "lm": FEEDBACK,
        "program": said.program,
        "edited": "",
        "decision": "",
        **_context(said, [passage.id for _, passage in found]),
    }
    with open_drafts(path) as append:
        append([record])
    return id


def _context(said: FeedbackDraft, passages: Sequence[str]) -> dict[str, Any]:
    """Return what a person decides by, beside the draft itself."""
    known = {
        "searched": said.searched if said.searched != said.question else "",
        "passages": list(passages) if len(passages) > 1 else [],
        "comment": said.comment,
        "answer_id": said.answer_id,
        "key": said.key,
    }
    return {
        "source": FEEDBACK,
        "thumb": said.thumb,
        "received": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: value for name, value in known.items() if value},
    }


def _require_passage(indexes: tuple[str, ...], id: str) -> tuple[str, Passage]:
    found = _find_passage(indexes, id)
    if found is None:
        raise Problem(404, "unknown_passage", f"no passage {id!r:.100} in {'+'.join(indexes)}")
    return found


def _find_passage(indexes: tuple[str, ...], id: str) -> tuple[str, Passage] | None:
    """Return a passage with the index that holds it; of several indexes, ids begin with the index's name."""
    index, _, own = (indexes[0], "", id) if len(indexes) == 1 else id.partition("/")
    if index not in indexes:
        return None
    documents = list(dict.fromkeys([own, own.rpartition("#")[0]]))
    held = read_index(index_folder(index), lambda reading: reading.passages_of(documents))
    return next(
        ((index, passage) for passages in held.values() for passage in passages if passage.id == own), None
    )


def _quote(said: FeedbackDraft, index: str, passage: Passage) -> str:
    """Return the words of a passage that hold the answer: those that are quoted, or else all of its own."""
    id = passage.id if len(said.indexes) == 1 else f"{index}/{passage.id}"
    # A piece of a table repeats the table's head before it.
    return said.quotes.get(id) or passage.text.removeprefix(passage.head)
