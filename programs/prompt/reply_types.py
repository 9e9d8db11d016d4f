"""What a reply with numbers looks like, for any output that can be checked (see `check.forms`).

Each type of an output has a short twin: a claim cites numbers, a pointer and a ``passage_id`` are labels of passages, and what
the check fills in is left out. Everything else is as in the output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, create_model
from pydantic.fields import FieldInfo

from ...signatures.evidence import Claim, Pointer, SetByCheck
from .numbered_passages import NumberedPassages

MOST_CLAIMS = 5
"""In one list of claims."""
MOST_CITES = 3
"""Sentences that one claim cites."""
LONGEST_CLAIM = 300
"""Characters."""

_NUMBERS = re.compile(r"\d{1,6}")
_CITED = re.compile(r"\s*[\[(]\s*(\d{1,6}(?:\s*[,;]\s*\d{1,6})*)\s*[\])]\s*([.!?。]?)\s*$")


def _read_numbers(value: Any) -> Any:
    """Read ``3``, ``"[3, 4]"`` and ``["3"]`` as numbers; what holds none stays, and stands for no sentence."""
    read: list[int | str] = []
    for entry in value if isinstance(value, list) else [value]:
        found = _NUMBERS.findall(entry) if isinstance(entry, str) else []
        read += map(int, found) if found else [entry]
    return read


def _read_claim(value: Any) -> Any:
    """Read a sentence that ends in its numbers, ``"… [3, 4]"``, as a claim."""
    if not isinstance(value, str):
        return value
    found = _CITED.search(value)
    text = value[: found.start()] + found[2] if found else value
    return {"text": text, "cites": found[1] if found else []}


class _ReplyClaim(BaseModel):
    # The numbers come first: what they cite is chosen before it is put into words.
    cites: Annotated[
        list[int | str],
        BeforeValidator(_read_numbers),
        WithJsonSchema(
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": MOST_CITES}
        ),
    ]
    text: str = Field(json_schema_extra={"maxLength": LONGEST_CLAIM})


ReplyClaim = Annotated[_ReplyClaim, BeforeValidator(_read_claim)]
Label = Annotated[str, Field(description="label of a passage, such as P1")]


@lru_cache(maxsize=256)
def reply_type(annotation: Any) -> Any:
    """Return the short twin of a type."""
    if annotation is Claim:
        return ReplyClaim
    if annotation is Pointer:
        return Label
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        return list[reply_type(arguments[0])]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(map(reply_type, arguments))]  # noqa: UP007
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields: Any = {name: _reply_field(name, info) for name, info in asked_fields(annotation)}
        return create_model(annotation.__name__, **fields)
    return annotation


def asked_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the fields of a model that a language model is asked for."""
    for name, info in model.model_fields.items():
        if not any(isinstance(mark, SetByCheck) for mark in info.metadata):
            yield name, info


def _reply_field(name: str, info: FieldInfo) -> tuple[Any, FieldInfo]:
    if name == "passage_id":
        return Label, Field(description="label of the passage, such as P1")
    field = FieldInfo.merge_field_infos(info, annotation=reply_type(info.annotation))
    if get_args(info.annotation) == (Claim,):
        field.json_schema_extra = {"maxItems": MOST_CLAIMS}
    return field.annotation, field


def read_reply(annotation: Any, value: Any, passages: NumberedPassages) -> Any:
    """Return the output that a reply, of the twin of ``annotation``, stands for.

    Raises:
        ValidationError: what is no such output.
    """
    if annotation is Claim:
        cites = dict.fromkeys(value.cites)
        return Claim(text=value.text, citations=[passages.citation(number) for number in cites])
    if annotation is Pointer:
        return Pointer(passage_id=passages.passage_id(value))
    if isinstance(value, list):
        (entry,) = get_args(annotation) or (Any,)
        return [read_reply(entry, part, passages) for part in value]
    if isinstance(value, BaseModel):
        kind = _model_of(annotation)
        values = {
            name: passages.passage_id(getattr(value, name))
            if name == "passage_id"
            else read_reply(info.annotation, getattr(value, name), passages)
            for name, info in asked_fields(kind)
        }
        return kind.model_validate(values)
    return value


def write_reply(value: Any, passages: NumberedPassages) -> Any:
    """Return the reply that an output stands for, as JSON values: what `read_reply` reads, as a demo shows it."""
    if isinstance(value, Claim):
        numbers = [number for citation in value.citations for number in passages.numbers(citation)]
        return {"cites": list(dict.fromkeys(numbers)), "text": value.text}
    if isinstance(value, Pointer):
        return passages.label(value.passage_id)
    if isinstance(value, list):
        return [write_reply(part, passages) for part in value]
    if isinstance(value, BaseModel):
        return {
            name: passages.label(getattr(value, name))
            if name == "passage_id"
            else write_reply(getattr(value, name), passages)
            for name, _ in asked_fields(type(value))
        }
    return value


def _model_of(annotation: Any) -> Any:
    """Return the model of a type that may be optional."""
    parts = [annotation, *get_args(annotation)]
    return next(part for part in parts if isinstance(part, type) and issubclass(part, BaseModel))


def skeleton(annotation: Any) -> Any:
    """Return an example of a twin, as JSON values: what a reply looks like."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "P1" if annotation is Label else skeleton(arguments[0])
    if annotation is _ReplyClaim:
        return {"cites": [1], "text": "…"}
    if origin is list:
        return [skeleton(arguments[0])]
    if origin in (Union, UnionType):
        return skeleton(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            name: "P1"
            if name == "passage_id"
            else skeleton(info.annotation)
            if info.is_required()
            else info.get_default(call_default_factory=True)
            for name, info in annotation.model_fields.items()
        }
    return {int: 1, float: 0.5, bool: True}.get(annotation, "…")
