"""The rules by which the extractive engine fills each program's output with quotes.

Passages keep the order they were given in. Every claim is a sentence of a passage, cited as itself.

- chat bridge: the three sentences, over all passages, that bear most on the question. When the question names no
  page's whole title and one of its content words, of 4 letters or more, begins the titles of several pages, it may
  be between those.
- ticker fit: each ticker page (``about.ticker``) with a bearing sentence; fit is the cosine of its best one,
  reasons are its best two, and against it speak its other sentences with a word such as against, but or risk; best
  fit first.
- catalyst precedent: each passage that is no ticker page, with a bearing sentence; likeness is the cosine of its
  best one. What followed are its first two sentences in which a price moves within days or weeks, alike the best two
  of the others, and the difference is what bears least of the rest.
- resource search: the first three pages with a bearing sentence, each for its best one.
- astrology reading: the four sentences that bear most; the subject is that of the passage of the best one.

No bearing sentence anywhere: the output holds no claim, which is a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pydantic import BaseModel

from ....retrieval.text.words import content_words
from ....signatures.astrology_reading import Reading
from ....signatures.catalyst_precedent import Precedent, PrecedentList
from ....signatures.chat_bridge import ChatReply
from ....signatures.evidence import Citation, Claim, Pointer
from ....signatures.resource_search import ResourcePage, ResourcePages
from ....signatures.ticker_fit import TickerFit, TickerShortlist
from .selection import Sentence, best

Passages = list[list[Sentence]]
"""The scored sentences of each passage."""


_AGAINST = re.compile(
    r"\b(?:against|but|however|risks?|although|despite|yet|unless|bearish)\b", re.IGNORECASE
)
_FOLLOWED = re.compile(
    r"(?<!had )\b(?:rose|fell|sank|gained|lost|dropped|climbed|jumped|slid|rallied|regained|recovered|stayed|closed|ended|added"
    r"|surged|plunged|tumbled|drifted)\b.*\b(?:percent|days?|weeks?|sessions?|months?)\b",
    re.IGNORECASE,
)
_SHORTEST_NAME = 4
"""Letters that a word must have to be taken for the beginning of a title."""


def fill_reply(passages: Passages, question: str) -> ChatReply:
    return ChatReply(sentences=_claims(best(_flat(passages), 3)), between=_between(passages, question))


def _between(passages: Passages, question: str) -> list[Pointer]:
    pages = {s.passage.id: s.passage.title for sentences in passages for s in sentences}
    words = _words(question)
    if any(f" {_words(title)} " in f" {words} " for title in pages.values()):
        return []
    for word in content_words(words):
        begun = [id for id, title in pages.items() if _words(title).startswith(word)]
        if len(word) >= _SHORTEST_NAME and len({pages[id] for id in begun}) > 1:
            return [Pointer(passage_id=id, title=pages[id]) for id in begun]
    return []


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def fill_shortlist(passages: Passages, question: str) -> TickerShortlist:
    fits = []
    for sentences in passages:
        about, reasons = _about(sentences), best(sentences, 2)
        if not about.get("ticker") or about.get("kind") == "catalyst" or not reasons:
            continue
        others = [sentence for sentence in sentences if sentence not in reasons]
        fits.append(
            TickerFit(
                ticker=about["ticker"],
                fit=_share(sentences),
                as_of=about.get("date", ""),
                reasons=_claims(reasons),
                against=_claims([s for s in others if _AGAINST.search(s.text)][:2]),
            )
        )
    return TickerShortlist(tickers=sorted(fits, key=lambda fit: -fit.fit))


def fill_findings(passages: Passages, question: str) -> PrecedentList:
    found = []
    for sentences in passages:
        moves = [s for s in sentences if _FOLLOWED.search(s.text)]
        alike = best([s for s in sentences if s not in moves], 2) or best(sentences, 2)
        if not alike or _about(sentences).get("kind") == "ticker":
            continue
        followed = [s for s in moves if s not in alike][:2]
        others = [s for s in sentences if s not in alike and s not in followed]
        found.append(
            Precedent(
                passage_id=alike[0].passage.id,
                event=alike[0].passage.title,
                date=_about(sentences).get("date", ""),
                likeness=_share(sentences),
                alike=_claims(alike),
                differences=_claims([min(others, key=lambda s: s.score)] if others else []),
                followed=_claims(followed),
            )
        )
    return PrecedentList(precedents=sorted(found, key=lambda precedent: -precedent.likeness))


def fill_found(passages: Passages, question: str) -> ResourcePages:
    pages = [
        ResourcePage(passage_id=why[0].passage.id, title=why[0].passage.title, why=_claims(why))
        for sentences in passages
        if (why := best(sentences, 1))
    ]
    return ResourcePages(pages=pages[:3])


def fill_reading(passages: Passages, question: str) -> Reading:
    chosen = best(_flat(passages), 4)
    if not chosen:
        return Reading(subject="", sentences=[])
    passage = max(chosen, key=lambda sentence: sentence.score).passage
    return Reading(subject=passage.about.get("subject") or passage.title, sentences=_claims(chosen))


FILLERS: Mapping[str, Callable[[Passages, str], BaseModel]] = {
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
