"""The options of the profile ``remote``, for every command that takes a profile."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..retrieval.environment import read_text, set_text
from ..retrieval.errors import UsageError
from ..retrieval.models.remote.options import VARIABLES

PANEL = "Remote models (--profile remote)"
REMOTE = "remote"
KEY = "_key"
HELP = {
    "rerank_url": "Server that reranks, or several joined by commas.",
    "rerank_dialect": "What it speaks: cohere, tei, vllm, infinity, llamacpp or jina; tei if left out.",
    "rerank_model": "Its model, as the server calls it.",
    "embed_url": "Server that embeds, or several joined by commas.",
    "embed_dialect": "What it speaks: openai or tei; openai if left out.",
    "embed_model": "Its model, as the server calls it.",
}


def use_remote_table(path: Path, table: Mapping[str, Any]) -> None:
    """Take the table ``[remote]`` of a configuration file; what the environment or the command line sets goes before it.

    Raises:
        UsageError: it names what is no option, or a key.
    """
    for name, value in table.items():
        if name not in VARIABLES or not isinstance(value, str | int):
            known = ", ".join(option for option in VARIABLES if not option.endswith(KEY))
            raise UsageError(
                f"{path}: [{REMOTE}] {name} is no option with a text or a number; there are: {known}"
            )
        if name.endswith(KEY):
            raise UsageError(f"{path}: [{REMOTE}] {name}: a key stands in no file; set {VARIABLES[name]}")
        if read_text(VARIABLES[name]) is None:
            set_text(VARIABLES[name], str(value))


def takes_remote_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a profile the options of remote models too; any other is returned as it is.

    They go where the variables of their names go (`VARIABLES`), before the command begins.
    """
    own = inspect.signature(command, eval_str=True)
    if "profile" not in own.parameters:
        return command
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(help=help, rich_help_panel=PANEL)],
        )
        for name, help in HELP.items()
    ]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        given = {name: value for name in HELP if (value := values.pop(name)) is not None}
        for name, value in given.items():
            if values["profile"] != REMOTE:
                raise UsageError(
                    f"--{name.replace('_', '-')} is of the profile {REMOTE}: add --profile {REMOTE}"
                )
            set_text(VARIABLES[name], value)
        command(**values)

    shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.parameters.values()] + options
    run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run
