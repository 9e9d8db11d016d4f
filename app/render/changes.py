"""What a change of an index did, or would do, as a table and as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from ...retrieval.index.changes import BuildReport
from .text import facts_table, printable

_COUNTS = ("added", "changed", "moved", "unchanged", "removed", "passages", "embedded", "generation")
_LINE = ("added", "changed", "moved", "removed", "embedded")
_LISTED = 20
"""Ids of a kind that the table of a dry run shows."""


def change_as_dict(name: str, report: BuildReport) -> dict[str, Any]:
    """Return a change as JSON values, with the ids of a dry run and with everything that was left out."""
    ids = asdict(report.changes)
    return {
        "index": name,
        "dry_run": report.dry_run,
        **{count: getattr(report, count) for count in _COUNTS},
        **report.reading.as_dict(),
        "notices": list(report.notices),
        **({"ids": {kind: list(ids[kind]) for kind in ids}} if report.dry_run else {}),
    }


def change_table(name: str, report: BuildReport) -> Table:
    """Return a change as names and values; of a dry run, the ids of what would change."""
    facts: dict[str, Any] = {"index": name}
    if report.dry_run:
        facts["dry run"] = "nothing was written"
    facts |= {count: getattr(report, count) for count in _COUNTS}
    if report.reading.read:
        facts["read"] = ", ".join(
            f"{count} {suffix}" for suffix, count in sorted(report.reading.read.items())
        )
    if report.reading.skipped:
        facts["left out"] = report.reading.summary()
    table = facts_table(facts)
    if report.dry_run:
        changes = report.changes
        moved = tuple(f"{before} → {after}" for before, after in changes.moved)
        for kind, ids in (
            ("added", changes.added), ("changed", changes.changed), ("moved", moved), ("removed", changes.removed)
        ):  # fmt: skip
            more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
            if ids:
                table.add_row(f"{kind}: ids", escape(printable(", ".join(ids[:_LISTED]) + more)))
    return table


def change_line(name: str, report: BuildReport) -> str:
    """Return a change on one line."""
    counts = ", ".join(f"{getattr(report, count)} {count}" for count in _LINE if getattr(report, count))
    skipped = f"; left out: {report.reading.summary()}" if report.reading.skipped else ""
    return f"index {name}: {counts or 'nothing changed'}; generation {report.generation}{skipped}"
