"""The command line. Heavy imports wait inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..retrieval.errors import QuincunxError
from .eval_commands import eval_app
from .gold_commands import gold_app
from .index_commands import index_app
from .judge_commands import score as _score  # noqa: F401  # makes itself known to eval_app
from .optimize_commands import optimize
from .options import EMBEDDED, AsJson, ProfileName, Where, read_inputs
from .program_commands import programs_app
from .proposal_commands import propose as _propose  # noqa: F401  # makes itself known to gold_app
from .sweep_commands import sweep as _sweep  # noqa: F401  # makes itself known to eval_app
from .tune_commands import tune_app

app = typer.Typer(
    help="DSPy programs with retrieval built in: 20 candidates in, 5 passages out, answers whose citations were checked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(index_app, name="index")
app.add_typer(eval_app, name="eval")
app.add_typer(gold_app, name="gold")
app.add_typer(programs_app, name="programs")
app.command()(optimize)
app.add_typer(tune_app, name="tune")


def main() -> None:
    """Run the command line; typed errors become one line on stderr and an exit status."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except (QuincunxError, OSError) as error:
        from .output import fail

        fail(error)


@app.callback()
def _before() -> None:
    from .output import log_to_stderr

    log_to_stderr()


@app.command()
def demo(
    as_json: AsJson = False,
    rebuild: Annotated[bool, typer.Option(help="Build the demo's indexes again.")] = False,
) -> None:
    """Ask each of the five programs one question, and show how it was answered."""
    from .demo import ask_all, build_canons
    from .output import results, write_json
    from .render import answer_panel

    build_canons(rebuild=rebuild)
    answers = ask_all()
    if as_json:
        write_json({"programs": {program: answer.record() for program, answer in answers.items()}})
        return
    for answer in answers.values():
        results.print(answer_panel(answer, explain=True))
    results.print(
        "The extractive engine only quotes. For answers that are written, set a language model: "
        "quincunx ask PROGRAM QUESTION --lm openai/gpt-4o-mini"
    )


@app.command()
def ask(
    program: Annotated[
        str,
        typer.Argument(
            help="chat_bridge, ticker_fit, catalyst_precedent, resource_search, astrology_reading, or a saved program."
        ),
    ],
    question: Annotated[str, typer.Argument()],
    index: Annotated[
        str | None,
        typer.Option(
            help="Index to answer from, or several joined by commas; the program's own if left out."
        ),
    ] = None,
    where: Where = None,
    lm: Annotated[
        str, typer.Option(help="Language model: extractive, or any name that dspy.LM takes.")
    ] = "extractive",
    profile: Annotated[
        str | None, typer.Option(help="Which models embed and rerank; embedded, or as the program was saved.")
    ] = None,
    details: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=TEXT",
            help="Another input of the program: market (catalyst_precedent), drawn (astrology_reading).",
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
        bool, typer.Option("--explain", help="Show every candidate with each stage's rank.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a program a question."""
    from ..retrieval.errors import require_question

    require_question(question)
    inputs = read_inputs(details or [], history)
    from ..programs.budget import Budget
    from ..programs.engines.lms import lm as language_model
    from ..programs.loading import load
    from ..retrieval.filter_text import parse_filter
    from ..retrieval.settings import SearchSettings
    from .output import results, write_json, write_trace
    from .render import answer_panel

    settings = SearchSettings(where=parse_filter(where)) if where is not None else None
    loaded = load(
        program,
        index=index.split(",") if index is not None else None,
        profile=profile,
        settings=settings,
        queries=queries,
        budget=Budget(seconds=seconds),
        on_call=write_trace if trace else None,
    )
    loaded.set_lm(language_model(lm))
    answer = loaded(question=question, **inputs)
    if as_json:
        write_json(answer.record())
    else:
        results.print(answer_panel(answer, explain=explain))


@app.command()
def search(
    name: Annotated[str, typer.Argument(help="Index to search, or several joined by commas.")],
    question: Annotated[str, typer.Argument()],
    k: Annotated[int, typer.Option("-k", help="Candidates that reach the reranker.")] = 20,
    n: Annotated[int, typer.Option("-n", help="Passages that are kept.")] = 5,
    rerank: Annotated[
        bool, typer.Option("--rerank/--no-rerank", help="Read the candidates again before cutting.")
    ] = True,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every candidate with each stage's rank and score.")
    ] = False,
    where: Where = None,
    collapse: Annotated[
        float | None, typer.Option(help="Cosine from which on passages count as near-duplicates.")
    ] = None,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Search an index and show the passages a program would get."""
    from ..retrieval.errors import require_bounds, require_question

    require_bounds(k, n)
    require_question(question)
    from ..retrieval.filter_text import parse_filter
    from ..retrieval.handle import SearchHandle
    from ..retrieval.settings import SearchSettings
    from .output import notes, results, write_json
    from .render import candidates_table, passages_list

    settings = SearchSettings(
        k=k, n=n, rerank=rerank, collapse=collapse, where=parse_filter(where) if where is not None else None
    )
    found = SearchHandle(name.split(","), profile).search(question, settings)
    for note in found.notes:
        notes.print(note, style="yellow", markup=False)
    if as_json:
        record = asdict(found)
        write_json(
            {
                "index": name,
                "question": found.question,
                "k": k,
                "n": n,
                "where": None if settings.where is None else str(settings.where),
                "generations": found.generations,
                "notes": found.notes,
                "passages": [asdict(passage) for passage in found.passages],
                "candidates": [{"id": c["passage"]["id"], **c} for c in record["candidates"]],
            }
        )
        return
    if explain:
        results.print(candidates_table(found.candidates, n, scores=True))
    results.print(passages_list(found.passages) if found.passages else "no passage found")


@app.command()
def doctor(profile: ProfileName = EMBEDDED, as_json: AsJson = False) -> None:
    """Check that a profile can do its work here; exit 1 when a line fails."""
    from .doctor import examine
    from .output import results, write_json

    findings = []
    for finding in examine(profile):
        findings.append(finding)
        if not as_json:
            mark = "[green]ok[/]  " if finding.ok else "[red]fail[/]"
            results.print(f"{mark} {escape(f'{finding.what}: {finding.detail}')}")
            if not finding.ok:
                results.print(f"     mend it: {finding.remedy}", markup=False)
    if as_json:
        write_json({"profile": profile, "findings": [asdict(finding) for finding in findings]})
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def pull(model: Annotated[str, typer.Argument(help="Name of the model.")] = "nomic-embed-text") -> None:
    """Let the Ollama server (OLLAMA_HOST) fetch a model, with progress in bytes."""
    from ..retrieval.models.ollama import pull as fetch
    from .output import progress, results

    with progress(f"pull {model}") as report:
        fetch(None, model, report)
    results.print(f"{model}: there", markup=False)
