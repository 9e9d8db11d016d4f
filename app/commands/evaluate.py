"""``quincunx eval retrieval`` and ``quincunx eval answers``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...retrieval.settings import SearchSettings
from ..options import (
    CHUNK_OVERLAP,
    CHUNK_TOKENS,
    EMBEDDED,
    AsJson,
    ChunkOverlap,
    ChunkTokens,
    EvalIndex,
    Fork,
    GoldDir,
    LanguageModelName,
    Prices,
    ProfileName,
    ProgramModules,
    ProgramName,
    RunFolder,
    Split,
    Workers,
)
from ..search_options import SearchOptions, takes_search_options
from .runs import print_run

if TYPE_CHECKING:
    from ...eval.goldsets.goldset import GoldSet


@takes_search_options
def eval_retrieval(
    gold_dir: GoldDir,
    search: SearchOptions,
    split: Split = None,
    profile: ProfileName = EMBEDDED,
    index: EvalIndex = None,
    chunk_tokens: ChunkTokens = CHUNK_TOKENS,
    chunk_overlap: ChunkOverlap = CHUNK_OVERLAP,
    out: RunFolder = None,
    fork: Fork = False,
    workers: Workers = 1,
    as_json: AsJson = False,
) -> None:
    """Show how well each stage of the search finds the gold, where it is lost and why. Run again, it goes on."""
    from ...eval.evaluate import evaluate_retrieval
    from ...eval.goldsets.goldset import read_gold_set
    from ..output import progress, watching

    gold = read_gold_set(gold_dir, split)
    _say_power(gold)
    with progress("index") as indexing, watching("search") as watch:
        run = evaluate_retrieval(
            gold,
            profile=profile,
            index=index,
            settings=search.over(SearchSettings()),
            chunk_tokens=chunk_tokens,
            chunk_overlap=chunk_overlap,
            out=out,
            fork=fork,
            workers=workers,
            index_progress=indexing,
            watch=watch,
        )
    print_run(run, as_json)


@takes_search_options
def eval_answers(
    program: ProgramName,
    gold_dir: GoldDir,
    search: SearchOptions,
    split: Split = None,
    lm: LanguageModelName = "extractive",
    profile: ProfileName = EMBEDDED,
    index: EvalIndex = None,
    chunk_tokens: ChunkTokens = CHUNK_TOKENS,
    chunk_overlap: ChunkOverlap = CHUNK_OVERLAP,
    repeat: Annotated[
        int, typer.Option(help="A number that tells runs of the same configuration apart.")
    ] = 0,
    out: RunFolder = None,
    fork: Fork = False,
    workers: Workers = 1,
    prices: Prices = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Ask a program the questions meant for it, and check each answer against the gold. Run again, it goes on."""
    from ...programs.artifact.read import require_program

    require_program(program)
    from ...eval.evaluate import evaluate_answers
    from ..output import progress, watching

    with progress("index") as indexing, watching("ask") as watch:
        run = evaluate_answers(
            program,
            gold_dir,
            lm=lm,
            split=split,
            profile=profile,
            index=index,
            settings=search.over,
            chunk_tokens=chunk_tokens,
            chunk_overlap=chunk_overlap,
            repeat=repeat,
            out=out,
            fork=fork,
            workers=workers,
            index_progress=indexing,
            watch=watch,
        )
    print_run(run, as_json, prices)


def _say_power(gold: GoldSet) -> None:
    """Say before the run what this many questions can show."""
    from ...eval.metrics.means import DISCORDANCE, detectable_words
    from ..output import notes

    n = len(gold.judged)
    notes.print(
        f"{n} question{'s' * (n != 1)} with gold, stages taken to differ on {DISCORDANCE:.0%}: {detectable_words(n)}",
        markup=False,
    )
