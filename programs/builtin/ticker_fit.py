"""Ticker fit: which archived tickers fit a setup described in words, from the archive of paiddaily.io."""

from __future__ import annotations

import re

from ...retrieval.filters import field
from ...signatures.ticker_fit import TickerFit, TickerFits, TickerShortlist
from ..measures import AnswerCase, Measure, f1, kendall
from ..sentences import ScoredPassages, as_claims, best, best_cosine, metadata_of
from ..spec import ProgramSpec

_AGAINST = re.compile(
    r"\b(?:against|but|however|risks?|although|despite|yet|unless|bearish)\b", re.IGNORECASE
)


def fill_shortlist(passages: ScoredPassages, question: str) -> TickerShortlist:
    """Return each ticker page (``about.ticker``) with a sentence that bears on the question, best fit first.

    Fit is the cosine of its best sentence, reasons are its best two, and against it speak its other sentences with a
    word such as against, but or risk.
    """
    fits = []
    for sentences in passages:
        about, reasons = metadata_of(sentences), best(sentences, 2)
        if not about.get("ticker") or about.get("kind") == "catalyst" or not reasons:
            continue
        others = [sentence for sentence in sentences if sentence not in reasons]
        fits.append(
            TickerFit(
                ticker=about["ticker"],
                fit=best_cosine(sentences),
                as_of=about.get("date", ""),
                reasons=as_claims(reasons),
                against=as_claims([s for s in others if _AGAINST.search(s.text)][:2]),
            )
        )
    return TickerShortlist(tickers=sorted(fits, key=lambda fit: -fit.fit))


def ticker_f1(case: AnswerCase) -> float | None:
    """F1 of its tickers and those of the best gold; ``None`` where no gold document is of a ticker."""
    tickers = _ticker_of(case)
    wanted = {tickers.get(document, "") for document in case.best} - {""}
    return f1([entry["ticker"] for entry in case.output["tickers"]], wanted) if wanted else None


def fit_tau(case: AnswerCase) -> float | None:
    """Kendall's tau-b of fit and grade, −1 to 1; ``None`` for fewer than two tickers, or where all tie."""
    tickers = _ticker_of(case)
    if not {tickers.get(document, "") for document in case.best} - {""}:
        return None
    grades: dict[str, int] = {}
    for document, grade in case.gold.items():
        ticker = tickers.get(document, "")
        grades[ticker] = max(grade, grades.get(ticker, 0))
    found = case.output["tickers"]
    return kendall([entry["fit"] for entry in found], [grades.get(entry["ticker"], 0) for entry in found])


def _ticker_of(case: AnswerCase) -> dict[str, str]:
    return {p.document_id: str(p.metadata.get("ticker", "")) for p in case.passages.values()}


SPEC = ProgramSpec(
    "ticker_fit",
    TickerFits,
    index="paiddaily",
    leaves_out=field("kind") == "catalyst",
    decomposes=True,
    fill=fill_shortlist,
    measures={"ticker_f1": Measure(ticker_f1), "fit_tau": Measure(fit_tau, least=-1.0)},
    metric={"ticker_f1": 3, "citation_precision": 1, "kept": 1},
    right=("ticker_f1", 0.5),
    example="which tickers have a strong pre-earnings setup",
)
