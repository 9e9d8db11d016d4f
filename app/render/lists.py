"""Indexes, programs and runs as tables, one line each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from ...eval.report.facts import settings_text
from ...eval.report.run_entries import RunEntry
from ...retrieval.corpus.roots import Root
from ...retrieval.index.contents import IndexedDocument
from ...retrieval.index.fields import IndexField
from ..index_entries import IndexEntry
from ..program_entries import ProgramEntry
from .text import printable, table_of, with_words


def indexes_table(entries: Sequence[IndexEntry], home: Path) -> Table:
    """The indexes of a home folder."""
    table = table_of(f"indexes in {home}", "index", "documents", "passages", "kind", "model", "date", "size")
    for entry in entries:
        if entry.error is not None:
            table.add_row(escape(entry.name), *["–"] * 3, _error(entry.error))
            continue
        table.add_row(
            escape(entry.name),
            f"{entry.documents:,}",
            f"{entry.passages:,}",
            str(entry.kind),
            escape(str(entry.model)),
            str(entry.changed)[:10],
            _size(entry.bytes or 0),
        )
    return with_words(table, "kind", "model")


def roots_table(roots: Sequence[Root]) -> Table:
    """What an index was built from."""
    table = table_of("roots", "name", "path")
    for root in roots:
        table.add_row(escape(root.name or "–"), escape(printable(root.path)))
    return with_words(table, "path")


def documents_table(name: str, documents: Sequence[IndexedDocument]) -> Table:
    """The documents of an index."""
    table = table_of(f"documents of {name}", "document", "passages", "title")
    for document in documents:
        table.add_row(
            escape(printable(document.id)), f"{document.passages:,}", escape(printable(document.title)) or "–"
        )
    return with_words(table, "document", "title")


def programs_table(entries: Sequence[ProgramEntry]) -> Table:
    """The programs that can be asked."""
    table = table_of(
        "programs", "program", "index", "inputs beside the question", "saved", "example question"
    )
    for entry in entries:
        saved = f"version of {entry.program}" if entry.program else "yes" if entry.saved else "–"
        said = _error(entry.error) if entry.error is not None else escape(printable(entry.example)) or "–"
        table.add_row(
            escape(entry.name), escape(entry.index or "–"), ", ".join(entry.inputs) or "–", saved, said
        )
    return with_words(table, "index", "inputs beside the question", "saved", "example question")


def runs_table(entries: Sequence[RunEntry], place: Path) -> Table:
    """The runs of a home folder, or of a file of tracked ones."""
    table = table_of(
        f"runs in {place}",
        "run",
        "date",
        "kind",
        "program",
        "data",
        "split",
        "models",
        "settings",
        "tags",
        "tokens",
        "n",
        "figure",
    )
    for entry in entries:
        if entry.error is not None:
            table.add_row(escape(entry.name), *["–"] * 10, _error(entry.error))
            continue
        done = str(entry.n) if entry.done == entry.n else f"{entry.done} of {entry.n}"
        figure = "–" if entry.value is None else f"{entry.measure} {entry.value:.3f}"
        table.add_row(
            escape(entry.name),
            str(entry.begun)[:10],
            str(entry.kind),
            escape(entry.program or "–"),
            escape(str(entry.data)),
            escape(str(entry.split)),
            escape(", ".join(filter(None, (entry.profile, entry.lm)))),
            escape(printable(settings_text(entry.settings))) or "–",
            escape(" ".join(entry.tags)) or "–",
            "–" if entry.tokens is None else f"{entry.tokens:,}",
            done,
            figure,
        )
    return with_words(
        table, "date", "kind", "program", "data", "split", "models", "settings", "tags", "figure"
    )


def fields_table(name: str, fields: Sequence[IndexField]) -> Table:
    """The fields of an index's metadata."""
    table = table_of(f"fields of index {name}", "field", "documents", "kinds", "examples")
    for field in fields:
        kinds = ", ".join(
            kind if count == field.documents else f"{kind} ({count})" for kind, count in field.kinds.items()
        )
        examples = ", ".join(json.dumps(value, ensure_ascii=False) for value in field.examples)
        table.add_row(
            escape(printable(field.name)), str(field.documents), kinds, escape(printable(examples)) or "–"
        )
    return with_words(table, "field", "kinds", "examples")


def keys_table(entries: Sequence[Mapping[str, Any]]) -> Table:
    """The keys of a file."""
    table = table_of("keys", "key", "for", "requests a minute", "tokens a day", "expires")
    for entry in entries:
        expires = str(entry["expires"] or "–")[:10]
        table.add_row(
            escape(entry["name"]),
            ", ".join(entry["scopes"]),
            str(entry["requests_a_minute"] or "–"),
            str(entry["tokens_a_day"] or "–"),
            f"[red]{expires}, expired[/]" if entry["expired"] else expires,
        )
    return with_words(table, "for", "expires")


def _error(message: str) -> str:
    return f"[red]cannot be read:[/] {escape(printable(' '.join(message.split())))}"


def _size(count: int) -> str:
    """Return bytes in the unit that leaves at least one before the point."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
