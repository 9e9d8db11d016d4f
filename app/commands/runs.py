"""``quincunx eval list`` and what else is done with runs that are there already: shown, compared, tagged, removed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..options import AsJson, Prices, ProgramModules, RunName
from ..values import token_prices

if TYPE_CHECKING:
    from ...eval.runs.ledger import RunLedger


def eval_list(
    tag: Annotated[
        list[str] | None, typer.Option(help="Only runs with this tag; may be given again.")
    ] = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of the home folder, newest first, each with its headline figure."""
    from ...eval.report.run_entries import list_runs
    from ...retrieval.storage.home import home
    from ..output import results, write_json
    from ..render.lists import runs_table

    entries = [entry for entry in list_runs() if set(tag or ()) <= set(entry.tags)]
    if as_json:
        write_json({"home": str(home()), "runs": [asdict(entry) for entry in entries]})
    elif entries:
        results.print(runs_table(entries, home()))
    else:
        none = "no run has these tags" if tag else f"no run in {home()} yet: quincunx eval retrieval DIR"
        results.print(none, markup=False, soft_wrap=True)


def eval_show(
    run: RunName, prices: Prices = None, program_modules: ProgramModules = None, as_json: AsJson = False
) -> None:
    """Show the tables of a run again, worked out anew from its rows; nothing is searched or asked."""
    from ...eval.results import open_run

    print_run(open_run(run), as_json, prices)


def eval_view(
    run: RunName,
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; by default report.html in the run's folder.")
    ] = None,
    program_modules: ProgramModules = None,
) -> None:
    """Write a run as one HTML file that needs no network: funnel, tables, every question with its candidates."""
    from ...eval.results import open_run
    from ..output import results

    with open_run(run) as opened:
        path = opened.write_page(out)
    results.print(str(path), markup=False, soft_wrap=True)


def eval_compare(
    a: RunName,
    b: RunName,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; may be given again.")] = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Hold run B against run A on the same questions: differences with intervals, worst regressions first."""
    from ...eval.compare import compare as compare_runs
    from ...eval.results import open_run
    from ..output import results, write_json
    from ..render.runs import comparison_tables

    with open_run(a) as before, open_run(b) as after:
        found = compare_runs(before, after, measure)
    if as_json:
        measures = [
            {**asdict(each), "outcome": each.outcome, "verdict": each.verdict} for each in found.measures
        ]
        write_json({**asdict(found), "measures": measures})
        return
    for table in comparison_tables(found):
        results.print(table)


def eval_diff(
    a: RunName, b: RunName, program_modules: ProgramModules = None, as_json: AsJson = False
) -> None:
    """Say in what run B differs from run A: settings, models and prompts; no question is looked at."""
    from ...eval.diff import diff_runs
    from ..output import results, write_json
    from ..render.runs import difference_tables

    found = diff_runs(a, b)
    if as_json:
        write_json(asdict(found))
        return
    for table in difference_tables(found):
        results.print(table)


def eval_gate(
    run: RunName,
    against: Annotated[str, typer.Option(help="The run that is to be kept up with.")],
    metric: Annotated[
        str, typer.Option(help="The one measure to judge by, e.g. recall@5 or citation_recall.")
    ],
    min_effect: Annotated[float, typer.Option(help="A loss below this does not count.")] = 0.0,
    max_failed: Annotated[
        float, typer.Option(help="Share of failed or missing examples from which nothing is judged.")
    ] = 0.02,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Exit 0 when RUN holds, 1 when it is worse, 3 when n cannot tell, 4 when too many examples failed."""
    from ...eval.gate import gate as judge
    from ...eval.results import open_run
    from ..output import results, write_json
    from ..render.runs import gate_line

    with open_run(run) as judged, open_run(against) as kept:
        found = judge(judged, kept, metric, min_effect=min_effect, max_failed=max_failed)
    if as_json:
        write_json({**asdict(found), "exit_status": found.exit_status})
    else:
        results.print(gate_line(found))
    raise typer.Exit(found.exit_status)


def eval_track(
    runs: Annotated[list[str], typer.Argument(help="Names of runs, or their folders.")],
    into: Annotated[Path, typer.Option(help="The SQLite file; made where there is none.")],
    page: Annotated[
        Path | None, typer.Option(help="An HTML file with a curve for each work, written anew.")
    ] = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Add the headline figures of runs to one SQLite file, to be watched over commits."""
    from ...eval.report.page import publish_page
    from ...eval.report.track_page import render_track_page
    from ...eval.report.tracking import track, tracked
    from ..output import results, write_json
    from ..render.lists import runs_table

    added = track(runs, into)
    every = tracked(into)
    if page is not None:
        publish_page(page, render_track_page(into.stem, every))
    if as_json:
        write_json({"into": str(into), "added": [asdict(entry) for entry in added], "runs": len(every)})
        return
    results.print(runs_table(added, into))
    if page is not None:
        results.print(str(page), markup=False, soft_wrap=True)


def eval_tag(
    run: RunName,
    tags: Annotated[list[str] | None, typer.Argument(help="Tags that it gets.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag it loses; may be given again.")] = None,
    note: Annotated[
        str | None, typer.Option(help="What is to be known of it, in place of its note; empty: none.")
    ] = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Give a run tags and a note, or show those that it has; they change nothing of it."""
    from ...eval.runs.folder import existing_run
    from ...eval.runs.notes import annotate_run, read_run_notes
    from ..output import results, write_json
    from ..render.text import printable

    changes = tags or remove or note is not None
    notes = (
        annotate_run(run, add=tags or (), remove=remove or (), note=note)
        if changes
        else read_run_notes(existing_run(run))
    )
    if as_json:
        write_json({"run": run, **asdict(notes)})
        return
    results.print(" ".join(notes.tags) or "no tags", markup=False, soft_wrap=True)
    if notes.note:
        results.print(printable(notes.note), markup=False, soft_wrap=True)


def eval_prune(
    keep: Annotated[int, typer.Option(help="So many of the newest stay.")] = 0,
    older_than: Annotated[float, typer.Option(help="Days; what is younger stays.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old evaluations of the home folder; those with a tag stay, and so do optimisations."""
    from ...eval.runs.pruning import prune_runs
    from ..output import results, write_json

    found = prune_runs(keep=keep, older_than_days=older_than, dry_run=dry_run)
    if as_json:
        write_json({"dry_run": dry_run, **asdict(found)})
        return
    for name in found.removed:
        results.print(name, markup=False, soft_wrap=True)
    verb = "would be removed" if dry_run else "removed"
    results.print(f"{len(found.removed)} {verb}, {len(found.busy)} are being written", style="dim")


def eval_export(
    run: RunName, out: Annotated[Path, typer.Option(help="A folder that is not there yet.")]
) -> None:
    """Write the run's rankings and judgements in TREC's form, for trec_eval and its like."""
    from ...eval.metrics.trec import export_trec
    from ...eval.results import open_run
    from ..output import results

    with open_run(run) as opened:
        for path in export_trec(opened, out):
            results.print(str(path), markup=False, soft_wrap=True)


def print_run(run: RunLedger, as_json: bool, prices: str | None = None) -> None:
    """Write the report of a run into its folder, print its tables (or all of it as JSON), and close it."""
    from ...eval.prices import Price, known_price
    from ...eval.report.summary import Summary, write_run_report
    from ..output import results, write_json
    from ..render.runs import run_tables

    with run:
        summary = Summary(run)
        write_run_report(run, summary)
        if as_json:
            write_json({"run": str(run.folder), "look": summary.look, **summary.as_dict()})
            return
        given = token_prices(prices)
        price = Price(*given) if given else known_price(str(run.header.get("lm")))
        for table in run_tables(summary, price):
            results.print(table)
        if summary.look:
            results.print(f"look {summary.look} at these test questions: to choose by, take dev", style="dim")
        results.print(f"quincunx eval view {run.folder}", style="dim", markup=False, soft_wrap=True)
