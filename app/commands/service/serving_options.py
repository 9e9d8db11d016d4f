"""What `quincunx serve` and `quincunx mcp` take alike, and the settings that come of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ...serve.settings import ServeSettings

ServedPrograms = Annotated[
    str | None,
    typer.Option(
        "--programs", help="Programs to serve, joined by commas; all whose index is there if left out."
    ),
]
ServedIndexes = Annotated[
    str | None,
    typer.Option("--index", help="Indexes to search, joined by commas; all of the home folder if left out."),
]
ServedModel = Annotated[
    str | None,
    typer.Option(
        "--lm", help="Language model that answers, as `quincunx ask` takes it.", show_default="extractive"
    ),
]
ServedProfile = Annotated[
    str | None,
    typer.Option("--profile", help="Which models embed and rerank.", show_default="embedded"),
]
Traces = Annotated[bool, typer.Option("--traces", help="Make OpenTelemetry spans of calls and searches.")]


def served_settings(
    config: Path | None, programs: str | None, indexes: str | None, traces: bool, **given: Any
) -> ServeSettings:
    """Return the settings of a file with what was given on the command line over them; see `read_settings`.

    Its table of remote models is put where their variables are read.
    """
    from ...remote_options import REMOTE, use_remote_table
    from ...serve.settings import read_settings, read_table

    if config is not None:
        use_remote_table(config, read_table(config, REMOTE))
    given |= {"programs": _names(programs), "indexes": _names(indexes), "traces": traces or None}
    return read_settings(config, {name: value for name, value in given.items() if value is not None})


def _names(joined: str | None) -> list[str] | None:
    return None if joined is None else joined.split(",")
