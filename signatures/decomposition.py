"""Splitting one description into several searches, for questions that ask for many things at once."""

from __future__ import annotations

import dspy


class Decompose(dspy.Signature):
    """Write short search queries that together cover what the question describes, one aspect each.
    Use words that the pages searched for would use. Answer nothing."""

    question: str = dspy.InputField(desc="what is being looked for")
    most: int = dspy.InputField(desc="how many queries at most")
    queries: list[str] = dspy.OutputField(desc="the queries, the most important first")
