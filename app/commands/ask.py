"""``quincunx ask``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import AnswerIndex, AsJson, LanguageModelName, ProgramModules, ProgramName
from ..search_options import SearchOptions, takes_search_options
from ..values import program_inputs
from .service.asking import (
    NOT_FOR_A_SERVICE,
    ONLY_FOR_A_SERVICE,
    Server,
    ServiceKey,
    ask_service,
    refuse_options,
)

OF_THIS_PROCESS = ("index", "lm", "profile", "queries", "trace", "program_modules")
"""Parameters that mean nothing to a service, which has its programs loaded."""


@takes_search_options
def ask_program(
    program: ProgramName,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    search: SearchOptions,
    context: typer.Context,
    index: AnswerIndex = None,
    lm: LanguageModelName = "extractive",
    profile: Annotated[
        str | None,
        typer.Option(
            help="Which models embed and rerank: embedded, local, ollama or remote. If left out, embedded, or as the program was saved."
        ),
    ] = None,
    details: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=TEXT",
            help="Another input that the program takes; `quincunx programs list` names them. May be given again.",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help='Earlier turns, oldest first: a JSON file [{"question": "…", "answer": "…"}, …].'),
    ] = None,
    queries: Annotated[
        int | None, typer.Option(help="Split the question into at most so many searches (1: none).")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Give up after so many seconds.")] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Print one line of JSON on how the call went, on stderr.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every candidate with its rank at each stage.")
    ] = False,
    program_modules: ProgramModules = None,
    server: Server = None,
    key: ServiceKey = None,
    as_json: AsJson = False,
) -> None:
    """Ask a program a question, and show its answer with the passages it cites."""
    if server is not None:
        refuse_options(context, OF_THIS_PROCESS, NOT_FOR_A_SERVICE)
        ask_service(
            server,
            key,
            program,
            question,
            search,
            details=details or [],
            history=history,
            seconds=seconds,
            explain=explain,
            as_json=as_json,
        )
        return
    refuse_options(context, ["key"], ONLY_FOR_A_SERVICE)
    from ...programs.artifact.read import require_program
    from ...retrieval.text.questions import require_question

    require_question(question)
    require_program(program)
    inputs = program_inputs(details or [], history)
    from ...programs.budget import Budget
    from ...programs.engines.lms import lm as language_model
    from ...programs.loading import load
    from ..output import results, write_json, write_trace
    from ..render.answers import answer_panel

    loaded = load(
        program,
        index=index.split(",") if index is not None else None,
        profile=profile,
        queries=queries,
        budget=Budget(seconds=seconds),
        on_call=write_trace if trace else None,
    )
    loaded.retriever.settings = search.over(loaded.retriever.settings)
    loaded.set_lm(language_model(lm))
    answer = loaded(question=question, **inputs)
    if as_json:
        write_json(answer.record())
    else:
        results.print(answer_panel(answer, explain=explain))
