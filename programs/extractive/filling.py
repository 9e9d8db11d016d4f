"""The rules by which the extractive engine fills each program's output with quotes.

Passages keep the order they were given in. Every claim is a sentence of a passage, cited as itself.

- chat bridge: the three sentences, over all passages, that bear most on the question.
- ticker fit: each ticker page (``about.ticker``) with a bearing sentence; fit is the cosine of its best one,
  reasons are its best two; best fit first.
- catalyst precedent: each passage that is no ticker page, with a bearing sentence; likeness is the cosine of its
  best one, alike its best two, and the difference its sentence that bears least.
- resource search: the first three pages with a bearing sentence, each for its best one.
- astrology reading: the four sentences that bear most; the subject is that of the passage of the best one.

No bearing sentence anywhere: the output is empty, which is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import BaseModel

from ...signatures.astrology_reading import Reading
from ...signatures.catalyst_precedent import Precedent, PrecedentList
from ...signatures.chat_bridge import ChatReply
from ...signatures.evidence import Citation, Claim
from ...signatures.resource_search import ResourcePage, ResourcePages
from ...signatures.ticker_fit import TickerFit, TickerShortlist
from .selection import Sentence, best

Passages = list[list[Sentence]]
"""The scored sentences of each passage."""


def fill_reply(passages: Passages) -> ChatReply:
    return ChatReply(sentences=_claims(best(_flat(passages), 3)))


def fill_shortlist(passages: Passages) -> TickerShortlist:
    fits = [
        TickerFit(ticker=about["ticker"], fit=_share(sentences), reasons=_claims(best(sentences, 2)))
        for sentences in passages
        if (about := _about(sentences)).get("ticker")
        and about.get("kind") != "catalyst"
        and best(sentences, 1)
    ]
    return TickerShortlist(tickers=sorted(fits, key=lambda fit: -fit.fit))


def fill_findings(passages: Passages) -> PrecedentList:
    found = []
    for sentences in passages:
        alike = best(sentences, 2)
        if not alike or _about(sentences).get("kind") == "ticker":
            continue
        others = [sentence for sentence in sentences if sentence not in alike]
        found.append(
            Precedent(
                passage_id=alike[0].passage.id,
                event=alike[0].passage.title or alike[0].text,
                likeness=_share(sentences),
                alike=_claims(alike),
                differences=_claims([min(others, key=lambda sentence: sentence.score)] if others else []),
            )
        )
    return PrecedentList(precedents=sorted(found, key=lambda precedent: -precedent.likeness))


def fill_found(passages: Passages) -> ResourcePages:
    pages = [
        ResourcePage(passage_id=why[0].passage.id, title=why[0].passage.title, why=_claims(why))
        for sentences in passages
        if (why := best(sentences, 1))
    ]
    return ResourcePages(pages=pages[:3])


def fill_reading(passages: Passages) -> Reading:
    chosen = best(_flat(passages), 4)
    if not chosen:
        return Reading(subject="", sentences=[])
    passage = max(chosen, key=lambda sentence: sentence.score).passage
    return Reading(subject=passage.about.get("subject") or passage.title, sentences=_claims(chosen))


FILLERS: Mapping[str, Callable[[Passages], BaseModel]] = {
    "reply": fill_reply,
    "shortlist": fill_shortlist,
    "findings": fill_findings,
    "found": fill_found,
    "reading": fill_reading,
}
"""By the name of the signature's output field."""


def _flat(passages: Passages) -> list[Sentence]:
    return [sentence for sentences in passages for sentence in sentences]


def _about(sentences: list[Sentence]) -> Mapping[str, str]:
    return sentences[0].passage.about if sentences else {}


def _share(sentences: list[Sentence]) -> float:
    """Return the best cosine as a figure from 0 to 1."""
    return round(min(1.0, max(0.0, max(sentence.score for sentence in sentences))), 2)


def _claims(sentences: list[Sentence]) -> list[Claim]:
    return [
        Claim(text=sentence.text, citations=[Citation(passage_id=sentence.passage.id, quote=sentence.text)])
        for sentence in sentences
    ]
