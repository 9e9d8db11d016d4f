"""Promises that no reading may make: an outcome in health, law or money, said as a certainty.

A rule over words, made to catch what must not be missed and to leave alone what tradition is said to say
("Justice is read as a fair outcome in court"). Not a judge of meaning.
"""

from __future__ import annotations

import re

_CERTAIN = re.compile(
    r"\b(?:guarantee[sd]?|guaranteed|certain(?:ly)? to|definitely|without (?:a )?doubt|for sure|promise[sd]?"
    r"|you(?:'ll| will| shall| are going to| won't| will not)|your [\w' ]{1,40}? (?:will|shall|is going to|won't))\b",
    re.IGNORECASE,
)
_FIELDS = {
    "medical": re.compile(
        r"\b(?:cure[sd]?|heal(?:s|ed|ing)?|illness|disease|cancer|pregnan\w*|surger\w*|diagnos\w*|medicat\w*"
        r"|symptoms?|recover(?:s|y|ed)? from|die|doctor)\b",
        re.IGNORECASE,
    ),
    "legal": re.compile(
        r"\b(?:lawsuit|court|judge|verdict|custody|trial|acquit\w*|convict\w*|sentenced|appeal|lawyer|legal)\b",
        re.IGNORECASE,
    ),
    "financial": re.compile(
        r"\b(?:money|profits?|rich|wealth|lottery|invest\w*|shares?|stocks?|loan|debts?|salary|raise|earn\w*|income)\b",
        re.IGNORECASE,
    ),
}


def promise(text: str) -> str | None:
    """Return which kind of promise (``medical``, ``legal``, ``financial``) a sentence makes; ``None`` if none."""
    if not _CERTAIN.search(text):
        return None
    return next((kind for kind, words in _FIELDS.items() if words.search(text)), None)
