"""The fields of a signature: their types spelt out, how two sets of them differ, and rewording them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import dspy
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema


def form(annotation: Any, within: tuple[type, ...] = ()) -> str:
    """Spell out a type: the same text on every machine, and another when a model inside it changes its fields.

    Descriptions and bounds are no part of it: they change what a model is told, not what a value is. Nor are fields that no
    prompt shows.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if origin is Annotated:
        return form(arguments[0], within)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin in (Union, UnionType):
        return " | ".join(form(argument, within) for argument in arguments)
    if origin is not None:
        inside = ", ".join("..." if argument is ... else form(argument, within) for argument in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inside}]"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in within:
        fields = (
            f"{name}: {form(info.annotation, (*within, annotation))}"
            for name, info in annotation.model_fields.items()
            if not info.exclude and not any(isinstance(mark, SkipJsonSchema) for mark in info.metadata)  # type: ignore[misc]
        )
        return f"{annotation.__name__}{{{', '.join(fields)}}}"
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return f"{annotation.__name__}({', '.join(repr(member.value) for member in annotation)})"
    return str(getattr(annotation, "__name__", annotation))


def changes(saved: Sequence[tuple[str, str, str]], live: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Say how fields (role, name, type) differ: removed, added, turned round, retyped, reordered."""
    before, after = ({name: (role, type_) for role, name, type_ in fields} for fields in (saved, live))
    removed = [f"{role} {name}" for name, (role, _) in before.items() if name not in after]
    added = [f"{role} {name}" for name, (role, _) in after.items() if name not in before]
    if removed:
        yield f"removed since: {', '.join(removed)}"
    if added:
        yield f"added since: {', '.join(added)}"
    common = [name for name in before if name in after]
    for name in common:
        (old_role, old_type), (new_role, new_type) = before[name], after[name]
        if old_role != new_role:
            yield f"{name} was an {old_role}, is an {new_role}"
        if old_type != new_type:
            yield f"{name} was {_around(old_type, new_type)}, is {_around(new_type, old_type)}"
    order = [name for name in after if name in before]
    if common != order:
        yield f"order was {', '.join(common)}, is {', '.join(order)}"


def _around(text: str, other: str) -> str:
    """Return the text, or of a long one the part where it begins to differ from the other."""
    if len(text) <= 80:
        return text
    same = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), len(other))
    start = max(0, same - 30)
    return f"{'…' if start else ''}{text[start : same + 50]}{'…' if same + 50 < len(text) else ''}"


def with_wording(
    signature: type[dspy.Signature], instructions: str, wording: Mapping[str, tuple[str, str]]
) -> type[dspy.Signature]:
    """Return the signature with these instructions and, by name of field, these (prefix, desc)."""
    kept = {
        name: (info.json_schema_extra["prefix"], info.json_schema_extra["desc"])
        for name, info in signature.fields.items()
    }
    if instructions == signature.instructions and wording == kept:
        return signature
    fields = deepcopy(signature.fields)
    for name, (prefix, desc) in wording.items():
        fields[name].json_schema_extra = {**fields[name].json_schema_extra, "prefix": prefix, "desc": desc}
    # DSPy cleans instructions like a docstring each time they are read. A blank first line keeps it from taking
    # an indentation for the docstring's own.
    docstring = instructions if inspect.cleandoc(instructions) == instructions else "\n" + instructions
    reworded: type[dspy.Signature] = dspy.Signature(fields, docstring, signature.__name__)
    return reworded
