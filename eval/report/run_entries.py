"""Runs as one entry each, from their headers and the reports beside them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...retrieval.errors import QuincunxError, RunError
from ..metrics.answer_scores import OUTCOMES
from ..runs.folder import existing_run, fingerprint, read_header, run_names
from ..runs.ledger import ROWS
from ..runs.notes import read_run_notes
from ..stats.paired import Interval
from .facts import changed_settings, saved_gain
from .summary import REPORT


@dataclass(frozen=True)
class RunEntry:
    """One run."""

    name: str
    begun: str | None = None
    """ISO date and time, UTC."""
    kind: str | None = None
    """retrieval, answers or optimise."""
    program: str | None = None
    """``None`` for a run that only searches."""
    data: str | None = None
    """Name of the gold set."""
    split: str | None = None
    """What the figure is of; of an optimisation always test."""
    n: int | None = None
    """Questions of the run; of an optimisation, its test questions."""
    done: int | None = None
    """How many of them have been worked on."""
    measure: str | None = None
    value: float | None = None
    """The headline figure, as the last report of the run has it; ``None`` where there is no report yet. Of a search
    recall@n of the final order, of answers the share that was answered rightly, of an
    optimisation what it gained on the test questions."""
    error: str | None = None
    """Why the run cannot be read; then the other fields are ``None``, or empty."""
    lm: str | None = None
    """The language model that answers; ``None`` for a run that only searches."""
    profile: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the search, those that are not the defaults."""
    low: float | None = None
    """Where the 95 % interval of the figure begins."""
    high: float | None = None
    failed: int | None = None
    """Questions that failed; they are not in the figure. Of an optimisation ``None``: there they count as 0."""
    commit: str | None = None
    """Of the repository that it was run in, with a plus where files were changed."""
    questions: str | None = None
    """sha256 of what was asked: two figures with different ones are not of the same work."""
    id: str | None = None
    """sha256 of the header: the run's own, wherever its folder lies."""
    tokens: int | None = None
    """That language models read and wrote; ``None`` where nothing says so, as before there is a report."""
    tags: tuple[str, ...] = ()
    note: str = ""
    """What people said of it, see `RunNotes`."""


def list_runs() -> list[RunEntry]:
    """Return the runs of the home folder, newest first; one that cannot be read is an entry that says so."""
    found = [_entry_or_error(name) for name in run_names()]
    return sorted(found, key=lambda entry: entry.begun or "", reverse=True)


def _entry_or_error(name: str) -> RunEntry:
    try:
        return run_entry(name)
    except QuincunxError as error:
        return RunEntry(name, error=str(error))


def run_entry(name_or_folder: str | Path) -> RunEntry:
    """Return a run of the home folder, or of a folder of its own.

    Raises:
        UnknownRunError: there is none. RunError: it cannot be read.
    """
    folder = existing_run(name_or_folder)
    try:
        header = read_header(folder)
        report = read_report(folder)
        counts = _optimised_counts(report) if header["kind"] == "optimise" else _counts(folder / ROWS)
        measure, figure = _headline(header, report)
        return RunEntry(
            name=folder.name,
            begun=header["begun"],
            kind=header["kind"],
            program=header.get("program"),
            data=header["data"]["name"],
            split="test" if header["kind"] == "optimise" else header["data"]["split"],
            lm=_model(header.get("lm")),
            profile=header["models"]["profile"],
            settings=changed_settings(header["search"]),
            n=counts[0],
            done=counts[1],
            measure=measure,
            value=None if figure is None else figure.mean,
            low=None if figure is None else figure.low,
            high=None if figure is None else figure.high,
            failed=report.get("counts", {}).get("failed"),
            commit=header["commit"],
            questions=fingerprint([header["data"]["questions"], header.get("questions")]),
            id=fingerprint(header),
            tokens=_tokens(report),
            **vars(read_run_notes(folder)),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder}: its header or report lacks what every run has ({error!r})") from error


def _model(lm: Any) -> str | None:
    """Return the name of a language model, which an optimisation's header has among its settings."""
    return str(lm["model"]) if isinstance(lm, Mapping) else None if lm is None else str(lm)


def read_report(folder: Path) -> dict[str, Any]:
    """Return the report of a run; empty where there is none yet, and `RunError` raised for one that cannot be read."""
    path = folder / REPORT
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}); write it again with `quincunx eval show`"
        ) from error


def _counts(rows: Path) -> tuple[int, int]:
    """Return how many questions a run has, and how many of them have a row; the file is only read."""
    try:
        with closing(sqlite3.connect(f"{rows.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            counts = [
                int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("questions", "rows")
            ]
    except sqlite3.Error as error:
        raise RunError(f"{rows}: cannot be read ({error}); run the evaluation again") from error
    return counts[0], counts[1]


def _tokens(report: Mapping[str, Any]) -> int | None:
    if "spent" in report:
        return int(report["spent"]["input_tokens"] + report["spent"]["output_tokens"])
    told = report.get("answers", {}).get("tokens")
    return sum(told.values()) if told else None


def _optimised_counts(report: Mapping[str, Any]) -> tuple[int | None, int | None]:
    tested = max((gain["n"] for gain in report.get("gains", ())), default=None)
    return tested, tested


def _headline(header: Mapping[str, Any], report: Mapping[str, Any]) -> tuple[str | None, Interval | None]:
    if not report:
        return None, None
    if header["kind"] == "optimise":
        gain = saved_gain(report)
        if gain is None:
            return "gain", None
        return "gain", Interval(gain["difference"], gain["low"], gain["high"], gain["n"])
    if header["kind"] == "answers":
        share = report["answers"].get("outcomes", {}).get(OUTCOMES[0])  # older reports have none
        return OUTCOMES[0], None if share is None else Interval(**share)
    measure = f"recall@{header['search']['n']}"
    mean = report["stages"]["final"].get(measure)
    return measure, None if mean is None else Interval(**mean)
