"""Outputs of programs that are not known in this process, read by the schema that the service gives of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...signatures.evidence import Claim

OutputForm = Literal["claim", "claims", "model", "models"]
"""As `output_form` gives it."""


@dataclass(frozen=True)
class ServedField:
    """One field of an output."""

    name: str
    value: Any
    form: OutputForm | None
    """How it holds claims; ``None`` where it holds none."""
    computed: bool
    """Whether the model makes it of its other fields."""


class ServedOutput:
    """A model of an output, with its fields as attributes: claims are `Claim`, other models are views like this one.

    A program that is known in this process, by an installed package or by `add_program`, has its own typed output instead.
    """

    def __init__(self, fields: list[ServedField]) -> None:
        self.served_fields = tuple(fields)

    def __getattr__(self, name: str) -> Any:
        for field in self.__dict__.get("served_fields", ()):
            if field.name == name:
                return field.value
        raise AttributeError(f"the output has no field {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServedOutput) and self.served_fields == other.served_fields

    def __hash__(self) -> int:
        return hash(tuple(field.name for field in self.served_fields))

    def __repr__(self) -> str:
        return f"ServedOutput({', '.join(f'{field.name}={field.value!r}' for field in self.served_fields)})"


def view_output(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return an output that came as JSON values: a claim, a `ServedOutput`, or a list of these."""
    return _view(value, schema, schema.get("$defs", {}))


def _view(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    schema = _resolved(schema, defs)
    if isinstance(value, list):
        return [_view(entry, schema.get("items", {}), defs) for entry in value]
    if not isinstance(value, dict):
        return value
    if _is_claim(schema):
        return Claim.model_validate(value)
    known = schema.get("properties", {})
    return ServedOutput(
        [
            ServedField(
                name,
                _view(entry, known.get(name, {}), defs),
                _form(known.get(name, {}), defs),
                bool(known.get(name, {}).get("readOnly")),
            )
            for name, entry in value.items()
        ]
    )


def _form(
    schema: Mapping[str, Any], defs: Mapping[str, Any], within: tuple[str, ...] = ()
) -> OutputForm | None:
    name = schema.get("$ref", "")
    if name and name in within:
        return None
    within = (*within, name)
    schema = _resolved(schema, defs)
    if schema.get("type") == "array":
        entries: dict[str, OutputForm] = {"claim": "claims", "model": "models"}
        return entries.get(_form(schema.get("items", {}), defs, within) or "")
    if _is_claim(schema):
        return "claim"
    holds = any(_form(field, defs, within) for field in schema.get("properties", {}).values())
    return "model" if holds else None


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one that it refers to; of an optional one, the one that is not null."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(choice, defs)
    reference = schema.get("$ref", "")
    found: Mapping[str, Any] = defs.get(reference.removeprefix("#/$defs/"), {}) if reference else schema
    return found


def _is_claim(schema: Mapping[str, Any]) -> bool:
    return set(schema.get("properties", {})) == {"text", "citations"}
