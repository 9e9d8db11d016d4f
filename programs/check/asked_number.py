"""Whether a claim states a number, where a question asks for nothing but one.

What lies near such a question is easily mistaken for its answer: "how much is it a month" and "It runs for a month or a year".
"""

from __future__ import annotations

import re

from .support.amounts import read_amounts
from .support.claim_words import is_english

_HOW_MANY = re.compile(r"\bhow (?:many|much)\b", re.IGNORECASE)
_ASKS_MORE = re.compile(
    r"\b(?:how|what|which|who|whom|whose|why|when|where|is|are|can|could|should|will|would|does|do|did|was|were|has|have|had)\b",
    re.IGNORECASE,
)
_WITHOUT_FIGURES = re.compile(
    r"\b(?:free|gratis|no|none|nothing|never|any|every|all|most|half|both|several|few|fewer|many|more|less|unlimited|"
    r"unknown|single|only|once|twice|same|depends?|varies|vary)\b",
    re.IGNORECASE,
)
"""Words that say how many without a number."""
_OF_TIME = re.compile(
    r"\b(?:an?|one|per|each)\s+(?:second|minute|hour|day|night|week|month|year)\b", re.IGNORECASE
)


def asks_for_a_number(question: str) -> bool:
    """Tell whether a question asks how many or how much, and nothing beside."""
    found = _HOW_MANY.search(question)
    if found is None or not is_english(question):
        return False
    # "how much is it" has a verb of its own; what stands before it may say what the question is about.
    rest = question[: found.start()] + " " + question[found.end() :]
    return len(_ASKS_MORE.findall(rest)) <= 1


def says_how_many(claim: str) -> bool:
    """Tell whether a claim holds a number, or a word that stands for one; "a month" alone is none."""
    text = _OF_TIME.sub(" ", claim)
    return bool(_WITHOUT_FIGURES.search(text)) or any(
        not amount.is_month and amount.shown.casefold() != "one" for amount in read_amounts(text)
    )
