"""Two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..retrieval.embedders import Progress as Report
from ..retrieval.errors import QuincunxError

results = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def log_to_stderr() -> None:
    """Show quincunx's own warnings, on stderr."""
    handler = RichHandler(console=notes, show_time=False, show_path=False, markup=False)
    logging.basicConfig(level=logging.ERROR, format="%(message)s", handlers=[handler])
    logging.getLogger("quincunx").setLevel(logging.WARNING)


def write_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def fail(error: QuincunxError) -> NoReturn:
    """Report an error and leave with its exit status; on stdout too where JSON was asked for."""
    notes.print(f"error [{error.code}]: {error}", style="bold red", markup=False)
    if "--json" in sys.argv:
        write_json({"error": {"code": error.code, "message": str(error)}})
    raise SystemExit(error.exit_status)


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """Show a bar for as long as the block runs; give it the function that moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
