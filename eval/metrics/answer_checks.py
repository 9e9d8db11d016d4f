"""What one answer is worth, held against the gold of its question.

Of a question that can be answered:

    citation_precision   of the documents that it cites, the share that are gold; only where something was answered
    citation_recall      of the best gold, the share that it cites
    quote_faithfulness   of its quotes, the share that stand in their passages; only where something was answered
    overlap              F1 of the words of answer and reference, both in lower case, without punctuation and a, an, the
                         (as SQuAD normalises); only where there is a reference
    ticker_f1, fit_tau   ticker fit: F1 of its tickers and those of the best gold; Kendall's tau-b of fit and grade
    right_first          resource search: whether the first page is of the best gold
    precedent_f1         catalyst precedents: F1 of the documents of its precedents and the best gold
    covers_card          readings: whether it cites a passage whose subject the question names, where it names one

A refusal is 0 in all of them but those that only answers have.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from ...programs.check.quotes import find_quote
from ...retrieval.passages import Passage
from ..goldsets.goldset import GoldQuestion
from ..stats.paired import kendall


def check_answer(
    program: str, question: GoldQuestion, record: Mapping[str, Any], passages: Mapping[str, Passage]
) -> dict[str, float]:
    """Return the checks of an answer by name; one that cannot be told is absent.

    Args:
        program: its name.
        question: one that can be answered.
        record: of the answer, as `answers.answer_record` makes it.
        passages: by id, those that the search met and those that hold the gold.
    """
    best = best_gold(question)
    cited = [passages[citation["passage_id"]] for citation in record["citations"]]
    documents = {passage.document_id for passage in cited}
    values = {}
    if record["answered"]:
        values["citation_precision"] = sum(d in question.gold for d in documents) / len(documents)
        verbatim = [
            find_quote(c["quote"], passages[c["passage_id"]].text) is not None for c in record["citations"]
        ]
        values["quote_faithfulness"] = sum(verbatim) / len(verbatim)
    if best:
        values["citation_recall"] = len(documents & best) / len(best)
        if program in _CHECKS:
            values |= _CHECKS[program](question, record, best, passages)
    if question.answer:
        values["overlap"] = overlap(" ".join(said(record["output"])), question.answer)
    return values


def best_gold(question: GoldQuestion) -> set[str]:
    """Return the documents of the highest grade."""
    top = max(question.gold.values(), default=0)
    return {document for document, grade in question.gold.items() if grade == top}


def said(value: Any) -> list[str]:
    """Return what an output says, claim by claim, each list entry under the names and figures it bears."""
    if isinstance(value, list):
        return [line for entry in value for line in said(entry)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"text", "citations"}:
        return [str(value["text"])]
    bears = [
        str(entry) for name, entry in value.items() if isinstance(entry, str | int | float) and name in _NAMES
    ]
    return [*([" · ".join(filter(None, bears))] if any(bears) else []), *said(list(value.values()))]


_NAMES = ("ticker", "fit", "as_of", "event", "date", "likeness", "title", "subject", "follow_up")


def words(text: str) -> Counter[str]:
    """Return the words of a text as SQuAD normalises them."""
    plain = "".join(" " if character in string.punctuation else character for character in text.lower())
    return Counter(re.sub(r"\b(?:a|an|the)\b", " ", plain).split())


def overlap(answer: str, reference: str) -> float:
    """Return the F1 of the words of two texts, 0 to 1."""
    mine, theirs = words(answer), words(reference)
    shared = sum((mine & theirs).values())
    return 2 * shared / (sum(mine.values()) + sum(theirs.values())) if shared else 0.0


def f1(found: Collection[str], wanted: Collection[str]) -> float:
    """Return the F1 of two sets, 0 to 1."""
    shared = len(set(found) & set(wanted))
    return 2 * shared / (len(set(found)) + len(set(wanted))) if shared else 0.0


def _ticker_fit(
    question: GoldQuestion, record: Mapping[str, Any], best: set[str], passages: Mapping[str, Passage]
) -> dict[str, float]:
    ticker_of = {p.document_id: str(p.metadata.get("ticker", "")) for p in passages.values()}
    wanted = {ticker_of.get(document, "") for document in best} - {""}
    if not wanted:
        return {}
    tickers = record["output"]["tickers"]
    grades: dict[str, int] = {}
    for document, grade in question.gold.items():
        ticker = ticker_of.get(document, "")
        grades[ticker] = max(grade, grades.get(ticker, 0))
    values = {"ticker_f1": f1([entry["ticker"] for entry in tickers], wanted)}
    if len(tickers) > 1:
        tau = kendall(
            [entry["fit"] for entry in tickers], [grades.get(entry["ticker"], 0) for entry in tickers]
        )
        if tau is not None:
            values["fit_tau"] = tau
    return values


def _resource_search(
    question: GoldQuestion, record: Mapping[str, Any], best: set[str], passages: Mapping[str, Passage]
) -> dict[str, float]:
    pages = record["output"]["pages"]
    right = bool(pages) and passages[pages[0]["passage_id"]].document_id in best
    return {"right_first": float(right)}


def _catalyst_precedent(
    question: GoldQuestion, record: Mapping[str, Any], best: set[str], passages: Mapping[str, Passage]
) -> dict[str, float]:
    found = {passages[entry["passage_id"]].document_id for entry in record["output"]["precedents"]}
    return {"precedent_f1": f1(found, best)}


def _astrology_reading(
    question: GoldQuestion, record: Mapping[str, Any], best: set[str], passages: Mapping[str, Passage]
) -> dict[str, float]:
    cards = set(words(str(question.metadata.get("cards") or "")))
    subjects = [
        set(words(str(passage.metadata.get("subject") or passage.title)))
        for citation in record["citations"]
        for passage in [passages[citation["passage_id"]]]
    ]
    if not cards:
        return {}
    return {"covers_card": float(any(subject and subject <= cards for subject in subjects))}


_CHECKS = {
    "ticker_fit": _ticker_fit,
    "resource_search": _resource_search,
    "catalyst_precedent": _catalyst_precedent,
    "astrology_reading": _astrology_reading,
}
