"""``quincunx mcp``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...options import ProgramModules

PORT = 8766


def run_mcp(
    programs: Annotated[
        str | None,
        typer.Option(help="Programs to serve, joined by commas; all whose index is there if left out."),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(help="Indexes to search, joined by commas; all of the home folder if left out."),
    ] = None,
    lm: Annotated[
        str | None,
        typer.Option(
            "--lm", help="Language model that answers, as `quincunx ask` takes it.", show_default="extractive"
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Which models embed and rerank.", show_default="embedded")
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Speak HTTP, at /mcp, instead of stdin and stdout.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, with --http.")] = PORT,
    traces: Annotated[
        bool, typer.Option("--traces", help="Make OpenTelemetry spans of calls and searches.")
    ] = False,
    program_modules: ProgramModules = None,
) -> None:
    """Serve searches, passages and answers to agents over the Model Context Protocol."""
    try:
        from ...mcp.server import run_over_http, run_over_stdio
    except ModuleNotFoundError as error:
        from ....retrieval.errors import MissingExtraError

        raise MissingExtraError(error.name or "mcp", "mcp") from error
    from ...serve.settings import read_settings

    given: dict[str, Any] = {"lm": lm, "profile": profile, "host": host, "port": port}
    given |= {"programs": _names(programs), "indexes": _names(index), "traces": traces or None}
    settings = read_settings(None, {name: value for name, value in given.items() if value is not None})
    if http:
        run_over_http(settings)
    else:
        run_over_stdio(settings)


def _names(joined: str | None) -> list[str] | None:
    return None if joined is None else joined.split(",")
