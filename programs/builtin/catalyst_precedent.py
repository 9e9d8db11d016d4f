"""Catalyst precedents: past events that resemble one described now, from the archive of paiddaily.io."""

from __future__ import annotations

import re

from ...retrieval.filters import field
from ...signatures.catalyst_precedent import CatalystPrecedents, Precedent, PrecedentList
from ..measures import AnswerCase, Measure, f1
from ..sentences import ScoredPassages, as_claims, best, best_cosine, metadata_of
from ..spec import ProgramSpec

_FOLLOWED = re.compile(
    r"(?<!had )\b(?:rose|fell|sank|gained|lost|dropped|climbed|jumped|slid|rallied|regained|recovered|stayed|closed|ended|added"
    r"|surged|plunged|tumbled|drifted)\b.*\b(?:percent|days?|weeks?|sessions?|months?)\b",
    re.IGNORECASE,
)


def fill_precedents(passages: ScoredPassages, question: str) -> PrecedentList:
    """Return each passage that is no ticker page and has a sentence that bears on the question, most alike first.

    Likeness is the cosine of its best sentence. What followed are its first two sentences in which a price moves within
    days or weeks, alike the best two of the others, and the difference is what bears least of the rest.
    """
    found = []
    for sentences in passages:
        moves = [s for s in sentences if _FOLLOWED.search(s.text)]
        alike = best([s for s in sentences if s not in moves], 2) or best(sentences, 2)
        about = metadata_of(sentences)
        if not alike or about.get("kind") == "ticker":
            continue
        followed = [s for s in moves if s not in alike][:2]
        others = [s for s in sentences if s not in alike and s not in followed]
        found.append(
            Precedent(
                passage_id=alike[0].passage.id,
                event=alike[0].passage.title,
                date=about.get("date", ""),
                likeness=best_cosine(sentences),
                alike=as_claims(alike),
                differences=as_claims([min(others, key=lambda s: s.score)] if others else []),
                followed=as_claims(followed),
            )
        )
    return PrecedentList(precedents=sorted(found, key=lambda precedent: -precedent.likeness))


def precedent_f1(case: AnswerCase) -> float:
    """F1 of the documents of its precedents and the best gold."""
    found = {case.passages[entry["passage_id"]].document_id for entry in case.output["precedents"]}
    return f1(found, case.best)


SPEC = ProgramSpec(
    "catalyst_precedent",
    CatalystPrecedents,
    index="paiddaily",
    leaves_out=field("kind") == "ticker",
    decomposes=True,
    most_sentences=20,  # of five precedents, each with what happened and what followed
    fill=fill_precedents,
    measures={"precedent_f1": Measure(precedent_f1)},
    metric={"precedent_f1": 3, "citation_precision": 1, "kept": 1},
    right=("precedent_f1", 0.5),
    example="token unlock into a weak market with crowded shorts",
)
