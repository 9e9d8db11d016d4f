"""``quincunx ask --server`` and ``quincunx search --server``: a service answers, and no model is loaded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ....retrieval.errors import BoundError, UsageError
from ...client.understood import understood
from ...search_options import SearchOptions
from ...values import program_inputs

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="QUINCUNX_SERVER",
        help="Ask the service at this address, such as http://127.0.0.1:8765, and load nothing here.",
    ),
]
ServiceKey = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Key for the service; left out, that in QUINCUNX_API_KEY."),
]


def refuse_options(context: typer.Context, without: Iterable[str], why: str) -> None:
    """Refuse options, by the names of their parameters, that were given and would not be heeded; raises `UsageError`."""
    options = {parameter.name: parameter for parameter in context.command.params}
    for name in without:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{options[name].opts[0]} {why}")


NOT_FOR_A_SERVICE = (
    "is not for a service, which has its own: leave it out, or leave out --server (and QUINCUNX_SERVER)"
)
ONLY_FOR_A_SERVICE = "is for a service: name that by --server, or by QUINCUNX_SERVER"


def search_service(
    server: str,
    key: str | None,
    index: str,
    question: str,
    search: SearchOptions,
    *,
    explain: bool,
    as_json: bool,
) -> None:
    """Let a service search, and show what it found as `quincunx search` does."""
    from ...client.calls import search_call
    from ...client.connection import ServiceConnection
    from ...output import results, tell_notes, write_json

    with ServiceConnection(server, key=key) as service:
        told = service.send(search_call(index, question, _given(search)))
    with understood():
        tell_notes(told["notes"], told["near_words"])
    if as_json:
        write_json(told)
        return
    from ...client.parts_from_json import candidate_from_json, passage_from_json
    from ...render.answers import found_passages

    with understood():
        candidates = [candidate_from_json(candidate) for candidate in told["candidates"]]
        passages = [passage_from_json(passage) for passage in told["passages"]]
        shown = found_passages(candidates, told["n"], passages, explain=explain)
    results.print(shown)


def ask_service(
    server: str,
    key: str | None,
    program: str,
    question: str,
    search: SearchOptions,
    *,
    details: list[str],
    history: Path | None,
    seconds: float | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Let a service answer, and show its answer as `quincunx ask` does."""
    from ...client.calls import PROGRAMS, ask_call
    from ...client.connection import ServiceConnection
    from ...client.wire import SECONDS
    from ...output import results, write_json

    if seconds is not None and not 0 < seconds < float("inf"):
        raise BoundError(f"seconds must be over 0 and finite, or None (got {seconds!r})")
    inputs = program_inputs(details, history)
    turns = inputs.pop("history", ())
    budget = {} if seconds is None else {"seconds": seconds}
    with ServiceConnection(server, key=key, seconds=seconds or SECONDS) as service:
        told = service.send(ask_call(program, question, turns, inputs, _given(search), budget))
        with understood():
            answering = told["program"]
        if as_json:
            write_json(told)
            return
        listed = service.send(PROGRAMS)
    from ...client.served_answer import served_answer
    from ...render.answers import answer_panel

    with understood():
        schemas: dict[str, Mapping[str, Any]] = {entry["program"]: entry["output_schema"] for entry in listed}
        answer = served_answer(told, schemas.get(answering, {}))
    results.print(answer_panel(answer, explain=explain))


def _given(search: SearchOptions) -> dict[str, Any]:
    from ...client.calls import require_taken

    return require_taken({name: value for name, value in vars(search).items() if value is not None})
