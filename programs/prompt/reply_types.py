"""What a reply with numbers looks like, for any output that can be checked (see `check.forms`).

Each type of an output has a short twin: a claim cites numbers, a pointer and a ``passage_id`` are labels of passages, and what
the check fills in is left out. Everything else is as in the output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, create_model
from pydantic.fields import FieldInfo

from ...retrieval.text.sentences import sentence_starts
from ...signatures.evidence import Claim, Pointer, SetByCheck
from ..check.forms import declared_most
from .numbered_passages import NumberedPassages

MOST_ENTRIES = 5
"""In one list, of claims or of anything else, unless its field declares a ``maxItems`` of its own: without a bound a small model goes
on until it is cut off."""
MOST_CITES = 3
"""Sentences that one claim cites."""
LONGEST_CLAIM = 300
"""Characters."""

_NUMBERS = re.compile(r"(?<![A-Za-z\d.])\d{1,6}(?![A-Za-z\d]|\.\d)")
"""Whole ones: "P2" names a passage, and "1.5" nothing."""
_CITED = re.compile(r"\s*[\[(]\s*(\d{1,6}(?:\s*[,;]\s*\d{1,6})*)\s*[\])]\s*([.!?。]?)\s*$")
_CITED_FIRST = re.compile(r"^\s*((?:[\[(]\s*\d{1,6}(?:\s*[,;]\s*\d{1,6})*\s*[\])][\s,;]*)+)")


def _read_numbers(value: Any) -> Any:
    """Read ``3``, ``"[3, 4]"`` and ``["3"]`` as numbers; what holds none stays, and stands for no sentence."""
    read: list[int | str] = []
    for entry in value if isinstance(value, list) else [value]:
        found = _NUMBERS.findall(entry) if isinstance(entry, str) else []
        read += map(int, found) if found else [str(entry) if isinstance(entry, bool) else entry]
    return read


def _read_claim(value: Any) -> Any:
    """Read a sentence that begins or ends with its numbers, ``"[3] …"`` or ``"… [3, 4]"``, as a claim."""
    if not isinstance(value, str):
        return value
    found = _CITED_FIRST.match(value)
    if found:
        return {"text": value[found.end() :], "cites": found[1]}
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


class _Twin(BaseModel):
    """What a reply has in the place of a model."""

    twin_of: ClassVar[type[BaseModel]]


@lru_cache(maxsize=256)
def reply_type(annotation: Any) -> Any:
    """Return the short twin of a type."""
    twins: dict[type[BaseModel], type[_Twin] | None] = {}
    made = _twin(annotation, twins)
    for twin in twins.values():
        if twin is not None:
            twin.model_rebuild(_types_namespace={f"{kind.__name__}": made for kind, made in twins.items()})
    return made


def _twin(annotation: Any, twins: dict[type[BaseModel], type[_Twin] | None]) -> Any:
    """Return the twin of a type; a model within itself, whose twin is ``None`` as yet, is referred to by its name."""
    if annotation is Claim:
        return ReplyClaim
    if annotation is Pointer:
        return Label
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        return list[_twin(arguments[0], twins)]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(_twin(part, twins) for part in arguments)]  # noqa: UP007
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return annotation
    if annotation not in twins:
        twins[annotation] = None
        fields: Any = {name: _reply_field(name, info, twins) for name, info in asked_fields(annotation)}
        twin = create_model(annotation.__name__, __base__=_Twin, **fields)
        twin.twin_of = annotation
        twins[annotation] = twin
    return twins[annotation] or ForwardRef(annotation.__name__)


def asked_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the fields of a model that a language model is asked for."""
    for name, info in model.model_fields.items():
        if not any(isinstance(mark, SetByCheck) for mark in info.metadata):
            yield name, info


def _reply_field(
    name: str, info: FieldInfo, twins: dict[type[BaseModel], type[_Twin] | None]
) -> tuple[Any, FieldInfo]:
    if name == "passage_id":
        return Label, Field(description="label of the passage, such as P1")
    field = FieldInfo.merge_field_infos(
        info, annotation=_twin(info.annotation, twins), alias=None, validation_alias=None
    )
    most = most_entries(info.annotation)
    if most is not None and declared_most(info) is None:
        declared = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        field.json_schema_extra = {**declared, "maxItems": most}
    return field.annotation, field


def most_entries(annotation: Any) -> int | None:
    """Return how many entries a list, which may be optional, has at most where its field declares nothing; ``None`` of all else."""
    is_list = any(get_origin(kind) is list for kind in _alternatives(annotation))
    return MOST_ENTRIES if is_list else None


def read_reply(annotation: Any, value: Any, passages: NumberedPassages) -> Any:
    """Return the output that a reply, of the twin of ``annotation``, stands for.

    Raises:
        ValidationError: what is no such output.
    """
    kinds = _alternatives(annotation)
    if isinstance(value, _ReplyClaim):
        cites = dict.fromkeys(value.cites)
        return Claim(text=value.text, citations=[passages.citation(number) for number in cites])
    if isinstance(value, str) and Pointer in kinds:
        return Pointer(passage_id=passages.passage_id(value))
    if isinstance(value, list):
        entry = next((get_args(kind)[0] for kind in kinds if get_origin(kind) is list), Any)
        return [
            said
            for part in value
            for said in (
                read_claims(part, passages)
                if isinstance(part, _ReplyClaim)
                else [read_reply(entry, part, passages)]
            )
        ]
    if isinstance(value, _Twin):
        values = {
            name: passages.passage_id(getattr(value, name))
            if name == "passage_id"
            else read_reply(info.annotation, getattr(value, name), passages)
            for name, info in asked_fields(value.twin_of)
        }
        return value.twin_of.model_validate(values, by_alias=False, by_name=True)
    return value  # of no type that has a twin, or the default of a field


def read_claims(said: _ReplyClaim, passages: NumberedPassages) -> list[Claim]:
    """Return what an entry of a list of claims says: each of its sentences is a claim, which cites the same numbers."""
    whole: Claim = read_reply(Claim, said, passages)
    starts = [*sentence_starts(said.text, 0, len(said.text)), len(said.text)]
    texts = [text for start, end in pairwise(starts) if (text := said.text[start:end].strip())]
    return [whole.model_copy(update={"text": text}) for text in texts] or [whole]


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


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a value may be of: several, where it is optional."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def shown_default(value: Any) -> Any:
    """Return the default of a field as a reply shows it."""
    return "P1" if isinstance(value, Pointer) else value


def skeleton(annotation: Any, within: tuple[Any, ...] = ()) -> Any:
    """Return an example of a twin, as JSON values: what a reply looks like."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "P1" if annotation is Label else skeleton(arguments[0], within)
    if annotation is _ReplyClaim:
        return {"cites": [1], "text": "…"}
    if origin is list:
        return [] if arguments[0] in within else [skeleton(arguments[0], within)]
    if origin in (Union, UnionType):
        return None if arguments[0] in within else skeleton(arguments[0], within)
    if origin is Literal:
        return arguments[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            name: "P1"
            if name == "passage_id"
            else skeleton(info.annotation, (*within, annotation))
            if info.is_required()
            else shown_default(info.get_default(call_default_factory=True))
            for name, info in annotation.model_fields.items()
        }
    return {int: 1, float: 0.5, bool: True}.get(annotation, "…")
