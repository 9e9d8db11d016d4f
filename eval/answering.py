"""What the answers of a run are worth, from its rows alone.

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

A refusal is 0 in all of them but those that only answers have. Unanswerable questions are in the 2 × 2 of refusals,
and nowhere else.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..programs.quoting import find_quote
from .goldset import Question
from .ledger import Run
from .report import data
from .scoring import Scored
from .statistics import Interval, kendall
from .tables import mean_of

RIGHT = {
    "ticker_fit": ("ticker_f1", 0.5),
    "resource_search": ("right_first", 1.0),
    "catalyst_precedent": ("precedent_f1", 0.5),
    "chat_bridge": ("citation_recall", 0.5),
    "astrology_reading": ("citation_recall", 0.5),
}
"""By which check, and from which value on, an answer counts as right; an unanswerable question is right when refused."""
STEPS = ("gold is cited", "the answer is right")


@dataclass(frozen=True)
class Check:
    """The mean of one check."""

    program: str
    name: str
    mean: Interval


@dataclass(frozen=True)
class AnswerScores:
    """The checks of all answers."""

    program: str
    values: Mapping[str, Mapping[str, float]]
    """Value by check by question id; a check that cannot be told is absent."""
    checks: tuple[Check, ...]
    refusals: data.Refusals
    steps: tuple[data.FunnelStep, ...]
    """Of the funnel, after the passages."""
    tokens: Mapping[str, int]
    """``input`` and ``output``, as the language model reported them; absent where it did not."""
    lm_calls: int
    _scored: Scored

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return {
            "checks": {check.name: asdict(check.mean) for check in self.checks},
            "refusals": asdict(self.refusals),
            "lm_calls": self.lm_calls,
            "tokens": dict(self.tokens),
            "values": self.values,
        }

    def reached(self, id: str) -> tuple[bool | None, ...]:
        """Return whether a question came as far as each of the steps; ``None`` where that cannot be told."""
        return _reached(self.program, self._scored, self.values, id)

    def shown(self, id: str) -> data.Answer | None:
        """Return an answer as the page shows it; ``None`` for a failure."""
        record = self._scored.rows[id].record
        if not record:
            return None
        return data.Answer(
            lines=tuple(said(record["output"])),
            refusal=record["refusal"] or "",
            citations=tuple(data.Citation(c["passage_id"], c["quote"]) for c in record["citations"]),
            dropped=tuple(data.Dropped(d["where"], d["rule"], d["reason"]) for d in record["dropped"]),
        )


def score_answers(run: Run, scored: Scored, seed: int) -> AnswerScores:
    """Check every answer of a run."""
    program = str(run.header["program"])
    values = {
        id: _values(program, scored, id)
        for id, row in scored.rows.items()
        if not row.failed and scored.questions[id].answerable
    }
    names = dict.fromkeys(name for told in values.values() for name in told)
    return AnswerScores(
        program=program,
        values=values,
        checks=tuple(Check(program, name, _mean(scored, values, name, seed)) for name in names),
        refusals=_refusals(scored),
        steps=_steps(program, scored, values),
        tokens=_tokens(scored),
        lm_calls=sum(row.record["usage"]["lm_calls"] for row in scored.rows.values() if not row.failed),
        _scored=scored,
    )


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


def _values(program: str, scored: Scored, id: str) -> dict[str, float]:
    question, record = scored.questions[id], scored.rows[id].record
    best = best_gold(question)
    cited = [scored.passages[citation["passage_id"]] for citation in record["citations"]]
    documents = {passage.document_id for passage in cited}
    values = {}
    if record["answered"]:
        values["citation_precision"] = sum(d in question.gold for d in documents) / len(documents)
        verbatim = [
            find_quote(c["quote"], scored.passages[c["passage_id"]].text) is not None
            for c in record["citations"]
        ]
        values["quote_faithfulness"] = sum(verbatim) / len(verbatim)
    if best:
        values["citation_recall"] = len(documents & best) / len(best)
        if program in _CHECKS:
            values |= _CHECKS[program](question, record, best, scored)
    if question.answer:
        values["overlap"] = overlap(" ".join(said(record["output"])), question.answer)
    return values


def best_gold(question: Question) -> set[str]:
    """Return the documents of the highest grade."""
    top = max(question.gold.values(), default=0)
    return {document for document, grade in question.gold.items() if grade == top}


def _ticker_fit(
    question: Question, record: Mapping[str, Any], best: set[str], scored: Scored
) -> dict[str, float]:
    ticker_of = {p.document_id: str(p.metadata.get("ticker", "")) for p in scored.passages.values()}
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
    question: Question, record: Mapping[str, Any], best: set[str], scored: Scored
) -> dict[str, float]:
    pages = record["output"]["pages"]
    right = bool(pages) and scored.passages[pages[0]["passage_id"]].document_id in best
    return {"right_first": float(right)}


def _catalyst_precedent(
    question: Question, record: Mapping[str, Any], best: set[str], scored: Scored
) -> dict[str, float]:
    found = {scored.passages[entry["passage_id"]].document_id for entry in record["output"]["precedents"]}
    return {"precedent_f1": f1(found, best)}


def _astrology_reading(
    question: Question, record: Mapping[str, Any], best: set[str], scored: Scored
) -> dict[str, float]:
    cards = set(words(str(question.metadata.get("cards") or "")))
    subjects = [
        set(words(str(passage.metadata.get("subject") or passage.title)))
        for citation in record["citations"]
        for passage in [scored.passages[citation["passage_id"]]]
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


def _mean(scored: Scored, values: Mapping[str, Mapping[str, float]], name: str, seed: int) -> Interval:
    told = [id for id in values if name in values[id]]
    questions = [scored.questions[id] for id in told]
    return mean_of([values[id][name] for id in told], questions, seed, -1.0 if name == "fit_tau" else 0.0)


def _refusals(scored: Scored) -> data.Refusals:
    told = Counter(
        (scored.questions[id].answerable, bool(row.record["answered"]))
        for id, row in scored.rows.items()
        if not row.failed
    )
    return data.Refusals(told[True, True], told[True, False], told[False, True], told[False, False])


def _steps(
    program: str, scored: Scored, values: Mapping[str, Mapping[str, float]]
) -> tuple[data.FunnelStep, ...]:
    told = [_reached(program, scored, values, id) for id in scored.scored]
    return tuple(
        data.FunnelStep(
            name, sum(bool(steps[place]) for steps in told), sum(steps[place] is not None for steps in told)
        )
        for place, name in enumerate(STEPS)
    )


def _reached(
    program: str, scored: Scored, values: Mapping[str, Mapping[str, float]], id: str
) -> tuple[bool | None, ...]:
    row, question = scored.rows[id], scored.questions[id]
    if row.failed:
        return (None, None)
    if not question.answerable:
        return (None, not row.record["answered"])
    check, least = RIGHT.get(program, ("citation_recall", 0.5))
    cites = {scored.passages[c["passage_id"]].document_id for c in row.record["citations"]}
    right = values[id].get(check)
    return (not cites.isdisjoint(question.gold), None if right is None else right >= least)


def _tokens(scored: Scored) -> dict[str, int]:
    found = {}
    for name in ("input", "output"):
        counts = [row.record["usage"][f"{name}_tokens"] for row in scored.rows.values() if not row.failed]
        if any(count is not None for count in counts):
            found[name] = sum(count or 0 for count in counts)
    return found
