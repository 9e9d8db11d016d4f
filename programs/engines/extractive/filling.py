"""Filling an output of any supported form with quotes, without knowing the program that it is of.

Claims are the sentences that bear most on the question: three where there may be several. A list of models gets an entry for
each passage with a bearing sentence, three at most, in the order given. Fields that name what a passage is (``passage_id``,
``id``, ``title``, and names in its metadata) are taken from it; all others say nothing. No bearing sentence anywhere: the
output holds no claim, which is a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from ....signatures.evidence import Evidence
from ...check.forms import empty_output, empty_value, output_form
from ...sentences import ScoredPassages, Sentence, as_claims, best, flattened

MOST_CLAIMS = 3
MOST_ENTRIES = 3


def fill_output(annotation: Any, passages: ScoredPassages) -> Any:
    """Return an output of a supported form; ``annotation`` is its type, see `check.forms`."""
    return _filled(annotation, flattened(passages), passages)


def _filled(annotation: Any, sentences: Sequence[Sentence], passages: ScoredPassages) -> Any:
    form = output_form(annotation)
    claims = as_claims(best(sentences, 1 if form == "claim" else MOST_CLAIMS))
    if not claims:
        return empty_output(annotation)
    if form == "claim":
        return claims[0]
    if form == "claims":
        return claims
    if form == "models":
        entries = [one for one in passages if best(one, 1)]
        return [_model(get_args(annotation)[0], one, [one]) for one in entries[:MOST_ENTRIES]]
    return _model(annotation, sentences, passages)


def _model(model: type[BaseModel], sentences: Sequence[Sentence], passages: ScoredPassages) -> BaseModel:
    """Return a model whose first required field of claims is filled; its others say nothing."""
    passage = max(sentences, key=lambda sentence: sentence.score).passage
    values: dict[str, Any] = {}
    filled = False
    for name, info in model.model_fields.items():
        if output_form(info.annotation) and not filled:
            filled = True
            values[name] = _filled(info.annotation, sentences, passages)
        elif info.annotation is str and name in (known := _names(passage)):
            values[name] = known[name]
        else:
            values[name] = empty_value(info)
    return model(**values)


def _names(passage: Evidence) -> dict[str, str]:
    return {**passage.about, "passage_id": passage.id, "id": passage.id, "title": passage.title}
