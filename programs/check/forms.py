"""Which outputs can be held to their evidence: those whose claims can be found by their type.

A claim, a list of claims, or a model with a field that is one of these, or a list of such models. Every other field of a
model must be able to say nothing, for a refusal: text, a number, a list, something optional, or one with a default.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ...retrieval.errors import UnsupportedOutputError
from ...signatures.evidence import Claim

Form = Literal["claim", "claims", "model", "models"]
"""One claim, a list of them, a model that holds some, a list of such models."""
SUPPORTED = (
    "a Claim, list[Claim], a model with fields of these, or a list of such models; its other fields must be text, numbers, "
    "lists, optional, or have a default"
)


def output_form(annotation: Any, within: tuple[type, ...] = ()) -> Form | None:
    """Return the form of a type that holds claims; ``None`` for one that holds none."""
    if annotation is Claim:
        return "claim"
    if get_origin(annotation) is list:
        (entry,) = get_args(annotation) or (None,)
        return {"claim": "claims", "model": "models"}.get(output_form(entry, within) or "")  # type: ignore[return-value]
    is_model = inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in within
    return "model" if is_model and any(claim_fields(annotation, within)) else None


def claim_fields(
    model: type[BaseModel], within: tuple[type, ...] = ()
) -> Iterator[tuple[str, FieldInfo, Form]]:
    """Yield the fields of a model that hold claims: name, field and form."""
    for name, info in model.model_fields.items():
        form = output_form(info.annotation, (*within, model))
        if form is not None:
            yield name, info, form


def require_output_form(program: str, annotation: Any) -> None:
    """Raise `UnsupportedOutputError` for an output whose claims cannot be checked."""
    form = output_form(annotation)
    if form is None:
        raise UnsupportedOutputError(
            f"the output of program {program!r} holds no claims with citations (got {_shown(annotation)}); supported: "
            f"{SUPPORTED}"
        )
    for model in _models(annotation):
        for name, info in model.model_fields.items():
            if output_form(info.annotation) is None and not _can_be_empty(info):
                raise UnsupportedOutputError(
                    f"the output of program {program!r} has a field {model.__name__}.{name} of type "
                    f"{_shown(info.annotation)}, which cannot be left empty in a refusal; supported: {SUPPORTED}"
                )
            most = declared_most(info)
            if most is not None and not (type(most) is int and most >= 1):
                raise UnsupportedOutputError(
                    f"maxItems of {model.__name__}.{name} of program {program!r} must be a whole number from 1 (got {most!r})"
                )


def declared_most(info: FieldInfo) -> Any:
    """Return how many entries a field declares that its list may have, the ``maxItems`` of its schema; ``None`` for none."""
    return info.json_schema_extra.get("maxItems") if isinstance(info.json_schema_extra, dict) else None


def empty_value(info: FieldInfo) -> Any:
    """Return what a field holds when nothing is said."""
    if not info.is_required():
        return info.get_default(call_default_factory=True)
    annotation = info.annotation
    if NoneType in get_args(annotation):
        return None
    if annotation is Claim:
        return Claim(text="", citations=[])
    if output_form(annotation) == "model":
        return empty_output(annotation)
    return (get_origin(annotation) or annotation)()  # type: ignore[misc]


def empty_output(annotation: Any) -> Any:
    """Return an output of this type that says nothing."""
    if annotation is Claim:
        return Claim(text="", citations=[])
    if get_origin(annotation) is list:
        return []
    return annotation.model_construct(
        **{name: empty_value(info) for name, info in annotation.model_fields.items()}
    )


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of and that hold claims."""
    if get_origin(annotation) is list:
        yield from _models(get_args(annotation)[0])
    elif output_form(annotation) == "model":
        yield annotation
        for _, info, _ in claim_fields(annotation, (annotation,)):
            yield from _models(info.annotation)


def _can_be_empty(info: FieldInfo) -> bool:
    annotation = info.annotation
    if not info.is_required() or get_origin(annotation) is list:
        return True
    if get_origin(annotation) in (Union, UnionType):
        return NoneType in get_args(annotation)
    return annotation in (str, int, float, bool, list, dict)


def _shown(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation))[:120]
