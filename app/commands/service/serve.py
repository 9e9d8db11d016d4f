"""``quincunx serve``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...options import ProgramModules


def run_service(
    programs: Annotated[
        str | None,
        typer.Option(help="Programs to serve, joined by commas; all whose index is there if left out."),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(help="Indexes to search, joined by commas; all of the home folder if left out."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8765")] = None,
    lm: Annotated[
        str | None,
        typer.Option(
            "--lm", help="Language model that answers, as `quincunx ask` takes it.", show_default="extractive"
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Which models embed and rerank.", show_default="embedded")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file whose table [serve] holds settings; options go before it."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="A file of keys, made by `quincunx keys add`: every request must have one of them."
        ),
    ] = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Make OpenTelemetry spans of calls and searches.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Build the demo's indexes first.")] = False,
    program_modules: ProgramModules = None,
) -> None:
    """Serve programs, searches and rerankers over HTTP."""
    try:
        from ...serve.server import run_server
        from ...serve.settings import read_settings
    except ModuleNotFoundError as error:
        from ....retrieval.errors import MissingExtraError

        raise MissingExtraError(error.name or "fastapi", "serve") from error
    given: dict[str, Any] = {"host": host, "port": port, "lm": lm, "profile": profile}
    given |= {"keys_file": keys, "traces": traces or None}
    given |= {"programs": _names(programs), "indexes": _names(index)}
    settings = read_settings(config, {name: value for name, value in given.items() if value is not None})
    if demo:
        from ...demo import build_canons

        build_canons()
    run_server(settings)


def _names(joined: str | None) -> list[str] | None:
    return None if joined is None else joined.split(",")
