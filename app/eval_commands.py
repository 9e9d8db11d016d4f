"""``quincunx eval …``"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import EMBEDDED, AsJson, ProfileName, read_prices

if TYPE_CHECKING:
    from ..eval.goldsets.goldset import GoldSet
    from ..eval.runs.ledger import RunLedger
    from ..eval.runs.retrieval_run import RetrievalSetup
    from ..retrieval.settings import SearchSettings

eval_app = typer.Typer(help="Measure against a gold set.", no_args_is_help=True)

GoldDir = Annotated[
    Path, typer.Argument(help="Gold set: corpus.jsonl, queries.jsonl and qrels/ or spans.jsonl.")
]
Split = Annotated[str, typer.Option(help="Which split of the gold set to judge by; all for every one.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder of the run; by default one in the home folder, named after what is run."),
]
Fork = Annotated[bool, typer.Option("--fork", help="Begin a new run beside the one that is there.")]
Workers = Annotated[int, typer.Option(help="How many questions at once.")]
RunName = Annotated[str, typer.Argument(help="Name of a run, or its folder.")]
IndexName = Annotated[
    str | None,
    typer.Option("--index", help="Search this index instead of one built from the gold set's corpus."),
]
K = Annotated[int, typer.Option("-k", help="Candidates that reach the reranker.")]
N = Annotated[int, typer.Option("-n", help="Passages that are kept.")]
Final = Annotated[str, typer.Option(help="Final order: combined or reranked.")]
DenseWeight = Annotated[float, typer.Option(help="Weight of the dense order.")]
LexicalWeight = Annotated[float, typer.Option(help="Weight of the lexical order.")]
ChunkTokens = Annotated[int, typer.Option(help="Most tokens of a passage, where the index is built.")]
Prices = Annotated[
    str | None, typer.Option(help="Dollars per million tokens in and out, such as 0.15,0.60: shows the cost.")
]
ChunkOverlap = Annotated[int, typer.Option(help="Most tokens that a passage repeats of the one before.")]


@eval_app.command("retrieval")
def eval_retrieval(
    gold_dir: GoldDir,
    split: Split = "test",
    profile: ProfileName = EMBEDDED,
    index: IndexName = None,
    k: K = 20,
    n: N = 5,
    final: Final = "combined",
    dense_weight: DenseWeight = 1.0,
    lexical_weight: LexicalWeight = 1.5,
    chunk_tokens: ChunkTokens = 200,
    chunk_overlap: ChunkOverlap = 40,
    out: Out = None,
    fork: Fork = False,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Show how well each stage of retrieval finds the gold, where it is lost and why. Run again, it goes on."""
    from ..eval.runs.retrieval_run import run_retrieval
    from ..retrieval.settings import SearchSettings
    from .output import progress, watching

    settings = SearchSettings(
        k=k,
        n=n,
        final=final,  # type: ignore[arg-type]  # checked there
        dense_weight=dense_weight,
        lexical_weight=lexical_weight,
    )
    searched = _searched(gold_dir, split, profile, settings, index, chunk_tokens, chunk_overlap)
    _say_power(searched.gold)
    with progress("index") as indexing, watching("search") as watch:
        run = run_retrieval(
            searched, out=out, fork=fork, workers=workers, index_progress=indexing, watch=watch
        )
    show_run(run, as_json)


@eval_app.command("answers")
def eval_answers(
    program: Annotated[str, typer.Argument(help="One of the five programs, or a saved one.")],
    gold_dir: GoldDir,
    split: Split = "test",
    lm: Annotated[
        str, typer.Option(help="Language model: extractive, or any name that dspy.LM takes.")
    ] = "extractive",
    profile: ProfileName = EMBEDDED,
    index: IndexName = None,
    repeat: Annotated[int, typer.Option(help="Tells runs of one configuration apart.")] = 0,
    out: Out = None,
    fork: Fork = False,
    workers: Workers = 1,
    prices: Prices = None,
    as_json: AsJson = False,
) -> None:
    """Ask a program the questions meant for it and check what it says, end to end. Run again, it goes on."""
    from ..eval.runs.answer_run import run_answers
    from ..programs.engines.lms import lm as language_model
    from ..programs.loading import load
    from ..retrieval.handle import SearchHandle
    from ..retrieval.settings import SearchSettings
    from .output import progress, watching

    searched = _searched(gold_dir, split, profile, SearchSettings(), index, 200, 40)
    with progress("index") as indexing:
        folder = searched.folder(indexing)
    loaded = load(program, index=SearchHandle(folder, profile), allow_other_index=True)
    loaded.set_lm(language_model(lm))
    with watching("ask") as watch:
        run = run_answers(
            loaded, searched, folder, out=out, fork=fork, workers=workers, repeat=repeat, watch=watch
        )
    show_run(run, as_json, prices)


@eval_app.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """List the runs of the home folder."""
    from ..eval.runs.folder import run_names
    from .output import results, write_json

    names = run_names()
    if as_json:
        write_json({"runs": names})
    for name in () if as_json else names:
        results.print(name, markup=False)


@eval_app.command("show")
def show(run: RunName, prices: Prices = None, as_json: AsJson = False) -> None:
    """Show the tables of a run again, worked out anew from its rows; nothing is searched or asked."""
    from ..eval.results import open_run

    show_run(open_run(run), as_json, prices)


@eval_app.command("view")
def view(
    run: RunName,
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; by default report.html in the run's folder.")
    ] = None,
) -> None:
    """Write a run as one HTML file that needs no network: funnel, tables, every question with its candidates."""
    from ..eval.results import open_run
    from .output import results

    with open_run(run) as opened:
        path = out or opened.folder / "report.html"
        opened.write_page(path)
    results.print(str(path), markup=False, soft_wrap=True)


@eval_app.command("compare")
def compare(
    a: RunName,
    b: RunName,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold run B against run A on the same questions: differences with intervals, worst regressions first."""
    from ..eval.compare import compare
    from ..eval.results import open_run
    from .eval_render import comparison_tables
    from .output import results, write_json

    with open_run(a) as before, open_run(b) as after:
        found = compare(before, after, measure)
    if as_json:
        write_json(asdict(found))
        return
    for table in comparison_tables(found):
        results.print(table)


@eval_app.command("gate")
def gate(
    run: RunName,
    against: Annotated[str, typer.Option(help="The run that is to be kept up with.")],
    metric: Annotated[
        str, typer.Option(help="The one measure to judge by, e.g. recall@5 or citation_recall.")
    ],
    min_effect: Annotated[float, typer.Option(help="A loss below this does not count.")] = 0.0,
    max_failed: Annotated[
        float, typer.Option(help="Share of failed or missing examples from which nothing is judged.")
    ] = 0.02,
    as_json: AsJson = False,
) -> None:
    """Exit 0 when RUN holds, 1 when it is worse, 3 when n cannot tell, 4 when too many examples failed."""
    from ..eval.gate import gate as judge
    from ..eval.results import open_run
    from .eval_render import gate_line
    from .output import results, write_json

    with open_run(run) as judged, open_run(against) as kept:
        found = judge(judged, kept, metric, min_effect=min_effect, max_failed=max_failed)
    if as_json:
        write_json({**asdict(found), "exit_status": found.exit_status})
    else:
        results.print(gate_line(found))
    raise typer.Exit(found.exit_status)


@eval_app.command("export")
def export(run: RunName, out: Annotated[Path, typer.Option(help="A folder that is not there yet.")]) -> None:
    """Write the run's rankings and judgements in TREC's form, for trec_eval and its like."""
    from ..eval.metrics.trec import export_trec
    from ..eval.results import open_run
    from .output import results

    with open_run(run) as opened:
        for path in export_trec(opened, out):
            results.print(str(path), markup=False)


def _searched(
    gold_dir: Path,
    split: str,
    profile: str,
    settings: SearchSettings,
    index: str | None,
    chunk_tokens: int,
    chunk_overlap: int,
) -> RetrievalSetup:
    from ..eval.goldsets.goldset import read_gold_set
    from ..eval.runs.retrieval_run import RetrievalSetup
    from ..retrieval.text.chunking import Chunking

    gold = read_gold_set(gold_dir, split)
    return RetrievalSetup(gold, profile, settings, Chunking(chunk_tokens, chunk_overlap), index)


def _say_power(gold: GoldSet) -> None:
    """Say before the run what this many questions can show."""
    from ..eval.metrics.means import DISCORDANCE, detectable_difference
    from .output import notes

    n = len(gold.judged)
    if n > 1:
        notes.print(
            f"{n} questions with gold: a difference in hit or recall below {detectable_difference(n):.3f} will not be told from "
            f"chance (80 % power, stages differing on {DISCORDANCE:.0%})",
            markup=False,
        )


def show_run(run: RunLedger, as_json: bool, prices: str | None = None) -> None:
    from ..eval.report.summary import Summary, write_run_report
    from .eval_render import run_tables
    from .output import results, write_json

    with run:
        summary = Summary(run)
        write_run_report(run, summary)
        if as_json:
            write_json({"run": str(run.folder), **summary.as_dict()})
            return
        for table in run_tables(summary, read_prices(prices)):
            results.print(table)
        results.print(f"quincunx eval view {run.folder}", style="dim", markup=False, soft_wrap=True)
