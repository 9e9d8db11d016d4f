"""Two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console, ConsoleDimensions
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ..retrieval.errors import QuincunxError, StorageError, UnknownIndexError

if TYPE_CHECKING:
    from ..eval.runs.ledger import Row
    from ..eval.runs.runner import RowWatch
    from ..programs.trace import CallRecord
    from ..retrieval.models.embedders import Progress as Report

UNBOUNDED = 100_000
"""Columns of an output that is no terminal: each row of a table stands on one line there, whole."""


class ResultsConsole(Console):
    """A console that folds what is too wide for a terminal, and nothing where its output is a pipe or a file."""

    @property  # type: ignore[misc]  # nothing sets it
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        found = super().size
        return found if self.is_terminal else ConsoleDimensions(UNBOUNDED, found.height)


results = ResultsConsole(highlight=False)
notes = Console(stderr=True, highlight=False)


def write_what_streams_hold() -> None:
    """Write a character that stdout or stderr cannot hold, or a byte of a file name that is none, as its escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def log_to_stderr() -> None:
    """Show quincunx's own warnings, on stderr."""
    handler = RichHandler(console=notes, show_time=False, show_path=False, markup=False)
    logging.basicConfig(level=logging.ERROR, format="%(message)s", handlers=[handler])
    logging.getLogger("quincunx").setLevel(logging.WARNING)


def tell_notes(said: Iterable[str], near_words: Mapping[str, Iterable[str]]) -> None:
    """Write the notes of a search to stderr, and which words were searched for in place of those that stand nowhere."""
    near = [
        f"{word!r} stands nowhere in the index: searched for {', '.join(names)}"
        for word, names in near_words.items()
    ]
    for note in [*said, *near]:
        notes.print(note, style="yellow", markup=False)


def write_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=plain, allow_nan=False, indent=2) + "\n")


def write_json_line(value: Any) -> None:
    """Write one JSON document to stdout, on one line, at once."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
    sys.stdout.flush()


def write_trace(record: CallRecord) -> None:
    """Write the record of a call to stderr, on one line, without what was asked and said."""
    sys.stderr.write(json.dumps(record.as_dict()) + "\n")


def fail(error: QuincunxError | OSError) -> NoReturn:
    """Report an error on one line and leave with its exit status; on stdout too where JSON was asked for."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        error = StorageError(f"{where}{error.strerror or error}")
    if isinstance(error, UnknownIndexError):
        error = _naming_demo(error)
    message = " ".join(str(error).split())
    notes.print(f"error [{error.code}]: {message}", style="bold red", markup=False, soft_wrap=True)
    if "--json" in sys.argv:
        write_json({"error": {"code": error.code, "message": message}})
    raise SystemExit(error.exit_status)


def _naming_demo(error: UnknownIndexError) -> UnknownIndexError:
    """Let the message about an index of the demo say that the demo makes it."""
    if not error.name:
        return error  # of a service, whose indexes are not made here
    from ..eval.goldsets.goldset import CANONS

    if error.name not in CANONS:
        return error
    return UnknownIndexError(error.name, error.known, error.home, "quincunx demo")


LIVE_N = 5
"""Passages that the live share of hits looks at."""


@contextmanager
def watching(label: str) -> Iterator[RowWatch]:
    """Show a run's progress: examples done and failed, the share of questions whose gold is kept, and the time left."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[live]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    seen = {"failed": 0, "answered": 0, "judged": 0, "hit": 0}
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(escape(label), total=None, live="")

        def watch(done: int, total: int, row: Row | None) -> None:
            if row is not None:
                seen["failed"] += row.failed
                seen["answered"] += bool(row.record.get("answered"))
                held = {id for ids in row.record.get("held", {}).values() for id in ids}
                kept = {c["id"] for c in row.record.get("candidates", ()) if c["final_rank"] <= LIVE_N}
                seen["judged"] += bool(held)
                seen["hit"] += not held.isdisjoint(kept)
            live = f"{seen['failed']} failed"
            if seen["judged"]:
                live = f"hit@{LIVE_N} {seen['hit'] / seen['judged']:.2f}, {live}"
            if seen["answered"]:
                live += f", {seen['answered']} answered"
            bar.update(task, completed=done, total=total, live=live)

        yield watch


class _Speed(ProgressColumn):
    """How many are done a second, as measured over the last of them."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f}/s" if task.speed else "")


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """Show a bar for as long as the block runs; give it the function that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(escape(label), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
