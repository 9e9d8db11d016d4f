"""``quincunx serve``"""

from __future__ import annotations

from pathlib import Path
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


def run_service(
    programs: ServedPrograms = None,
    index: ServedIndexes = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8765")] = None,
    lm: ServedModel = None,
    profile: ServedProfile = None,
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
    traces: Traces = False,
    demo: Annotated[bool, typer.Option("--demo", help="Build the demo's indexes first.")] = False,
    program_modules: ProgramModules = None,
) -> None:
    """Serve programs, searches and rerankers over HTTP."""
    try:
        from ...serve.server import run_server
    except ModuleNotFoundError as error:
        from ....retrieval.errors import MissingExtraError

        raise MissingExtraError(error.name or "fastapi", "serve") from error
    settings = served_settings(
        config, programs, index, traces, host=host, port=port, lm=lm, profile=profile, keys_file=keys
    )
    if demo:
        from ...demo import build_canons

        build_canons()
    run_server(settings)
