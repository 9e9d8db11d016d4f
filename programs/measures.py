"""Measuring one answer against the gold of its question: what a measure is given, and pieces to make measures of."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..retrieval.errors import UsageError

if TYPE_CHECKING:
    from ..retrieval.passages import Passage


@dataclass(frozen=True)
class AnswerCase:
    """An answer to a question that can be answered, and the gold that it is compared with.

    Example:
        >>> said = {"answer": "Hand in form A7."}
        >>> case = quincunx.AnswerCase(said, [], {"leave": 2, "travel": 1}, {"leave"}, {"form": "A7"}, {})
        >>> case.output["answer"], case.metadata["form"]
        ('Hand in form A7.', 'A7')
    """

    output: Any
    """The program's output as JSON values; empty for a refusal."""
    cited: Sequence[Passage]
    """The passages that it cites, once for each citation."""
    gold: Mapping[str, int]
    """Grade of each document that answers the question, 1 or more."""
    best: set[str]
    """The documents of the highest grade."""
    metadata: Mapping[str, Any]
    """What the gold set says of the question."""
    passages: Mapping[str, Passage]
    """By id: those that the search met, and those that hold the gold."""


@dataclass(frozen=True)
class Measure:
    """One measure of an answer; higher is better. A `ProgramSpec` takes its own in ``measures``, by name.

    Example:
        >>> def names_the_form(case):
        ...     form = case.metadata.get("form")
        ...     return None if form is None else float(form in case.output["answer"])
        >>> measure = quincunx.Measure(names_the_form)
        >>> said = {"answer": "Hand in form A7."}
        >>> measure.of(quincunx.AnswerCase(said, [], {"leave": 2}, {"leave"}, {"form": "A7"}, {}))
        1.0
        >>> print(measure.of(quincunx.AnswerCase({"answer": "Ask."}, [], {"leave": 2}, {"leave"}, {}, {})))
        None
    """

    of: Callable[[AnswerCase], float | None]
    """Returns a value from ``least`` to 1; ``None`` where it cannot be told for this question."""
    least: float = 0.0


def words(text: str) -> Counter[str]:
    """Return the words of a text as SQuAD normalises them: lower case, no punctuation, no a, an, the."""
    plain = "".join(" " if character in string.punctuation else character for character in text.lower())
    return Counter(re.sub(r"\b(?:a|an|the)\b", " ", plain).split())


def overlap(answer: str, reference: str) -> float:
    """Return the F1 of the words of two texts, 0 to 1."""
    mine, theirs = words(answer), words(reference)
    shared = sum((mine & theirs).values())
    return 2 * shared / (sum(mine.values()) + sum(theirs.values())) if shared else 0.0


def f1(found: Collection[str], wanted: Collection[str]) -> float:
    """Return the F1 of two sets, 0 to 1."""
    shared = len(set(found) & set(wanted))
    return 2 * shared / (len(set(found)) + len(set(wanted))) if shared else 0.0


def kendall(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return Kendall's tau-b of two score lists, −1 to 1; ``None`` for fewer than two, or where all of one are the same.

    Raises:
        UsageError: they are not of one length.
    """
    if len(a) != len(b):
        raise UsageError(f"a and b must be of one length, got {len(a)} and {len(b)}: pair them by id")
    if len(a) < 2:
        return None
    from scipy.stats import kendalltau  # type: ignore[import-untyped]

    tau = float(kendalltau(a, b, variant="b").statistic)
    return None if math.isnan(tau) else tau
