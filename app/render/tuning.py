"""What was tuned, as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from ...eval.stats.paired import Comparison
from ...eval.tune.reranker import TunedReranker
from ...eval.tune.settings import SweepResult, TestComparison, quality
from .figures import difference, figure
from .text import table_of, with_words


def trials_table(found: SweepResult) -> Table:
    """What each candidate came to on dev, best first, in what it sets otherwise than the others."""
    told = [trial.candidate.as_dict() for trial in found.trials]
    differing = [name for name in told[0] if len({str(settings[name]) for settings in told}) > 1]
    sets = list(found.trials[0].by_set)
    table = table_of("on the dev questions, best first", *(differing or ["settings"]), "score", *sets)
    for trial, settings in list(zip(found.trials, told, strict=True))[:15]:
        by_set = [figure(quality(means)) for means in trial.by_set.values()]
        facts = [str(settings[name]) for name in differing] or ["as they are"]
        table.add_row(*facts, figure(trial.score), *by_set)
    table.caption = "score: mean of recall and mrr"
    return table


def tuned_tables(found: TunedReranker) -> Iterator[Table]:
    """What a tuned reranker changed: on dev, and on the sealed test questions if they were asked."""
    dev = with_words(
        table_of(f"tuned reranker, on {found.on_dev.n} dev questions", "order", "recall and mrr")
    )
    dev.add_row("before → after", _verdict(found.on_dev))
    yield dev
    if found.look is None:
        return
    measures = list(found.comparisons)
    test = with_words(table_of(f"on the test questions, look {found.look}", "order", *measures))
    for stage in found.stages:
        means = [stage.means[measure] for measure in measures]
        cells = [
            f"{figure(mean.mean)} [{figure(mean.low)}, {figure(mean.high)}] n={mean.n}" for mean in means
        ]
        test.add_row(stage.name, *cells)
    test.add_row("before → after", *map(_verdict, found.comparisons.values()))
    yield test


def _verdict(result: Comparison) -> str:
    return f"{difference(result)}: {result.verdict}"


def sealed_table(entry: TestComparison) -> Table:
    """The choice on the sealed test questions of one set."""
    table = with_words(
        table_of(
            f"{entry.name}: {entry.n} sealed test questions, look {entry.look}",
            "comparison",
            "difference",
            "W/T/L",
            "verdict",
        )
    )
    for name, result in entry.comparisons.items():
        table.add_row(
            name, difference(result), f"{result.wins}/{result.ties}/{result.losses}", result.verdict
        )
    now, chosen = list(entry.now.items()), list(entry.chosen.items())
    table.caption = ", ".join(
        f"{name} {figure(before)} → {figure(after)}"
        for (name, before), (_, after) in zip(now[:2], chosen[:2], strict=True)
    )
    return table
