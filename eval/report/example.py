"""A made-up run of any size, to look at the page and to test it without evaluating anything."""

from __future__ import annotations

import random

from ..metrics.records import (
    AnswerRecord,
    CandidateRecord,
    CheckRecord,
    CitationRecord,
    ComparisonRecord,
    Counts,
    DroppedRecord,
    FunnelStep,
    Gold,
    Judgement,
    LostGold,
    Mean,
    PassageRecord,
    QuestionRecord,
    Refusals,
    Report,
    StageRow,
)

STAGES = ("dense", "lexical", "fused", "reranked", "final")
MEASURES = ("recall@5", "mrr@5", "ndcg@5", "recall@20")
WORDS = [
    "revenue",
    "margin",
    "lease",
    "deferred",
    "income",
    "segment",
    "hedge",
    "the",
    "of",
    "and",
    "in",
    "to",
    "by",
    "quarter",
    "growth",
    "net",
    "cash",
    "goodwill",
    "impairment",
    "tax",
    "pension",
    "dividend",
    "share",
    "capital",
    "interest",
    "note",
    "liability",
    "asset",
    "fiscal",
    "rose",
    "fell",
]

ENDINGS = ("", "A < B & C > D, as </script> shows.")
"""Every other passage ends with what must not be read as markup."""


def example(n: int, *, passages: int = 1400, words: int = 120) -> Report:
    """Return a run of n questions over passages of so many words, the same for the same arguments.

    Its figures are made up one by one: they do not follow from its questions.
    """
    draw = random.Random(n)
    texts = tuple(
        PassageRecord(
            f"report-{i // 20}#p{i % 20}", _prose(draw, 4)[:-1], f"{_prose(draw, words)} {ENDINGS[i % 2]}"
        )
        for i in range(passages)
    )
    questions = tuple(_question(f"q{i:05d}", texts, draw) for i in range(n))
    failed = sum(question.status == "failed" for question in questions)
    scored = n - failed
    steps = {
        "in corpus": 1.0,
        "in the 20": 0.96,
        "in the 5": 0.88,
        "cited": 0.71,
        "reference_stated of 1": 0.64,
    }
    return Report(
        name="Example: made-up questions",
        kind="answers",
        facts=(
            ("commit", "cd0d4fb"),
            ("gold set", "example, sha256 9f2c41d0"),
            ("split", "dev"),
            ("index", f"example, {passages:,} passages"),
            ("embedder", "all-MiniLM-L6-v2"),
            ("reranker", "MaxSim over all-MiniLM-L6-v2"),
            ("engine", "extractive/all-MiniLM-L6-v2"),
            ("settings", "k 20, n 5, fused by rank"),
            ("seed", str(n)),
        ),
        counts=Counts(n, scored, failed, 12),
        funnel=tuple(FunnelStep(name, int(scored * share), scored) for name, share in steps.items()),
        stages=STAGES,
        measures=MEASURES,
        table=tuple(
            StageRow(stage, tuple(_mean(0.5 + row / 12 + column / 50, scored, failed) for column in range(4)))
            for row, stage in enumerate(STAGES)
        ),
        primary="recall@5",
        questions=questions,
        passages=texts,
        comparisons=(
            ComparisonRecord(
                "fused", "final", "recall@5", 0.0412, 0.0188, 0.0631, 0.00003, 0.0009, 61, 4, 22, "better"
            ),
            ComparisonRecord(
                "run 41", "final", "mrr@5", -0.0071, -0.0213, 0.0069, 0.3121, 0.6242, 31, 9, 37, "cannot tell"
            ),
        ),
        timed=("embed", "search", "rerank", "answer"),
        refusals=Refusals(4311, 187, 53, 251),
        checks=(
            CheckRecord("evidence", "quote verbatim", Mean(0.9871, 0.9832, 0.9903, 4498, 31)),
            CheckRecord("evidence", "cites gold", Mean(0.7413, 0.7284, 0.7539, 4311, 31)),
        ),
        notes=("12 questions were skipped: the run was stopped with Ctrl-C.",),
    )


def _prose(draw: random.Random, length: int) -> str:
    return " ".join(draw.choices(WORDS, k=length)).capitalize() + "."


def _mean(mean: float, n: int, failed: int) -> Mean:
    return Mean(mean, mean - 0.02, mean + 0.02, n, failed)


def _question(id: str, texts: tuple[PassageRecord, ...], draw: random.Random) -> QuestionRecord:
    text, kind = _prose(draw, 14)[:-1] + "?", draw.choice(("lookup", "sum", "compare"))
    if draw.random() < 0.02:
        error = "the engine did not answer in 30 s; ask again"
        return QuestionRecord(id, text, "dev", kind, "evidence", "failed", "language_model", error)
    found = draw.sample(texts, 20)
    final = [i + draw.gauss(0, 4) for i in range(20)]
    ranks = [sorted(final).index(place) + 1 for place in final]
    right = draw.choice([0, 0, 0, 1, 2, 3, 4, 7, 11])
    candidates = tuple(
        CandidateRecord(
            passage.id,
            draw.randint(1, 60),
            draw.choice([None, draw.randint(1, 60)]),
            place + 1,
            ranks[place],
            ranks[place],
            int(place == right),
        )
        for place, passage in enumerate(found)
    )
    given = [found[ranks.index(rank)] for rank in range(1, 6)]
    is_lost, refused = ranks[right] > 5, draw.random() < 0.06
    lost = LostGold(
        found[right].id,
        (4, None, right + 1, ranks[right], ranks[right]),
        given[-1].id,
        f"The reranker put it at {ranks[right]}.",
        "Try a larger reranker, or the combined order.",
    )
    quotes = tuple(CitationRecord(passage.id, " ".join(passage.text.split()[5:17])) for passage in given[:3])
    dropped = (DroppedRecord("claims[2].citations[0]", "quote_verbatim", "the words are not in the passage"),)
    return QuestionRecord(
        id,
        text,
        "dev",
        kind,
        "evidence",
        "ok",
        answerable=draw.random() < 0.94,
        refused=refused,
        values=tuple(tuple(round(draw.random(), 4) for _ in MEASURES) for _ in STAGES),
        delta=float(not is_lost) - float(right < 5),
        seconds=(draw.gammavariate(2, 0.004), 0.0021, draw.gammavariate(4, 0.05), draw.gammavariate(2, 0.3)),
        reached=(True, True, not is_lost, not refused, None if refused else not is_lost),
        gold=(Gold(found[right].id, 1),),
        lost=(lost,) if is_lost else (),
        candidates=candidates,
        answer=AnswerRecord((), "None of the five passages answers it.")
        if refused
        else AnswerRecord(
            (f"It is said that {quotes[0].quote}.", quotes[1].quote),
            citations=quotes,
            dropped=dropped if draw.random() < 0.1 else (),
            judgements=(Judgement("groundedness:example", "yes", "Both claims are in what they cite."),),
        ),
    )
