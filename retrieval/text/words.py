"""Questions that can be searched for, and the words of a text that say what it is about."""

from __future__ import annotations

import re

from ..errors import BadTextError, EmptyQuestionError

# Closed-class English words, as any grammar lists them, the small talk of a chat, and what an apostrophe leaves.
_STOP_WORDS = """
a about after again all also am an and any are as at be because been before being between both but by can could
did do does doing don down during each few for from further get give had has have having he her here hers him his
how i if in into is it its itself just know let like me more most much my need no nor not now of off on once one
only or other our out over own please same she should show so some such tell than that the their them then there
these they this those through to too under until up us use used using very want was way we were what when where
which while who whom why will with would you your yours
aren couldn d didn doesn hadn hasn haven isn ll m re s shouldn t ve wasn weren won wouldn
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_WORD = re.compile(r"\w+")


def content_words(text: str) -> list[str]:
    """Return the distinct lower-cased words of a text, stop words left out unless nothing else is there."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    return [word for word in words if word not in STOP_WORDS] or words


def require_question(question: object) -> str:
    """Return the question stripped, or raise `EmptyQuestionError`."""
    if not isinstance(question, str) or not question.strip():
        raise EmptyQuestionError(question)
    half = lone_surrogate_at(question)
    if half is not None:
        raise BadTextError(
            f"the question holds half a surrogate pair at character {half}: pass whole characters"
        )
    return question.strip()


def lone_surrogate_at(text: str) -> int | None:
    """Return where the first half of a surrogate pair stands; ``None`` in a text of whole characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None
