"""``quincunx mcp``"""

from __future__ import annotations

from typing import Annotated

import typer

from ...options import ProgramModules
from .serving_options import (
    ServedIndexes,
    ServedModel,
    ServedProfile,
    ServedPrograms,
    Traces,
    served_settings,
)

PORT = 8766


def run_mcp(
    programs: ServedPrograms = None,
    index: ServedIndexes = None,
    lm: ServedModel = None,
    profile: ServedProfile = None,
    http: Annotated[
        bool, typer.Option("--http", help="Speak HTTP, at /mcp, instead of stdin and stdout.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, with --http.")] = PORT,
    traces: Traces = False,
    program_modules: ProgramModules = None,
) -> None:
    """Serve searches, passages and answers to agents over the Model Context Protocol."""
    try:
        from ...mcp.server import run_over_http, run_over_stdio
    except ModuleNotFoundError as error:
        from ....retrieval.errors import MissingExtraError

        raise MissingExtraError(error.name or "mcp", "mcp") from error
    settings = served_settings(None, programs, index, traces, lm=lm, profile=profile, host=host, port=port)
    if http:
        run_over_http(settings)
    else:
        run_over_stdio(settings)
