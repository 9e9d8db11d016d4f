"""The file of drafted questions, one JSON object a line, that a person decides in.

    decision    ``accept``, ``edit`` (the question as it should read in ``edited``), ``unanswerable`` (no document answers it) or
                ``reject``; empty: undecided
    borrowed    share of the question's content words that stand in the passage: a real user knows few of them
    split       of an unanswerable question, ``train`` if left out: any other is of the split of its document
    history     the turns before the question, each with ``question`` and ``answer``

    source      ``feedback``: what somebody said of an answer, ``use``: what somebody asked. Their ``document`` may be empty, or
                one that the gold set lacks, as long as they are not accepted as answerable

What code rules out has the decision ``dropped`` and a ``reason``; a passage without any draft, ``none``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import read_json_lines
from ...retrieval.errors import GoldSetError, WriterBusyError
from ...retrieval.storage.disk import make_folder, storing
from .goldset import GoldSet

NONE, DROPPED = "none", "dropped"
ANSWERABLE = ("accept", "edit")
UNANSWERABLE = "unanswerable"
DECISIONS = ("", *ANSWERABLE, UNANSWERABLE, "reject", NONE, DROPPED)
FEEDBACK = "feedback"
"""The ``source`` of a draft that is what somebody said of an answer."""
USE = "use"
"""The ``source`` of a draft that is what somebody asked."""
TEXTS = (
    "id",
    "document",
    "passage",
    "question",
    "answer",
    "quote",
    "lm",
    "program",
    "edited",
    "decision",
    "split",
)
"""Fields of a draft that are text."""


@contextmanager
def open_drafts(path: Path) -> Iterator[Callable[[Sequence[Mapping[str, Any]]], None]]:
    """Open a drafts file for this process alone, its last line made whole; gives what appends lines."""
    with storing(path):
        make_folder(path.parent)
        file = path.open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WriterBusyError(
                f"{path}: another process is writing these drafts; wait for it, or choose another file"
            ) from error

        def write(text: str) -> None:
            with storing(path):
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())

        with storing(path):
            file.seek(0)
            whole, end, last = file.read().rpartition(b"\n")
        if last and _is_json(last):
            write("\n")  # an editor left the line end out
        elif last:
            with storing(path):
                file.truncate(len(whole) + len(end))  # a kill while it was written
        yield lambda records: write("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def read_drafts(path: Path, gold: GoldSet) -> list[tuple[str, dict[str, Any]]]:
    """Return (place, draft) for each line of a drafts file, all fields there, the decision in lower case."""
    documents = {document.id for document in gold.documents}
    found = []
    for number, record in read_json_lines(path, GoldSetError):
        where = f"{path}:{number}"
        record = {**dict.fromkeys(TEXTS, ""), **record}
        for name in TEXTS:
            if not isinstance(record[name], str):
                raise GoldSetError(f"{where}: {name!r} must be text (got {str(record[name])[:60]!r})")
        decision = record["decision"].strip().lower()
        if decision not in DECISIONS:
            raise GoldSetError(
                f"{where}: decision {record['decision'][:60]!r} is none; write accept, edit, unanswerable or reject, or "
                "leave it empty"
            )
        waits = record.get("source") in (FEEDBACK, USE) and decision not in ANSWERABLE
        if record["document"] not in documents and not waits:
            raise GoldSetError(
                f"{where}: document {record['document'][:60]!r} is not in {gold.folder}; are these drafts "
                "of another set?"
            )
        found.append((where, {**record, "decision": decision}))
    return found
