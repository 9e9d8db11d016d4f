"""Ticker fit: which archived tickers fit a setup described in words, from the archive of paiddaily.io."""

from __future__ import annotations

import re

from ...retrieval.filters import field
from ...signatures.ticker_fit import TickerFit, TickerFits, TickerShortlist
from ..measures import AnswerCase, Measure, f1, kendall
from ..sentences import ScoredPassages, Sentence, as_claims, best, best_cosine, distinct, metadata_of
from ..spec import ProgramSpec

_NONE = r"\b(?:no|not|nothing|none|never|neither|nor|nobody|without|little|few|hardly|barely|scarcely|cannot)\b|n't\b"
_BEARS = r"\b(?:bears?|bearish|shorts?|short[- ]sellers?|sceptics?|skeptics?|critics?|pessimis\w+)\b"
_IDEA = r"it|them|this|that|holding|owning|buying|chasing|idea|trade|thesis|case|setup|stock|shares|position|company|bulls?|bullish"
_STANDS_AGAINST = re.compile(r"\bagainst\b(?P<what>(?:\W+[\w.']+){0,4})", re.IGNORECASE)
_MEASURED = (
    r"\b(?:price|average|expect\w+|estimates?|forecasts?|consensus|moves?|dollar|euro|yen|year|value)\b"
)
_TO_AVOID = re.compile(
    r"\b(?:not worth the risk|does not qualify|no longer qualif\w+|makes no sense|do(?:es)? not (?:buy|chase))\b|^avoid\b",
    re.IGNORECASE,
)
_RISK = re.compile(
    r"\b(?:risks?|(?<!going )concerns?|worr(?:y|ies)|threats?|dangers?|drawbacks?|weakness(?:es)?|weak points?|downsides?|blemish"
    r"|headwinds?)\b|^(?:but|however)\b",
    re.IGNORECASE,
)
_IN_FAVOUR = re.compile(
    rf"{_NONE}|{_BEARS}|^buy\b|\b(?:unless|if|low|lower|small|smaller|limited|minor|minimal|modest|moderate|manageable|contained|less|least"
    r"|gone|over|past|behind|fad\w+|eas(?:ed|es|ing)|fall\w*|fell|shr[aiu]nk\w*|reced\w+|remov\w+|reduc\w+|hedg\w+|insured"
    r"|overdone|overstated|exaggerated|priced in|free|rewards?|upside|cheap\w*|inexpensive|strong\w*|solid|robust|healthy|sound"
    r"|safe\w*|attractive|ris(?:e|es|en|ing)|rose|grow\w*|grew|gain\w*|improv\w+|better|beat\w*|record|raised|recover\w*"
    r"|support\w*|favou?r\w*|profitable|outweigh\w*|lift\w*|end(?:s|ed)?|well|good|great|cover\w*|opportunit\w+)\b",
    re.IGNORECASE,
)


def fill_shortlist(passages: ScoredPassages, question: str) -> TickerShortlist:
    """Return each ticker page (``about.ticker``) with a sentence that bears on the question, best fit first.

    Fit is the cosine of its best sentence, reasons are its best two, and against it are those of its others that
    `speaks_against` knows.
    """
    fits = []
    for sentences in passages:
        about, reasons = metadata_of(sentences), best(sentences, 2)
        if not about.get("ticker") or about.get("kind") == "catalyst" or not reasons:
            continue
        others = distinct([*reasons, *sentences])[len(reasons) :]
        fits.append(
            TickerFit(
                ticker=about["ticker"],
                fit=best_cosine(sentences),
                as_of=about.get("date", ""),
                reasons=as_claims(reasons),
                against=as_claims([s for s in others if speaks_against(s)][:2]),
            )
        )
    return TickerShortlist(tickers=sorted(fits, key=lambda fit: -fit.fit))


def speaks_against(sentence: Sentence) -> bool:
    """Tell whether a sentence speaks against the ticker that its passage is of, by its words.

    It says so ("the case against AAA is its debt"), or tells to stay away, or names a risk or begins with "but". One that
    denies it, makes it small or a condition, or also holds a word of praise, is left out: what speaks for a ticker must
    never stand against it, while what speaks against one may be missed.
    """
    text = sentence.shown
    names = "|".join(
        re.findall(
            r"\w{2,}", re.escape(f"{sentence.passage.title} {sentence.passage.about.get('ticker', '')}")
        )
    )
    for match in _STANDS_AGAINST.finditer(text):
        clause = re.split(r"[,;:]", text[: match.start()])[-1]
        what = re.search(rf"\b(?:{_IDEA}|{names})\b", match["what"], re.IGNORECASE)
        about = (
            what or not match["what"].strip() or text[match.end("what") - len(match["what"]) :][:1] in ":,."
        )
        if about and not re.search(_NONE, clause, re.IGNORECASE):
            return not re.search(f"{_BEARS}|{_MEASURED}", match["what"], re.IGNORECASE)
    if _TO_AVOID.search(text):
        return True
    return bool(_RISK.search(text)) and not _IN_FAVOUR.search(text)


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
    most_sentences=20,  # of five pages, each with what speaks for it and against
    fill=fill_shortlist,
    measures={"ticker_f1": Measure(ticker_f1), "fit_tau": Measure(fit_tau, least=-1.0)},
    metric={"ticker_f1": 3, "citation_precision": 1, "kept": 1},
    right=("ticker_f1", 0.5),
    example="which tickers have a strong pre-earnings setup",
)
