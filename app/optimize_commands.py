"""``quincunx optimize``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import EMBEDDED, AsJson, ProfileName, read_prices

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..eval.optimise.plan import Plan
    from ..eval.optimise.result import Gain, OptimizationResult
    from ..eval.optimise.run import OptimizationWatch

Price = Annotated[str | None, typer.Option(help="Dollars per million tokens in and out, such as 0.15,0.60.")]


def optimize(
    program: Annotated[str, typer.Argument(help="One of the five programs, or a saved one to go on from.")],
    gold_dir: Annotated[Path, typer.Argument(help="Gold set with the splits train, dev and test.")],
    optimizer: Annotated[
        str, typer.Option(help="bootstrap, mipro, gepa, simba, or chain (demos, then instructions).")
    ] = "gepa",
    lm: Annotated[
        str, typer.Option(help="Language model that answers: any name that dspy.LM takes.")
    ] = "extractive",
    prompt_lm: Annotated[
        str | None, typer.Option(help="Language model that writes prompts; the one that answers if left out.")
    ] = None,
    budget_calls: Annotated[int | None, typer.Option(help="Most calls of language models.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Most tokens of prompts and replies.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="Most dollars; needs --prices.")] = None,
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
    index: Annotated[
        str | None, typer.Option(help="Search this index instead of one built from the gold set's corpus.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; by default one in the home folder, named after what is run."),
    ] = None,
    fork: Annotated[
        bool, typer.Option("--fork", help="Begin a new run beside the one that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a program's prompts better, and say what was gained on test questions. Run again, it goes on."""
    from ..eval.optimise.call_ledger import Caps
    from ..eval.optimise.call_ledger import Price as Rate
    from ..eval.optimise.plan import plan_optimization
    from ..eval.optimise.run import run_optimization
    from ..programs.artifact.read import diff_artifacts, read_artifact
    from ..programs.engines.lms import lm as language_model
    from .output import notes, progress, results, write_json
    from .render import printable

    task = read_prices(prices)
    prompt = read_prices(prompt_prices, "--prompt-prices") or task
    rates = {role: Rate(*found) for role, found in (("task", task), ("prompt", prompt)) if found is not None}
    with progress("index") as indexing:
        plan = plan_optimization(
            program,
            gold_dir,
            optimizer=optimizer,
            lm=language_model(lm),
            prompt_lm=None if prompt_lm is None else language_model(prompt_lm),
            caps=Caps(budget_calls, budget_tokens, budget_usd),
            prices=rates,
            seeds=seed or [0],
            weights=_weights(metric),
            profile=profile,
            index=index,
            out=out,
            fork=fork,
            index_progress=indexing,
        )
    notes.print(_announced(plan), markup=False, soft_wrap=True)
    with _standing() as watch:
        found = run_optimization(plan, watch)
    if as_json:
        write_json({"run": str(found.folder), **found.as_dict()})
        return
    for table in _tables(found):
        results.print(table)
    for note in found.notes:
        results.print(note, style="yellow", markup=False, soft_wrap=True)
    for line in diff_artifacts(*(read_artifact(found.folder / name) for name in ("before", "program"))):
        results.print(printable(line), markup=False, soft_wrap=True)
    results.print(str(found.folder / "program"), style="dim", markup=False, soft_wrap=True)


def _weights(metric: str | None) -> dict[str, float] | None:
    from ..retrieval.errors import BoundError

    if metric is None:
        return None
    try:
        pairs = [entry.split("=") for entry in metric.split(",")]
        return {name.strip(): float(weight) for name, weight in pairs}
    except ValueError as error:
        raise BoundError(f"--metric needs PART=WEIGHT joined by commas (got {metric!r})") from error


def _announced(plan: Plan) -> str:
    estimate = plan.estimate
    sizes = ", ".join(f"{count} {name}" for name, count in estimate.questions.items())
    usd = "" if estimate.usd is None else f", about ${estimate.usd:.2f}"
    where = f"Run in {plan.folder}; the same command goes on with it."
    if plan.fork:
        where = f"A new run beside {plan.folder}."
    least = " and ".join(f"{name} {effect:.2f}" for name, effect in estimate.detectable.items())
    return (
        f"{plan.optimizer_name} on {sizes} questions, seeds {', '.join(map(str, plan.seeds))}: about {estimate.calls} calls "
        f"of language models ({estimate.answers} for answers, {estimate.tests} of them on test), {estimate.tokens:,} "
        f"tokens{usd}; at 1 s a call {estimate.calls / 60:.0f} min. Least difference in a share that the questions show: "
        f"{least} (80 % power, a fifth differing).\n{where}"
    )


@contextmanager
def _standing() -> Iterator[OptimizationWatch]:
    """Show calls, spending, the best score on dev and the time left, in one line for every optimizer."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from ..eval.optimise.run import OptimizationProgress

    # Bound to the stream itself: the optimizers' own chatter is kept off sys.stderr meanwhile.
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


def _tables(found: OptimizationResult) -> Iterator[RenderableType]:
    from rich.table import Table

    table = Table(title="gain on the test questions, paired", title_justify="left")
    for column in ("seed", "against", "from", "to", "difference", "failed", "verdict"):
        table.add_column(column)
    for gain in found.gains:
        table.add_row(*_gain_cells(gain, found.seed))
    yield table
    spent, estimate = found.spent, found.estimate
    usd = "" if spent.usd is None else f", ${spent.usd:.4f}"
    yield (
        f"{spent.calls} calls of language models (about {estimate.calls} expected, {spent.failed} failed), "
        f"{spent.input_tokens + spent.output_tokens:,} tokens{usd}; {found.evaluations} answers of the program, "
        f"{found.searches[1]} searches made of {found.searches[0]} asked for; look {found.look} at these test questions"
    )


def _gain_cells(gain: Gain, chosen: int) -> list[str]:
    result = gain.result
    return [
        "mean" if gain.seed is None else f"{gain.seed}{' (saved)' * (gain.seed == chosen)}",
        gain.baseline,
        f"{result.mean_a:.3f}",
        f"{result.mean_b:.3f}",
        f"{result.difference:+.3f} [{result.low:.3f}, {result.high:.3f}]",
        f"{gain.failed[0]:g} → {gain.failed[1]:g}",
        result.verdict,
    ]
