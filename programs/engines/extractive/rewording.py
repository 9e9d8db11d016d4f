"""The rules by which the extractive engine rewords a question: it joins and cuts what is there, and adds no word.

- a question after a conversation: the question before it, then the question itself.
- several queries for one question: its clauses, cut at punctuation and at and, but, with, into, after, before and
  while; at most as many as asked for, and each of two words at least.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....signatures.conversation import Turn

_CLAUSE_END = re.compile(r"\s*[,;.?!]\s+|\s+(?:and|but|with|into|after|before|while)\s+", re.IGNORECASE)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """Return the question after the one before it."""
    return " ".join([*(turn.question for turn in history[-1:]), question])


def queries(question: str, most: int) -> list[str]:
    """Return the clauses of the question, at most so many."""
    clauses = [clause.strip(" .?!,;") for clause in _CLAUSE_END.split(question)]
    return [clause for clause in clauses if len(clause.split()) > 1][:most] or [question]
