"""``quincunx optimize``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import (
    EMBEDDED,
    AsJson,
    EvalIndex,
    Fork,
    GoldDir,
    LanguageModelName,
    ProfileName,
    ProgramModules,
    ProgramName,
    RunFolder,
    Workers,
)
from ..values import metric_weights, token_prices

if TYPE_CHECKING:
    from ...eval.optimise.plan import Plan
    from ...eval.optimise.run import OptimizationWatch

Price = Annotated[
    str | None,
    typer.Option(
        help="Dollars per million tokens in and out, such as 0.15,0.60; those that litellm knows if left out."
    ),
]


def optimize_program(
    program: ProgramName,
    gold_dir: GoldDir,
    optimizer: Annotated[
        str, typer.Option(help="bootstrap, knn, mipro, gepa, simba, or chain (demos, then instructions).")
    ] = "gepa",
    lm: LanguageModelName = "extractive",
    prompt_lm: Annotated[
        str | None, typer.Option(help="Language model that writes prompts; the one that answers if left out.")
    ] = None,
    budget_calls: Annotated[int | None, typer.Option(help="Most calls of language models.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Most tokens of prompts and replies.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="Most dollars; needs prices.")] = None,
    prices: Price = None,
    prompt_prices: Price = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Parts of the metric and their weights, such as citation_recall=2,overlap=1."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            help="Of every random choice, 0 if left out; given several times, each is searched with."
        ),
    ] = None,
    profile: ProfileName = EMBEDDED,
    index: EvalIndex = None,
    out: RunFolder = None,
    fork: Fork = False,
    workers: Workers = 1,
    search_only: Annotated[
        bool,
        typer.Option("--search-only", help="Find a better program, and do not judge it on test questions."),
    ] = False,
    taught: Annotated[
        bool, typer.Option("--taught", help="Demos are what the language model that writes prompts answers.")
    ] = False,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Make a program's prompts better, and say what was gained on test questions. Run again, it goes on.

    The gold set needs questions of the splits train, dev and test.
    """
    from ...programs.artifact.read import require_program

    require_program(program)
    from ...eval.optimise.plan import plan_optimization
    from ...eval.optimise.run import run_optimization
    from ...eval.optimise.spending import Caps
    from ...eval.prices import Price as Rate
    from ...programs.artifact.diff import diff_artifacts
    from ...programs.artifact.read import read_artifact
    from ...programs.engines.lms import lm as language_model
    from ..output import notes, progress, results, write_json
    from ..render.optimised import optimised_tables
    from ..render.text import printable

    task = token_prices(prices)
    prompt = token_prices(prompt_prices, "--prompt-prices") or task
    rates = {role: Rate(*found) for role, found in (("task", task), ("prompt", prompt)) if found is not None}
    with progress("index") as indexing:
        plan = plan_optimization(
            program,
            gold_dir,
            optimizer=optimizer,
            lm=language_model(lm),
            prompt_lm=None if prompt_lm is None else language_model(prompt_lm),
            caps=Caps(budget_calls, budget_tokens, budget_usd),
            prices=rates or None,
            seeds=seed or [0],
            weights=metric_weights(metric),
            profile=profile,
            index=index,
            out=out,
            fork=fork,
            workers=workers,
            search_only=search_only,
            taught=taught,
            index_progress=indexing,
        )
    notes.print(_announced(plan), markup=False, soft_wrap=True)
    with _standing() as watch:
        found = run_optimization(plan, watch)
    if as_json:
        write_json({"run": str(found.folder), **found.as_dict()})
        return
    for table in optimised_tables(found):
        results.print(table)
    for note in found.notes:
        results.print(note, style="yellow", markup=False, soft_wrap=True)
    for line in diff_artifacts(*(read_artifact(found.folder / name) for name in ("before", "program"))):
        results.print(printable(line), markup=False, soft_wrap=True)
    results.print(str(found.folder / "program"), style="dim", markup=False, soft_wrap=True)


def _announced(plan: Plan) -> str:
    estimate = plan.estimate
    sizes = ", ".join(f"{count} {name}" for name, count in estimate.questions.items())
    usd = "" if estimate.usd is None else f", about ${estimate.usd:.2f}"
    where = f"Run in {plan.folder}; the same command goes on with it."
    if plan.fork:
        where = f"A new run beside {plan.folder}."
    least = " and ".join(
        f"{name} {'none, with so few' if effect is None else f'{effect:.2f}'}"
        for name, effect in estimate.detectable.items()
    )
    held = f" {words}" if (words := plan.budget_words()) else ""
    return (
        f"{plan.optimizer_name} on {sizes} questions, seeds {', '.join(map(str, plan.seeds))}: about {estimate.calls} calls "
        f"of language models ({estimate.answers} for answers, {estimate.tests} of them on test), {estimate.tokens:,} "
        f"tokens{usd}; at 1 s a call {estimate.calls / 60:.0f} min. Least difference in a share that the questions show: "
        f"{least} (80 % power, a fifth differing).{held}\n{where}"
    )


@contextmanager
def _standing() -> Iterator[OptimizationWatch]:
    """Show calls, spending, the best score on dev and the time left, in one line for every optimiser."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from ...eval.optimise.run import OptimizationProgress

    # Bound to the stream itself: the optimisers' own chatter is kept off sys.stderr meanwhile.
    console = Console(file=sys.stderr, highlight=False)
    columns = (BarColumn(), TextColumn("{task.fields[live]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("optimize", total=None, live="")

        def watch(now: OptimizationProgress) -> None:
            best = "" if now.best is None else f", best on dev {now.best:.3f}"
            usd = "" if now.spent.usd is None else f", ${now.spent.usd:.4f}"
            live = f"{now.calls} of about {now.expected} calls{usd}{best}"
            bar.update(task, completed=min(now.calls, now.expected), total=now.expected, live=live)

        yield watch
