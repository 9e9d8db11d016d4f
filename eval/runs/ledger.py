"""The ledger of an evaluation run: a folder with a header that never changes and one row for each example.

It keeps what was found and said, and bounds nothing. Not to be confused with the calls of language models that an
optimisation keeps and bounds (`optimise.call_ledger`), or with what one call of a program may spend (`programs.budget`).

    header.json     what was run: kind, configuration, hashes of data, index, models and program, seed
    rows.sqlite     the questions with their gold, one row per example once it is done, the passages they met

A row is committed before it counts anywhere. Killed at any moment, the folder holds the examples that were done,
and the same command goes on with the others; a command with another configuration is refused. Nothing in a run
folder is ever executed: it is JSON and SQLite.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ...retrieval.errors import RunError
from ...retrieval.passages import Passage
from ...retrieval.storage.lock import unlock
from ..goldsets.goldset import GoldQuestion, GoldSpan
from .folder import claim_folder, existing_run, lock_for_writing, read_header

ROWS = "rows.sqlite"

_SCHEMA_SQL = """
CREATE TABLE questions (id TEXT PRIMARY KEY, place INTEGER NOT NULL UNIQUE, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (
    id TEXT PRIMARY KEY REFERENCES questions, code TEXT, message TEXT, seconds TEXT NOT NULL, record TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE passages (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, metadata TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE judgements (
    id TEXT NOT NULL REFERENCES rows, judge TEXT NOT NULL, repeat INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (id, judge, repeat)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Row:
    """What one example came to."""

    id: str
    """The question's."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """What was found and said, as JSON values; empty for a failure."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time by stage."""
    code: str | None = None
    """The stable code of the error, where it failed: a failure is not a score of 0."""
    message: str | None = None

    @property
    def failed(self) -> bool:
        return self.code is not None


class RunLedger:
    """An open run folder. One process writes it; any may read it, as `results.Run` does."""

    def __init__(self, folder: Path) -> None:
        """Open a run that is there; raises `UnknownRunError`, or `RunError` for one that cannot be read."""
        self.folder = folder
        self.header = read_header(folder)
        self._connection = _connect(folder / ROWS)
        self._lock: int | None = None

    @classmethod
    def begin(
        cls, folder: Path, header: Mapping[str, Any], questions: Sequence[GoldQuestion], *, fork: bool = False
    ) -> Self:
        """Begin a run, or go on with the one that is there.

        ``fork`` begins a new one beside it, its name numbered, where there is one already.

        Raises:
            RunMismatchError: the run that is there was configured differently; it names what differs.
            WriterBusyError: another process is writing it.
            StorageError: the disk refused.
        """
        folder, lock = claim_folder(
            folder, header, lambda made: _make_rows(made / ROWS, questions), fork=fork
        )
        try:
            run = cls(folder)
        except BaseException:
            unlock(lock)
            raise
        run._lock = lock
        return run

    @classmethod
    def reopen(cls, name_or_folder: str | Path) -> Self:
        """Open a run that is there to write judgements into it.

        Raises:
            UnknownRunError: there is none. RunError: it cannot be read. WriterBusyError: another process writes it.
        """
        run = cls(existing_run(name_or_folder))
        try:
            run._lock = lock_for_writing(run.folder)
        except BaseException:
            run.close()
            raise
        return run

    @property
    def name(self) -> str:
        return self.folder.name

    def questions(self) -> list[GoldQuestion]:
        """Return all questions of the run, in their order."""
        rows = self._connection.execute("SELECT record FROM questions ORDER BY place")
        return [_question(json.loads(record)) for (record,) in rows]

    def done(self) -> set[str]:
        """Return the ids of the examples that have a row."""
        return {id for (id,) in self._connection.execute("SELECT id FROM rows")}

    def rows(self) -> dict[str, Row]:
        """Return the rows by id, in the order of the questions."""
        found = self._connection.execute(
            "SELECT rows.id, rows.record, seconds, code, message FROM rows JOIN questions USING (id) ORDER BY place"
        )
        return {
            id: Row(id, json.loads(record), json.loads(s), code, message)
            for id, record, s, code, message in found
        }

    def passages(self) -> dict[str, Passage]:
        """Return every passage that some example met, by id."""
        found = self._connection.execute(
            'SELECT id, document_id, title, text, start, "end", metadata FROM passages ORDER BY id'
        )
        return {
            id: Passage(id, document, title, text, start, end, json.loads(metadata))
            for id, document, title, text, start, end, metadata in found
        }

    def add(self, row: Row, passages: Iterable[Passage] = ()) -> None:
        """Write the row of an example, with the passages it met: both are there afterwards, or neither."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO rows VALUES (?, ?, ?, ?, ?)",
                (row.id, row.code, row.message, _text(row.seconds), _text(row.record)),
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO passages VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(p.id, p.document_id, p.title, p.text, p.start, p.end, _text(p.metadata)) for p in passages],
            )

    def forget(self, ids: Iterable[str]) -> None:
        """Take rows back, so that their examples are run again: failures that may pass now."""
        with self._writing():
            chosen = [(id,) for id in ids]
            self._connection.executemany("DELETE FROM judgements WHERE id = ?", chosen)
            self._connection.executemany("DELETE FROM rows WHERE id = ?", chosen)

    def judgements(self, judge: str) -> dict[str, list[dict[str, Any]]]:
        """Return what a judge said of each example, repeat by repeat."""
        found: dict[str, list[dict[str, Any]]] = {}
        for id, record in self._connection.execute(
            "SELECT id, record FROM judgements WHERE judge = ? ORDER BY id, repeat", (judge,)
        ):
            found.setdefault(id, []).append(json.loads(record))
        return found

    def judge(self, id: str, judge: str, repeat: int, record: Mapping[str, Any]) -> None:
        """Write one judgement."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO judgements VALUES (?, ?, ?, ?)", (id, judge, repeat, _text(record))
            )

    def forget_failed_judgements(self, judge: str) -> None:
        """Take back the judgements of a judge that failed, so that they are made again."""
        with self._writing():
            self._connection.execute(
                "DELETE FROM judgements WHERE judge = ? AND json_extract(record, '$.code') IS NOT NULL",
                (judge,),
            )

    def judges(self) -> list[str]:
        """Return the names of the judges that have judged."""
        return [
            name for (name,) in self._connection.execute("SELECT DISTINCT judge FROM judgements ORDER BY 1")
        ]

    def close(self) -> None:
        self._connection.close()
        if self._lock is not None:
            unlock(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise RunError(f"{self.folder / ROWS}: {error}; nothing was changed") from error
            raise


def _make_rows(path: Path, questions: Sequence[GoldQuestion]) -> None:
    for stale in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        stale.unlink(missing_ok=True)
    with closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, _SCHEMA_SQL.split(";\n")):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO questions VALUES (?, ?, ?)",
            [(question.id, place, _text(asdict(question))) for place, question in enumerate(questions)],
        )
        connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        raise RunError(
            f"{path}: {error}; check the disk, or run the evaluation again into another folder"
        ) from error
    return connection


def _question(record: dict[str, Any]) -> GoldQuestion:
    spans = tuple(GoldSpan(**span) for span in record.pop("spans"))
    return GoldQuestion(**record, spans=spans)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
