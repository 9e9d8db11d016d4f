"""Whether a claim is supported by the sentences that it cites: names and numbers, opposites, and a model's likeness."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from .cited import Case, CitedSentence, Fault
from .details import find_unsupported_detail
from .polarity import find_flipped
from .subjects import find_mixed_passages, find_other_subject

Layer = Literal["details", "polarity", "similarity"]
"""Names, numbers and subjects; denials, opposites and quantifiers; a model's score."""
LAYERS: tuple[Layer, ...] = ("details", "polarity", "similarity")


class SupportModel(Protocol):
    """Scores how well sentences support a claim."""

    name: str

    def __call__(self, claim: str, sentences: Sequence[str]) -> float: ...


def check_support(
    claim: str,
    cited: Sequence[CitedSentence],
    question: str,
    *,
    layers: Collection[Layer] = LAYERS,
    model: SupportModel | None = None,
) -> Fault | None:
    """Return the first reason why a claim is not supported by what it cites; ``None`` where none is found."""
    case = Case(claim, cited, question)
    if case.is_quote:
        return None
    rules = []
    if "details" in layers:
        rules += [find_unsupported_detail, find_other_subject, find_mixed_passages]
    if "polarity" in layers:
        rules += [find_flipped]
    for rule in rules:
        fault = rule(case)
        if fault:
            return fault
    return None
