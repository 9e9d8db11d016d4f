"""Reports that are hard to lay out: long ids, titles of many scripts and of none, prompts without a space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quincunx.eval.metrics import records as data
from quincunx.eval.report.example import example

UNBROKEN = "folder/of-somebody/2026-11-28T12:00:00.000Z_quarterly-report_final_v2_" + "0123456789abcdef" * 4
TITLES = (
    "第一季度财务报告与管理层讨论分析以及风险因素说明摘要",
    "التقرير السنوي عن الإيرادات والمصروفات",
    "דוח שנתי על הכנסות והוצאות החברה",
    "",
    UNBROKEN,
    "How long parcels are kept, and what happens to them afterwards",
    "Kurz",
)


def odd_report(questions: int = 30) -> data.Report:
    """Return the page of a run whose ids and titles are as odd as they come."""
    report = example(questions, passages=40, words=60)
    passages = tuple(
        replace(
            passage, title=TITLES[place % len(TITLES)], text=f"{TITLES[place % len(TITLES)]} {passage.text}"
        )
        for place, passage in enumerate(report.passages)
    )
    names = dict(
        zip(
            (p.id for p in passages),
            (f"{UNBROKEN}-{n}" if n % 5 == 4 else p.id for n, p in enumerate(passages)),
            strict=True,
        )
    )

    def named(question: data.QuestionRecord, place: int) -> data.QuestionRecord:
        text = (*TITLES[:3], question.text, UNBROKEN)[place % 5] or question.text
        return replace(
            question,
            id=f"{UNBROKEN}-{place}" if place % 6 == 5 else question.id,
            text=text,
            gold=tuple(replace(gold, id=names[gold.id]) for gold in question.gold),
            lost=tuple(
                replace(
                    lost,
                    id=names[lost.id],
                    displaced_by=names[lost.displaced_by] if lost.displaced_by else None,
                )
                for lost in question.lost
            ),
            candidates=tuple(replace(c, passage=names[c.passage]) for c in question.candidates),
            answer=question.answer
            and replace(
                question.answer,
                citations=tuple(replace(c, passage=names[c.passage]) for c in question.answer.citations),
                dropped=(
                    data.DroppedRecord(f"claims[2].{UNBROKEN}", "quote_verbatim", "the words are not there"),
                ),
            ),
        )

    return replace(
        report,
        name=f"answers-{UNBROKEN}",
        passages=tuple(replace(passage, id=names[passage.id]) for passage in passages),
        questions=tuple(named(question, place) for place, question in enumerate(report.questions)),
        facts=(*report.facts, ("search", UNBROKEN), ("title", TITLES[0] * 3)),
        notes=(f"{UNBROKEN} failed.",),
        comparisons=tuple(
            replace(one, verdict=f"cannot tell at this n: 2 of 30 pairs are discordant ({UNBROKEN})")
            for one in report.comparisons
        ),
    )


def odd_optimisation() -> dict[str, Any]:
    """Return the report of an optimisation, with prompts that are as odd."""
    gain = {
        "seed": 0, "baseline": "before", "mean_a": 0.512, "mean_b": 0.634, "difference": 0.122, "low": 0.021, "high": 0.214,
        "n": 50, "p": 0.0123, "wins": 12, "ties": 34, "losses": 4, "failed": [0, 1],
        "verdict": "cannot tell at this n: 2 of 30 clusters differ, and with fewer than 6 no result reaches p < 0.05",
    }  # fmt: skip
    demo = {
        "question": TITLES[1],
        "passages": f'[{{"id": "{UNBROKEN}", "text": "{TITLES[0] * 4}"}}]',
        "answer": UNBROKEN,
    }
    before = {"instructions": "Answer from the passages.\n\n    Cite each claim.", "demos": []}
    after = {"instructions": f"{TITLES[0] * 6}\n{UNBROKEN}\n{TITLES[2]}", "demos": [demo, demo]}
    return {
        "optimizer": "gepa", "seed": 0, "facts": [["program", "chat_bridge"], ["language model", UNBROKEN]],
        "changed": [{"id": UNBROKEN, "text": title, "before": 0.5, "after": after} for title, after in ((TITLES[0], 0.0), (TITLES[2], 1.0))],
        "gains": [gain, {**gain, "seed": None, "baseline": "few-shot", "verdict": "better"}],
        "refusals": {
            name: {"answerable_answered": 20, "answerable_refused": 6, "unanswerable_answered": 2, "unanswerable_refused": 3}
            for name in ("before", "few-shot 0", "after 0")
        },
        "scores": {
            name: {UNBROKEN: {"score": 0.5, "parts": {"overlap": 0.25, UNBROKEN: 0.5}, "failed": None}}
            for name in ("before", "few-shot 0", "after 0")
        },
        "look": 3, "curve": [{"dev": 0.4 + step / 40} for step in range(12)], "evaluations": 1234,
        "searches": {"asked": 1234, "made": 120}, "notes": [f"Demo left out: {UNBROKEN}"],
        "spent": {"calls": 2345, "failed": 2, "input_tokens": 1234567, "output_tokens": 234567, "usd": 1.2345},
        "estimate": {"calls": 2000, "tokens": 1500000, "usd": 1.5},
        "prompts": {"before": {"predict": before, "rephrase": before}, "after": {"predict": after, "rephrase": before}},
    }  # fmt: skip
