"""Evaluation runs and comparisons as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...eval.compare import RunComparison
from ...eval.diff import RunDifference
from ...eval.gate import Gate
from ...eval.metrics.answer_scores import AnswerScores
from ...eval.metrics.means import count_diagnoses, detectable_words, latency
from ...eval.prices import Price
from ...eval.report.facts import spent_text
from ...eval.report.summary import Summary
from ...eval.stats.paired import p_text
from .figures import difference, mean_cell
from .text import printable, table_of, with_words

COLOURS = {"holds": "green", "worse": "red", "cannot tell": "yellow", "too many failures": "red"}
BAR = 30
"""Characters of a funnel's full bar."""


def run_tables(summary: Summary, price: Price | None = None) -> Iterable[RenderableType]:
    """Everything that a run's report says at a glance; with a ``price`` of the language model, what it cost."""
    yield Text(_counts(summary), style="bold")
    yield _funnel(summary)
    yield _stages(summary)
    if summary.comparisons:
        yield _comparisons(summary)
    if summary.lost:
        yield _lost(summary)
    if summary.answers is not None:
        yield _outcomes(summary.answers)
        yield _refusals(summary)
        yield _checks(summary, price)


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


def _funnel(summary: Summary) -> Table:
    table = table_of("funnel: questions with gold left", "step", "questions", "share")
    table.add_column("", no_wrap=True, overflow="crop")
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


def _comparisons(summary: Summary) -> Table:
    n = len(summary.scored.scored)
    title = f"paired differences; n={n}: {detectable_words(n)}"
    table = with_words(table_of(title, "comparison", "difference", "p (Holm)", "W/T/L", "verdict"))
    for entry in summary.comparisons:
        result = entry.result
        table.add_row(
            f"{entry.measure}: {entry.baseline} → {entry.stage}",
            difference(result),
            p_text(entry.holm_p),
            f"{result.wins}/{result.ties}/{result.losses}",
            entry.verdict.split(":")[0],
        )
    return table


def _lost(summary: Summary) -> Table:
    table = with_words(
        table_of(f"{len(summary.lost)} gold passages lost", "diagnosis", "gold", "what to change")
    )
    advice = {entry.diagnosis: entry.advice for entry in summary.lost}
    for diagnosis, count in count_diagnoses(summary.lost).items():
        table.add_row(diagnosis, str(count), escape(advice[diagnosis]))
    return table


def _outcomes(answers: AnswerScores) -> Table:
    title = f"outcomes; an answer is right with a {answers.right_rule}"
    table = table_of(title, "outcome", "questions", "share")
    for each in answers.outcomes:
        table.add_row(each.name, f"{each.count} of {each.share.n}", mean_cell(each.share))
    return table


def _refusals(summary: Summary) -> Table:
    assert summary.answers is not None
    told = summary.answers.refusals
    table = table_of("refusals", "", "answered", "refused")
    table.add_row("can be answered", str(told.answerable_answered), str(told.answerable_refused))
    table.add_row("cannot be answered", str(told.unanswerable_answered), str(told.unanswerable_refused))
    return table


def _checks(summary: Summary, price: Price | None) -> Table:
    answers = summary.answers
    assert answers is not None
    spent = spent_text(answers.lm_calls, answers.tokens, price)
    failed = f"; {summary.counts.failed} failed and are in no mean" if summary.counts.failed else ""
    table = table_of(
        f"{answers.program}: answers to questions that can be answered{failed}; {spent}", "check", "mean", "n"
    )
    for check in answers.checks:
        table.add_row(check.name, mean_cell(check.mean), str(check.mean.n))
    return table


def difference_tables(found: RunDifference) -> Iterable[RenderableType]:
    """In what two runs differ: a table of settings and models, and the lines of their prompts."""
    yield Text(f"a: {found.a}\nb: {found.b}", style="bold")
    yield _configured(found.configured)
    if found.prompts is None:
        yield Text("the prompts: not kept by both runs")
    elif not found.prompts:
        yield Text("the prompts are the same")
    for predictor, lines in (found.prompts or {}).items():
        yield Text("\n".join([printable(predictor), *(f"  {printable(line)}" for line in lines)]))


def _configured(differs: Mapping[str, tuple[Any, Any]]) -> RenderableType:
    if not differs:
        return Text("the runs were configured alike")
    table = with_words(table_of("what differs", "setting", "a", "b"), "setting", "a", "b")
    for name, values in differs.items():
        table.add_row(escape(printable(name)), *(escape(printable(f"{value}")) for value in values))
    return table


def comparison_tables(found: RunComparison) -> Iterable[RenderableType]:
    """Two runs, measure by measure, and the questions that lost most."""
    yield Text(f"a: {found.a}\nb: {found.b}\n{found.n} questions scored in both", style="bold")
    yield _configured(found.differs)
    for what, ids in (
        ("only in a", found.only_a),
        ("only in b", found.only_b),
        ("failed in a", found.failed_a),
        ("failed in b", found.failed_b),
        ("with other gold in a and b", found.changed_gold),
        ("measured on fewer than 2 questions of both", found.too_few),
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
    with_words(table)
    for measured in found.measures:
        result, (mark_a, mark_b) = measured.result, measured.superscripts
        table.add_row(
            measured.measure,
            f"{result.mean_a:.3f}{mark_a and ' ' + mark_a}",
            f"{result.mean_b:.3f}{mark_b and ' ' + mark_b}",
            difference(result),
            p_text(measured.holm_p, result.alpha),
            f"{result.wins}/{result.ties}/{result.losses}",
            measured.verdict,
        )
    yield table
    for measured in found.measures:
        if not measured.worst:
            yield Text(f"no question lost in {measured.measure}")
            continue
        losses = measured.result.losses
        title = f"worst regressions in {measured.measure}, {len(measured.worst)} of {losses}"
        table = with_words(table_of(title, "question", "a", "b"), "question")
        for delta in measured.worst:
            table.add_row(escape(printable(f"{delta.id}: {delta.text}")), f"{delta.a:.3f}", f"{delta.b:.3f}")
        yield table


def gate_line(found: Gate) -> Text:
    """The verdict of a gate."""
    return Text(f"{found.verdict}: {found.reason}", style=COLOURS[found.verdict])
