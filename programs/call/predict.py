"""Asking one predictor outside of a program, as strictly as programs ask theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from ...retrieval.errors import UsageError
from ..budget import Budget, Meter, MeteredLM, Usage
from .adapters import checked, other
from .inputs import model_errors


def ask(
    who: str, predict: dspy.Predict, lm: dspy.BaseLM, inputs: Mapping[str, Any]
) -> tuple[dspy.Prediction, Usage]:
    """Ask a predictor, and once more in another form when the reply has not the form that was asked for.

    Raises as `asking.failures` says: `ModelOutputError` for a second bad reply.
    """
    adapter, meter = checked(dspy.settings.adapter), Meter(Budget())
    metered = MeteredLM(lm, meter)
    with model_errors(who, str(lm.model)), meter.counting():
        try:
            with dspy.context(adapter=adapter):
                prediction = predict(lm=metered, **inputs)
        except AdapterParseError:
            with dspy.context(adapter=other(adapter)):
                prediction = predict(lm=metered, **inputs)
    return prediction, meter.usage


def require_writer(lm: dspy.BaseLM, task: str) -> None:
    """Raise `UsageError` for the extractive engine, which only quotes."""
    if str(lm.model).startswith("extractive"):
        raise UsageError(
            f"the extractive engine only quotes and cannot {task} (got lm={lm.model!r}): name a language model, such "
            "as ollama/llama3.2"
        )
