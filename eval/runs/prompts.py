"""The words of a program's prompts, as a run keeps them to be read and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dspy
from pydantic_core import to_jsonable_python

from ...programs.artifact.save import predictors_of
from ...programs.predictor import nearest_demos
from ...programs.program import GroundedProgram


def prompts_of(program: GroundedProgram) -> dict[str, dict[str, Any]]:
    """Return the instructions and demos of each predictor, as text, and how many of its demos are shown where not all are."""
    return {
        name: {
            "instructions": predictor.signature.instructions,
            "demos": [_demo_text(demo, predictor.signature) for demo in predictor.demos],
            **shown_demos(predictor),
        }
        for name, predictor in predictors_of(program)
    }


def shown_demos(predictor: dspy.Predict) -> dict[str, int]:
    """Return how many demos a prompt shows, by that name; nothing where it shows all."""
    most = nearest_demos(predictor)
    return {} if most is None else {"nearest_demos": most}


def _demo_text(demo: Mapping[str, Any], signature: Any) -> dict[str, str]:
    return {name: _text(demo[name]) for name in signature.fields if name in demo}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=1)
