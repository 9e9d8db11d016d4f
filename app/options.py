"""Arguments and options that several commands share: one spelling and one meaning each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from ..retrieval.text.chunk_size import Chunking

PROGRAM_MODULE_VARIABLE = "QUINCUNX_PROGRAM_MODULE"
EMBEDDED = "embedded"


def _completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return what a shell asks for the names that begin with what was typed so far."""
    return lambda incomplete: [name for name in names() if name.startswith(incomplete)]


def known_programs() -> list[str]:
    """Return the names of all programs, then of the saved ones."""
    from ..programs.artifact.read import named_artifacts
    from ..programs.registry import program_names

    return [*program_names(), *named_artifacts()]


def _indexes() -> list[str]:
    from ..retrieval.storage.home import index_names

    return index_names()


def _profiles() -> list[str]:
    from ..retrieval.models.profiles import profile_names

    return profile_names()


def _runs() -> list[str]:
    from ..eval.runs.folder import run_names

    return run_names()


def _import_programs(modules: list[str] | None) -> list[str] | None:
    """Import the modules that add programs; those of the current folder are found, too."""
    if modules:
        from ..programs.registry import import_programs

        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        for module in modules:
            import_programs(module)
    return modules


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ProgramModules = Annotated[
    list[str] | None,
    typer.Option(
        "--program-module",
        metavar="MODULE",
        envvar=PROGRAM_MODULE_VARIABLE,
        callback=_import_programs,
        help="Python module with programs of your own, such as my_app.programs. May be given again.",
    ),
]
"""The option imports the modules itself: a command that takes it need do nothing more."""
ProgramName = Annotated[
    str,
    typer.Argument(
        metavar="PROGRAM",
        autocompletion=_completing(known_programs),
        help="Name of a program, or of a saved one, or its folder; see `quincunx programs list`.",
    ),
]
SavedProgram = Annotated[
    str,
    typer.Argument(
        autocompletion=_completing(known_programs), help="Name of a saved program, or its folder."
    ),
]
LanguageModelName = Annotated[
    str,
    typer.Option(
        "--lm", help="Language model that answers: extractive (quotes only), or any name that dspy.LM takes."
    ),
]
ProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        autocompletion=_completing(_profiles),
        help="Which models embed and rerank: embedded, local, ollama or remote.",
    ),
]
IndexName = Annotated[str, typer.Argument(autocompletion=_completing(_indexes), help="Name of the index.")]
IndexNames = Annotated[
    str,
    typer.Argument(
        autocompletion=_completing(_indexes), help="Index to search, or several joined by commas."
    ),
]
AnswerIndex = Annotated[
    str | None,
    typer.Option(
        "--index",
        autocompletion=_completing(_indexes),
        help="Index to answer from, or several joined by commas; the program's own if left out.",
    ),
]
EvalIndex = Annotated[
    str | None,
    typer.Option(
        "--index",
        autocompletion=_completing(_indexes),
        help="Search this index instead of one built from the gold set's documents.",
    ),
]
RunName = Annotated[
    str, typer.Argument(autocompletion=_completing(_runs), help="Name of a run, or its folder.")
]
GoldDir = Annotated[
    Path,
    typer.Argument(help="Folder of a gold set: corpus.jsonl, queries.jsonl, and qrels/ or spans.jsonl."),
]
GoldDirs = Annotated[
    list[Path], typer.Argument(help="Folders of gold sets; the choice is made over all of them.")
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Which questions of the gold set: train, dev or test; all for every one. Left out, dev where it has some. "
        "A look at test questions is counted."
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder of the run; if left out, one in the home folder, named after what is run."
    ),
]
Fork = Annotated[bool, typer.Option("--fork", help="Begin a new run beside the one that is there.")]
Workers = Annotated[int, typer.Option(help="How many questions are worked on at the same time.")]
ChunkTokens = Annotated[
    int, typer.Option(help="Most tokens of text in one passage, where the index is built.")
]
ChunkOverlap = Annotated[int, typer.Option(help="Most tokens that a passage repeats of the one before it.")]
CHUNK_TOKENS, CHUNK_OVERLAP = Chunking.tokens, Chunking.overlap
Prices = Annotated[
    str | None,
    typer.Option(
        help="Dollars per million tokens in and out, such as 0.15,0.60, to show what it cost; those that litellm knows if left out."
    ),
]
VALUES = "Values to try, joined by commas."
Numbers = Annotated[str | None, typer.Option(help=VALUES)]
StoreAddress = Annotated[
    str | None,
    typer.Option(
        help="Postgres database that the index lies in, postgresql://HOST/DATABASE; the home folder if left out. The "
        "password is read from PGPASSWORD or PGPASSFILE."
    ),
]
SchemaName = Annotated[
    str | None,
    typer.Option(help="Schema of the database that holds the index; quincunx_ and its name if left out."),
]
