"""The command line: every command with its name. Heavy imports wait inside the commands, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from ..retrieval.errors import QuincunxError
from .commands.ask import ask_program
from .commands.demo import run_demo
from .commands.doctor import run_doctor
from .commands.evaluate import eval_answers, eval_retrieval
from .commands.gold import gold_check, gold_import
from .commands.index import (
    index_build,
    index_compact,
    index_delete,
    index_docs,
    index_drop,
    index_export,
    index_list,
    index_show,
    index_show_fields,
    index_sync,
    index_update,
    index_verify,
    index_watch,
)
from .commands.judge import eval_calibrate, eval_score
from .commands.optimize import optimize_program
from .commands.places import index_attach, index_copy, index_detach
from .commands.programs import programs_diff, programs_list, programs_show
from .commands.propose import gold_accept, gold_propose
from .commands.pull import pull_model
from .commands.runs import (
    eval_compare,
    eval_diff,
    eval_export,
    eval_gate,
    eval_list,
    eval_prune,
    eval_show,
    eval_tag,
    eval_track,
    eval_view,
)
from .commands.search import search_indexes
from .commands.service.keys import keys_add, keys_list, keys_remove
from .commands.service.mcp import run_mcp
from .commands.service.serve import run_service
from .commands.tuning.advise import advise_index
from .commands.tuning.sweep import eval_sweep
from .commands.tuning.tune import tune_cross_encoder, tune_retrieval
from .commands.used import gold_collect, gold_drift
from .remote_options import takes_remote_options

COMMANDS: Mapping[str, Callable[..., Any]] = {
    "demo": run_demo,
    "ask": ask_program,
    "search": search_indexes,
    "serve": run_service,
    "mcp": run_mcp,
    "advise": advise_index,
    "optimize": optimize_program,
    "doctor": run_doctor,
    "pull": pull_model,
}
GROUPS: Mapping[str, tuple[str, Mapping[str, Callable[..., Any]]]] = {
    "index": (
        "Make indexes of documents, change them and look at them.",
        {
            "build": index_build,
            "update": index_update,
            "sync": index_sync,
            "watch": index_watch,
            "delete": index_delete,
            "drop": index_drop,
            "docs": index_docs,
            "fields": index_show_fields,
            "list": index_list,
            "info": index_show,
            "verify": index_verify,
            "compact": index_compact,
            "copy": index_copy,
            "attach": index_attach,
            "detach": index_detach,
            "export": index_export,
        },
    ),
    "programs": (
        "List the programs, and look at those that were saved.",
        {"list": programs_list, "show": programs_show, "diff": programs_diff},
    ),
    "eval": (
        "Measure searches and answers against a gold set: questions whose right passages are known.",
        {
            "retrieval": eval_retrieval,
            "answers": eval_answers,
            "sweep": eval_sweep,
            "list": eval_list,
            "show": eval_show,
            "view": eval_view,
            "compare": eval_compare,
            "diff": eval_diff,
            "gate": eval_gate,
            "track": eval_track,
            "tag": eval_tag,
            "prune": eval_prune,
            "score": eval_score,
            "calibrate": eval_calibrate,
            "export": eval_export,
        },
    ),
    "gold": (
        "Make gold sets and check them.",
        {
            "check": gold_check,
            "import": gold_import,
            "propose": gold_propose,
            "collect": gold_collect,
            "accept": gold_accept,
            "drift": gold_drift,
        },
    ),
    "keys": (
        "Make the keys that a service asks for.",
        {"add": keys_add, "list": keys_list, "remove": keys_remove},
    ),
    "tune": (
        "Tune the search and the reranker on a gold set.",
        {"retrieval": tune_retrieval, "reranker": tune_cross_encoder},
    ),
}


def command_line(only: str | None = None) -> typer.Typer:
    """Return the whole command line; with the name of a command or of a group, what runs that alone, made far sooner."""
    line = typer.Typer(
        help="Programs that answer from your documents: 20 candidates in, 5 passages out, and every citation is checked.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    line.callback()(_before_any)
    known = only in COMMANDS or only in GROUPS
    for name, command in COMMANDS.items():
        if not known or name == only:
            line.command(name)(takes_remote_options(command))
    for name, (help, commands) in GROUPS.items():
        if known and name != only:
            continue
        group = typer.Typer(help=help, no_args_is_help=True)
        for command_name, command in commands.items():
            group.command(command_name)(takes_remote_options(command))
        line.add_typer(group, name=name)
    return line


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as version_of

        typer.echo(f"quincunx {version_of('quincunx')}")
        raise typer.Exit


def _before_any(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    from .output import log_to_stderr, write_what_streams_hold

    write_what_streams_hold()
    log_to_stderr()


app = command_line()


def main() -> None:
    """Run the command line; typed errors become one line on stderr and an exit status."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        command_line(next(iter(sys.argv[1:]), None))()
    except (QuincunxError, OSError) as error:
        from .output import fail

        fail(error)
