"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="Which models embed and rerank: embedded, local or ollama.")
]
Where = Annotated[
    str | None,
    typer.Option(
        help="Search only passages whose metadata fits, e.g. 'site=builddaily and date>=2026-01-01'."
    ),
]
EMBEDDED = "embedded"
