"""Evaluation runs and comparisons as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..eval.compare import RunComparison
from ..eval.gate import Gate
from ..eval.metrics.means import count_diagnoses, detectable_difference, latency
from ..eval.report.summary import Summary
from ..eval.stats.paired import Comparison, Interval
from ..eval.tune.reranker import TunedReranker
from ..eval.tune.settings import SweepResult, TestComparison

COLOURS = {"holds": "green", "worse": "red", "cannot tell": "yellow", "too many failures": "red"}
BAR = 30
"""Characters of a funnel's full bar."""


def run_tables(summary: Summary, prices: tuple[float, float] | None = None) -> Iterable[RenderableType]:
    """Everything that a run's report says at a glance; ``prices`` are dollars per million tokens in and out."""
    yield Text(_counts(summary), style="bold")
    yield _funnel(summary)
    yield _stages(summary)
    if summary.comparisons:
        yield _comparisons(summary)
    if summary.lost:
        yield _lost(summary)
    if summary.answers is not None:
        yield _refusals(summary)
        yield _checks(summary, prices)


def _counts(summary: Summary) -> str:
    counts, header = summary.counts, summary.header
    what = f"{header['data']['name']}, split {header['data']['split']}"
    text = f"{summary.name}: {what}: {counts.attempted} attempted, {counts.scored} scored, {counts.failed} failed"
    if took := latency(summary.scored):
        text += f", {1000 * took[0]:.0f} ms each (p95 {1000 * took[1]:.0f})"
    remembered = sum(row.record.get("remembered", 0) for row in summary.scored.rows.values())
    pairs = sum(len(row.record.get("candidates", ())) for row in summary.scored.rows.values())
    if remembered:
        text += f", {remembered} of {pairs} rerank scores remembered"
    return text + (f", {counts.skipped} not attempted yet" if counts.skipped else "")


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _words(table: Table) -> Table:
    """Let the last column hold words, on several lines where they need it."""
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    return table


def _figure(value: float, digits: int = 3) -> str:
    """Return a share without the 0 before its point."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def _interval(low: float, high: float) -> str:
    return f"[{_figure(low, 2)} {_figure(high, 2)}]"


def _difference(result: Comparison) -> str:
    sign = "+" if result.difference > 0 else ""
    return f"{sign}{_figure(result.difference)} {_interval(result.low, result.high)}"


def _funnel(summary: Summary) -> Table:
    table = Table(
        title="funnel: questions with gold left", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("step", no_wrap=True)
    table.add_column("questions", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for step in summary.steps:
        share = step.count / step.n if step.n else 0.0
        bar = "█" * round(BAR * share)
        table.add_row(step.name, f"{step.count} of {step.n}", f"{100 * share:.1f} %" if step.n else "–", bar)
    return table


def _stages(summary: Summary) -> Table:
    scored = summary.scored
    title = f"means with 95 % intervals over {len(scored.scored)} questions"
    if summary.counts.failed:
        title += f"; {summary.counts.failed} failed and are in no mean"
    table = table_of(title, "stage", *scored.measures)
    for stage, means in summary.means.items():
        table.add_row(stage, *(mean_cell(means.get(measure)) for measure in scored.measures))
    return table


def mean_cell(mean: Interval | None) -> str:
    return "–" if mean is None else f"{_figure(mean.mean)}\n{_interval(mean.low, mean.high)}"


def _comparisons(summary: Summary) -> Table:
    n = len(summary.scored.scored)
    title = f"paired differences; n={n} shows {detectable_difference(n):.3f} or more in hit or recall with 80 % power"
    table = _words(table_of(title, "comparison", "difference", "p (Holm)", "W/T/L", "verdict"))
    for entry in summary.comparisons:
        result = entry.result
        table.add_row(
            f"{entry.measure}: {entry.baseline} → {entry.stage}",
            _difference(result),
            f"{entry.holm_p:.2g}",
            f"{result.wins}/{result.ties}/{result.losses}",
            entry.verdict.split(":")[0],
        )
    return table


def _lost(summary: Summary) -> Table:
    table = _words(table_of(f"{len(summary.lost)} gold passages lost", "diagnosis", "gold", "what to change"))
    advice = {entry.diagnosis: entry.advice for entry in summary.lost}
    for diagnosis, count in count_diagnoses(summary.lost).items():
        table.add_row(diagnosis, str(count), escape(advice[diagnosis]))
    return table


def _refusals(summary: Summary) -> Table:
    assert summary.answers is not None
    told = summary.answers.refusals
    table = table_of("refusals", "", "answered", "refused")
    table.add_row("can be answered", str(told.answerable_answered), str(told.answerable_refused))
    table.add_row("cannot be answered", str(told.unanswerable_answered), str(told.unanswerable_refused))
    return table


def _checks(summary: Summary, prices: tuple[float, float] | None) -> Table:
    answers = summary.answers
    assert answers is not None
    spent = f"{answers.lm_calls} calls of the language model"
    if answers.tokens:
        into, out = answers.tokens.get("input", 0), answers.tokens.get("output", 0)
        spent += f", {into} tokens in and {out} out"
        if prices:
            spent += f", {(into * prices[0] + out * prices[1]) / 1e6:.4f} USD"
    failed = f"; {summary.counts.failed} failed and are in no mean" if summary.counts.failed else ""
    table = table_of(
        f"{answers.program}: answers to questions that can be answered{failed}; {spent}", "check", "mean", "n"
    )
    for check in answers.checks:
        table.add_row(check.name, mean_cell(check.mean), str(check.mean.n))
    return table


def comparison_tables(found: RunComparison) -> Iterable[RenderableType]:
    """Two runs, measure by measure, and the questions that lost most."""
    yield Text(f"a: {found.a}\nb: {found.b}\n{found.n} questions scored in both", style="bold")
    for what, ids in (
        ("only in a", found.only_a),
        ("only in b", found.only_b),
        ("failed in a", found.failed_a),
        ("failed in b", found.failed_b),
        ("with other gold in a and b", found.changed_gold),
    ):
        if ids:
            yield Text(
                f"{len(ids)} {what}: {', '.join(ids[:10])}{', …' if len(ids) > 10 else ''}", style="yellow"
            )
    table = table_of(
        "better by the corrected test bears the other's letter",
        "measure",
        "a",
        "b",
        "b − a",
        "p (Holm)",
        "W/T/L",
        "b is",
    )
    _words(table)
    for measured in found.measures:
        result, (mark_a, mark_b) = measured.result, measured.superscripts
        table.add_row(
            measured.measure,
            f"{result.mean_a:.3f}{mark_a and ' ' + mark_a}",
            f"{result.mean_b:.3f}{mark_b and ' ' + mark_b}",
            _difference(result),
            f"{measured.holm_p:.2g}",
            f"{result.wins}/{result.ties}/{result.losses}",
            result.verdict,
        )
    yield table
    first = found.measures[0]
    if first.worst:
        table = table_of(f"worst regressions in {first.measure}", "question", "a", "b")
        for delta in first.worst:
            table.add_row(escape(f"{delta.id}: {delta.text[:70]}"), f"{delta.a:.3f}", f"{delta.b:.3f}")
        yield table


def gate_line(found: Gate) -> Text:
    """The verdict of a gate."""
    return Text(f"{found.verdict}: {found.reason}", style=COLOURS[found.verdict])


def trials_table(found: SweepResult) -> Table:
    """What each candidate came to on dev, best first, in what it sets otherwise than the others."""
    told = [trial.candidate.as_dict() for trial in found.trials]
    differing = [name for name in told[0] if len({str(settings[name]) for settings in told}) > 1]
    sets = list(found.trials[0].by_set)
    table = table_of("on the dev questions, best first", *(differing or ["settings"]), "score", *sets)
    for trial, settings in list(zip(found.trials, told, strict=True))[:15]:
        by_set = [_figure(sum(list(means.values())[:2]) / 2) for means in trial.by_set.values()]
        facts = [str(settings[name]) for name in differing] or ["as they are"]
        table.add_row(*facts, _figure(trial.score), *by_set)
    table.caption = "score: mean of recall and mrr"
    return table


def tuned_table(found: TunedReranker) -> Table:
    """What a tuned reranker changed on the sealed test questions."""
    measures = list(found.comparisons)
    table = _words(table_of(f"sealed test questions, look {found.look}", "order", *measures))
    for stage in found.stages:
        cells = [
            f"{_figure(mean.mean)} [{_figure(mean.low)}, {_figure(mean.high)}] n={mean.n}"
            for mean in (stage.means[measure] for measure in measures)
        ]
        table.add_row(stage.name, *cells)
    told = [f"{_difference(found.comparisons[name])}: {found.comparisons[name].verdict}" for name in measures]
    table.add_row("before → after", *told)
    return table


def sealed_table(entry: TestComparison) -> Table:
    """The choice on the sealed test questions of one set."""
    table = _words(
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
            name, _difference(result), f"{result.wins}/{result.ties}/{result.losses}", result.verdict
        )
    now, chosen = list(entry.now.items()), list(entry.chosen.items())
    table.caption = ", ".join(
        f"{name} {_figure(before)} → {_figure(after)}"
        for (name, before), (_, after) in zip(now[:2], chosen[:2], strict=True)
    )
    return table
