"""A run as its page shows it, and as the report file of its folder says it, byte for byte the same for the same rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...retrieval.storage.disk import publish_file, storing
from ..goldsets.goldset import GoldQuestion
from ..judges.scores import JudgeScores, judge_scores
from ..metrics import records as data
from ..metrics.answer_scores import AnswerScores, score_answers
from ..metrics.diagnosis import LostUnit, diagnose, place_in_passages
from ..metrics.means import (
    count_diagnoses,
    funnel,
    funnel_steps,
    stage_comparisons,
    stage_means,
    steps_reached,
)
from ..metrics.run_scores import STAGES, score_run
from ..prices import known_price
from ..runs.ledger import Row, RunLedger
from ..runs.look_counter import look_of
from ..runs.notes import read_run_notes
from ..stats.paired import Interval
from .facts import note_facts, origin_facts, spent_text, told_search
from .page import publish_page, render_run_page

REPORT = "report.json"
TIMED = ("embed", "dense", "lexical", "fuse", "rerank", "rephrasing", "splitting", "asking", "check")


class Summary:
    """Everything that is shown of a run, worked out once from its rows."""

    def __init__(self, run: RunLedger) -> None:
        self.name, self.folder = run.name, run.folder
        self.header = run.header
        self.look = look_of(run.folder)
        """Which look at its test questions the run was; ``None`` where it asked none."""
        self.seed = int(run.header["seed"])
        self.scored = score_run(run)
        self.means = stage_means(self.scored, self.seed)
        self.comparisons = stage_comparisons(self.scored, self.seed)
        self.lost = diagnose(self.scored)
        self.answers: AnswerScores | None = None
        self.judged: list[JudgeScores] = []
        if run.header["kind"] == "answers":
            self.answers = score_answers(run, self.scored, self.seed)
            self.judged = [judge_scores(run, name) for name in run.judges()]

    @property
    def counts(self) -> data.Counts:
        """Attempted questions, those that were scored, failed, and those that were never attempted."""
        failed = len(self.scored.failed)
        attempted = len(self.scored.rows)
        return data.Counts(attempted, attempted - failed, failed, len(self.scored.questions) - attempted)

    @property
    def steps(self) -> list[data.FunnelStep]:
        """The funnel, down to what an answer is right by where a program answered."""
        return [*funnel(self.scored), *(self.answers.steps if self.answers else ())]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: no time of day and no duration is in it."""
        scored = self.scored
        report: dict[str, Any] = {
            "header": {
                name: value
                for name, value in self.header.items()
                if name not in ("begun", "commit", "precision", "prompts")
            },
            "counts": asdict(self.counts),
            "failures": {row.id: {"code": row.code, "message": row.message} for row in scored.failed},
            "funnel": [asdict(step) for step in self.steps],
            "stages": {
                stage: {measure: asdict(mean) for measure, mean in means.items()}
                for stage, means in self.means.items()
            },
            "comparisons": [
                {
                    "baseline": entry.baseline,
                    "stage": entry.stage,
                    "measure": entry.measure,
                    **asdict(entry.result),
                    "holm_p": entry.holm_p,
                    "verdict": entry.verdict,
                }
                for entry in self.comparisons
            ],
            "lost": {
                "by": count_diagnoses(self.lost),
                "units": [{**asdict(lost), "advice": lost.advice} for lost in self.lost],
            },
            "values": scored.values,
        }
        if self.answers is not None:
            report["answers"] = self.answers.as_dict()
        return report


def write_run_report(run: RunLedger, summary: Summary | None = None) -> Path:
    """Write the report of a run beside its rows, whole or not at all; returns its path.

    ``summary`` is that of the run, where it has been worked out already.
    """
    path = run.folder / REPORT
    text = (
        json.dumps((summary or Summary(run)).as_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    )
    with storing(path):
        publish_file(path, [memoryview(text.encode())])
    return path


def write_page(summary: Summary, path: Path) -> None:
    """Write a run as one HTML file; raises `StorageError` when the disk refuses."""
    publish_page(path, render_run_page(report_of(summary)))


def report_of(summary: Summary) -> data.Report:
    """Return a run as the page takes it."""
    scored = summary.scored
    lost: dict[str, list[LostUnit]] = {}
    for entry in summary.lost:
        lost.setdefault(entry.question, []).append(entry)
    questions = tuple(
        _question(summary, question, scored.rows.get(id), lost.get(id, ()))
        for id, question in scored.questions.items()
        if id in scored.rows
    )
    names = [step.name for step in summary.steps]
    return data.Report(
        name=summary.name,
        kind="answers" if summary.answers else "retrieval",
        facts=(
            *facts(summary.header),
            *_spent_fact(summary),
            *([("test questions", f"look {summary.look} at them")] if summary.look else []),
            *note_facts(read_run_notes(summary.folder)),
        ),
        counts=summary.counts,
        funnel=tuple(summary.steps),
        stages=STAGES,
        measures=scored.measures,
        table=tuple(
            data.StageRow(
                stage, tuple(_mean(means.get(measure), len(scored.failed)) for measure in scored.measures)
            )
            for stage, means in summary.means.items()
        ),
        primary=scored.measures[0],
        questions=questions,
        passages=tuple(data.PassageRecord(p.id, p.title, p.text) for p in scored.passages.values()),
        comparisons=tuple(
            data.ComparisonRecord(
                entry.baseline,
                entry.stage,
                entry.measure,
                entry.result.difference,
                entry.result.low,
                entry.result.high,
                entry.result.p,
                entry.holm_p,
                entry.result.wins,
                entry.result.ties,
                entry.result.losses,
                entry.verdict,
            )
            for entry in summary.comparisons
        ),
        timed=TIMED,
        given=scored.n,
        refusals=summary.answers.refusals if summary.answers else None,
        refusal_reasons=summary.answers.refusal_reasons() if summary.answers else (),
        dropped=summary.answers.dropped() if summary.answers else (),
        outcomes=tuple(
            data.OutcomeRecord(
                summary.answers.program, each.name, _mean(each.share, len(scored.failed)), each.count
            )
            for each in summary.answers.outcomes
        )
        if summary.answers
        else (),
        right_rule=summary.answers.right_rule if summary.answers else "",
        checks=tuple(
            data.CheckRecord(check.program, check.name, _mean(check.mean, len(scored.failed)))
            for check in (summary.answers.checks if summary.answers else ())
        )
        + tuple(
            data.CheckRecord("judge", judged.judge, _mean(judged.mean, sum(judged.failed.values())))
            for judged in summary.judged
        ),
        notes=tuple(_notes(summary, names)),
        losses=tuple(_losses(summary.lost)),
    )


def _losses(lost: Sequence[LostUnit]) -> Iterator[data.LossCount]:
    for diagnosis, count in count_diagnoses(lost).items():
        alike = [entry for entry in lost if entry.diagnosis == diagnosis]
        yield data.LossCount(diagnosis, count, len({entry.question for entry in alike}), alike[0].advice)


def _spent_fact(summary: Summary) -> list[tuple[str, str]]:
    if summary.answers is None:
        return []
    price = known_price(str(summary.header["lm"]))
    return [("spent", spent_text(summary.answers.lm_calls, summary.answers.tokens, price))]


def facts(header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a header says, as names and values to be read."""
    named = [
        *origin_facts(header),
        ("gold set", f"{header['data']['name']}, split {header['data']['split']}"),
        ("data", header["data"]["questions"][:12]),
        ("index", _index_text(header["index"])),
        ("profile", header["models"]["profile"]),
        ("embedder", f"{header['models']['embedder']['model']}"),
        ("reranker", header["models"]["reranker"] or "none"),
        *([("number format", header["precision"]["text"])] if header.get("precision") else []),
        ("search", told_search(header["search"])),
        ("seed", str(header["seed"])),
    ]
    if header["kind"] == "answers":
        named[3:3] = [("program", header["program"]), ("language model", header["lm"])]
    return [(name, str(value)) for name, value in named]


def _index_text(index: Mapping[str, Any]) -> str:
    cut = index.get("chunking")
    told = f"{index['name']}, {index['passages']} passages"
    return (
        told
        if cut is None
        else f"{told} of at most {cut['tokens']} tokens, up to {cut['overlap']} of them those that end the one before"
    )


def _notes(summary: Summary, steps: Sequence[str]) -> list[str]:
    notes = []
    counts = summary.counts
    if counts.skipped:
        notes.append(f"The run is not complete: {counts.skipped} questions have no row yet.")
    if counts.failed:
        notes.append(f"{counts.failed} of {counts.attempted} questions failed; they are in no mean.")
    if unknown := count_diagnoses(summary.lost).get("not in the index", 0):
        notes.append(f"{unknown} times gold is not in the index: nothing can find it, and it counts as lost.")
    main = next((c for c in summary.comparisons if (c.baseline, c.stage) == ("fused", "final")), None)
    if summary.answers is None and main is not None and main.outcome == "undecided":
        notes.append(f"Whether the reranker helps in {main.measure}: n={main.result.n} cannot tell.")
    return notes


def _mean(mean: Interval | None, failed: int) -> data.Mean:
    if mean is None:
        return data.Mean(None, None, None, 0, failed)
    return data.Mean(mean.mean, mean.low, mean.high, mean.n, failed)


def _question(
    summary: Summary, question: GoldQuestion, row: Row | None, lost: Sequence[LostUnit]
) -> data.QuestionRecord:
    scored = summary.scored
    assert row is not None
    ranked = not row.failed and bool(question.grades)
    record, held = row.record, row.record.get("held", {})
    primary = scored.measures[0]
    values: tuple[tuple[float | None, ...], ...] = ()
    delta: float | None = None
    steps: tuple[bool | None, ...] = ()
    if ranked:
        values = tuple(
            tuple(scored.values[stage][question.id][measure] for measure in scored.measures)
            for stage in STAGES
        )
        before, after = (scored.values[stage][question.id][primary] for stage in ("fused", "final"))
        delta = after - before
        steps = steps_reached(scored, question.id)
    if summary.answers is not None:
        steps = (*(steps or (None,) * len(funnel_steps(scored))), *summary.answers.reached[question.id])
    grades = question.grades
    graded = {id: grade for unit, grade in grades.items() for id in held.get(unit, ())}
    return data.QuestionRecord(
        id=question.id,
        text=question.text,
        split=question.split or str(summary.header["data"]["split"]),
        kind=question.kind,
        program=str(summary.header.get("program", "")),
        status="failed" if row.failed else "ok",
        error_code=row.code or "",
        error=row.message or "",
        answerable=question.answerable,
        refused=None if "answered" not in record else not record["answered"],
        values=values,
        delta=delta,
        seconds=tuple(row.seconds.get(name) for name in TIMED),
        reached=steps,
        gold=tuple(
            data.Gold(place_in_passages(unit, scored.passages, held), grade) for unit, grade in grades.items()
        ),
        lost=tuple(
            data.LostGold(
                place_in_passages(entry.unit, scored.passages, held),
                tuple(entry.ranks[stage] for stage in STAGES),
                entry.displaced_by,
                entry.diagnosis,
                entry.advice,
            )
            for entry in lost
        ),
        candidates=tuple(
            data.CandidateRecord(
                candidate["id"],
                candidate["dense_rank"],
                candidate["lexical_rank"],
                candidate["fused_rank"],
                candidate["rerank_rank"],
                candidate["final_rank"],
                graded.get(candidate["id"], 0),
            )
            for candidate in record.get("candidates", ())
        ),
        answer=_answer(summary, question.id),
        reference=question.answer or "",
    )


def _answer(summary: Summary, id: str) -> data.AnswerRecord | None:
    answer = summary.answers.shown(id) if summary.answers else None
    if answer is None:
        return None
    judgements = tuple(
        data.Judgement(judged.judge, *_verdict(record))
        for judged in summary.judged
        for record in judged.records.get(id, ())
    )
    return replace(answer, judgements=judgements)


def _verdict(record: Mapping[str, Any]) -> tuple[str, str]:
    if "code" in record:
        return record["code"], record["message"]
    return "yes" if record["verdict"] else "no", record["reason"]
