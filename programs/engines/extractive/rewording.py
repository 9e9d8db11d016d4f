"""The rules by which the extractive engine rewords a question: it joins and cuts what is there, and adds no word.

- a question after a conversation: the question before it, then the question itself.
- several queries for one question: its clauses, cut at punctuation and at and, but, with, into, after, before and
  while; at most as many as asked for, and each of two words at least.
"""

from __future__ import annotations

import re

from .typed_inputs import TypedInputs

_CLAUSE_END = re.compile(r"\s*[,;.?!]\s+|\s+(?:and|but|with|into|after|before|while)\s+", re.IGNORECASE)


def standalone(asked: TypedInputs) -> str:
    """Return the question after the one before it."""
    before = asked.history[-1:]
    return " ".join([*(turn.question for turn in before), asked.question])


def queries(asked: TypedInputs) -> list[str]:
    """Return the clauses of the question."""
    clauses = [clause.strip(" .?!,;") for clause in _CLAUSE_END.split(asked.question)]
    return [clause for clause in clauses if len(clause.split()) > 1][: asked.most] or [asked.question]
