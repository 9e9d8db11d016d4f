"""``quincunx eval score`` and ``quincunx eval calibrate``"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import AsJson, ProgramModules, RunName, Workers
from .runs import print_run

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...eval.judges.calibration import JudgeReport


class JudgeKind(StrEnum):
    """The kinds that `eval.judges` knows; a test holds the list to it."""

    groundedness = "groundedness"
    helpfulness = "helpfulness"
    rubric = "rubric"
    preference = "preference"


def eval_score(
    run: RunName,
    judge: Annotated[
        JudgeKind | None,
        typer.Option(
            help="Let a language model judge the answers; left out, the tables are worked out anew."
        ),
    ] = None,
    lm: Annotated[
        str | None,
        typer.Option(help="The model that judges, any name that dspy.LM takes; left out, nothing is asked."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of the model that judges.")] = 0.0,
    repeats: Annotated[
        int, typer.Option(help="How often each answer is judged; 2 or more show how often the judge flips.")
    ] = 1,
    criteria: Annotated[
        list[str] | None,
        typer.Option(
            "--criterion",
            metavar="NAME=TEXT",
            help="For rubric: what answers are to meet, such as 'tone=The answer is polite.' May be given again.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="For preference: the run whose answers those of this run are held against."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Make the judgements that failed again.")
    ] = False,
    workers: Workers = 1,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Score a run again from its rows, or let a language model judge its answers. Nothing is asked anew.

    A preference is asked for twice in each repeat, so that each answer stands first once. Its mean is the share of judgements that
    prefer the answer of this run.
    """
    from ...eval.results import open_run
    from ...eval.runs.ledger import RunLedger
    from ...retrieval.errors import UsageError

    if judge is None:
        if lm is not None:
            raise UsageError(f"--lm {lm} judges nothing without --judge: add --judge groundedness, say")
        print_run(open_run(run), as_json)
        return
    from ...eval.judges import judge as judging
    from ...eval.judges.calibration import find_judge, is_of_kind, judge_report
    from ...programs.engines.lms import lm as language_model
    from ..output import watching

    if lm is None:
        with open_run(run) as opened:
            names = [name for name in opened.judges() if is_of_kind(name, judge.value)]
            found = [judge_report(opened, name) for name in names or [find_judge(opened, judge.value)]]
    else:
        asked = language_model(lm, temperature=temperature)
        rival = None
        if against is not None:
            with open_run(against) as other:
                rival = judging.Rival.of(other)
        named: list[judging.Criterion | None] = [
            judging.Criterion(*map(str.strip, text.partition("=")[::2])) for text in criteria or ()
        ]
        judges = [
            judging.judge(judge.value, asked, criterion=criterion, rival=rival)
            for criterion in named or [None]
        ]
        with RunLedger.reopen(run) as opened, watching("judge") as watch:
            for by in judges:
                judging.judge_run(
                    opened, by, repeats=repeats, workers=workers, retry_failed=retry_failed, watch=watch
                )
            found = [judge_report(opened, by.name) for by in judges]
    _tell(str(run), found, as_json)


def eval_calibrate(
    run: RunName,
    labels: Annotated[
        Path, typer.Argument(help="CSV of human labels: id, label (0 or 1) and, if wanted, judge.")
    ],
    judge: Annotated[
        str, typer.Option(help="The judge's name, or its kind where one judge of it judged the run.")
    ],
    as_json: AsJson = False,
) -> None:
    """Hold a judge's verdicts against human labels: TPR, TNR, kappa, flip rate. The run keeps the labels."""
    from ...eval.judges.calibration import calibrate as hold
    from ...eval.judges.calibration import find_judge, read_labels
    from ...eval.runs.ledger import RunLedger

    with RunLedger.reopen(run) as opened:
        name = find_judge(opened, judge)
        found = hold(opened, name, read_labels(labels, name))
    _tell(str(run), [found], as_json)


def _tell(run: str, found: list[JudgeReport], as_json: bool) -> None:
    from ..output import results, write_json

    if as_json:
        write_json({"run": run, "judges": [report.as_dict() for report in found]})
        return
    for report in found:
        for part in _parts(report):
            results.print(part)


def _parts(report: JudgeReport) -> Iterable[RenderableType]:
    """A judge's mean with its calibration, and where there is one, the figures of that."""
    from rich.text import Text

    from ..render.figures import mean_cell
    from ..render.text import printable, table_of

    scores = report.scores
    failed = sum(scores.failed.values())
    told = f"{len(scores.values)} of {scores.answers} answers judged"
    if failed:
        codes = ", ".join(f"{code} {count}" for code, count in scores.failed.items())
        told += f"; {failed} judgements failed and are in no mean ({codes})"
    if scores.missing:
        told += f"; {scores.missing} judgements not made yet"
    yield Text(f"{scores.judge}\n{told}\n{report.state}", style="bold")
    table = table_of("", "", "value", "n")
    table.add_row("share called good", mean_cell(scores.mean), str(len(scores.values)))
    flips = scores.flips
    table.add_row(f"flip rate of {scores.repeats}", mean_cell(flips), "–" if flips is None else str(flips.n))
    found = report.calibration
    for name, figure in (
        (("TPR", found.agreement.tpr), ("TNR", found.agreement.tnr), ("kappa", found.agreement.kappa))
        if found
        else ()
    ):
        table.add_row(name, mean_cell(figure), "–" if figure is None else str(figure.n))
    yield table
    if found is None:
        return
    for doubt in found.doubts:
        yield Text(f"not to be believed yet: {doubt}", style="yellow")
    if found.unjudged:
        named = ", ".join(f"{id} ({why})" for id, why in found.unjudged.items())
        yield Text(printable(f"{len(found.unjudged)} labels without a verdict: {named}"), style="yellow")
    if found.unlabelled:
        yield Text(
            printable(f"{len(found.unlabelled)} verdicts without a label: {', '.join(found.unlabelled)}"),
            style="yellow",
        )
