"""Whether a claim is supported by the sentences that it cites: names and numbers, opposites, and a model's likeness.

Every rule looks for one way in which a claim departs from its evidence, and says nothing where it cannot tell: of another
language than English, only names that stand out by their letters and larger numbers in digits are looked for. A claim that
is one of its sentences, word for word, always stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from .attributes import find_untold_attribute
from .cited import Case, CitedSentence, Fault
from .details import find_unsupported_detail
from .layers import LAYERS, Layer
from .polarity import find_flipped
from .similarity import SupportModel, find_low_support
from .subjects import (
    find_contrasted,
    find_mixed_passages,
    find_namesake,
    find_other_subject,
    find_subject_of_the_question,
    find_unsupported_member,
)


def check_support(
    claim: str,
    cited: Sequence[CitedSentence],
    question: str,
    *,
    layers: Collection[Layer] = LAYERS,
    model: SupportModel | None = None,
) -> Fault | None:
    """Return the first reason why a claim is not supported by what it cites; ``None`` where none is found.

    Args:
        claim: one statement.
        cited: the sentences that it cites, whole, each with its passage's title and metadata.
        question: what was asked; names and numbers that it says itself may stand in the claim.
        layers: which kinds of rules to ask.
        model: scores support, for the layer ``similarity``; without one, that layer says nothing.
    """
    case = Case(claim, cited, question)
    if not cited or case.is_quote:
        return None
    rules: dict[Layer, list[Callable[[Case], Fault | None]]] = {
        "details": [
            find_unsupported_detail,
            find_untold_attribute,
            find_other_subject,
            find_namesake,
            find_contrasted,
            find_subject_of_the_question,
            find_unsupported_member,
            find_mixed_passages,
        ],
        "polarity": [find_flipped],
        "similarity": [partial(find_low_support, model=model)] if model else [],
    }
    for layer in LAYERS:
        for rule in rules[layer] if layer in layers else ():
            fault = rule(case)
            if fault:
                return fault
    return None
