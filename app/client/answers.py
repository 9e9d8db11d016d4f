"""What a client makes of JSON values, whichever way they came: shared by the sync and the async client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .understood import understood


@dataclass(frozen=True)
class RankedDocument:
    """One document of those that were to be ranked."""

    index: int
    """Its place among those that were given, from 0."""
    relevance: float
    """0 to 1, comparable within one query."""


@dataclass(frozen=True)
class ProgramListing:
    """One program that a service answers by."""

    name: str
    program: str
    """Of a saved one, the program that it is a version of."""
    description: str
    indexes: Sequence[str]
    details: Sequence[str]
    """Inputs beside question and history, each a text."""
    history: bool
    """Whether it takes the earlier turns of a conversation."""
    example: str
    """A question that it answers."""
    output_schema: Mapping[str, Any]
    """JSON schema of its output."""


@dataclass(frozen=True)
class IndexListing:
    """One index that a service searches."""

    name: str
    generation: int
    """Counts its changes."""


@understood()
def ranking_from_json(told: Mapping[str, Any]) -> list[RankedDocument]:
    """Return a ranking, the most relevant first."""
    return [RankedDocument(result["index"], result["relevance_score"]) for result in told["results"]]


@understood()
def programs_from_json(told: Sequence[Mapping[str, Any]]) -> list[ProgramListing]:
    """Return the programs of a service."""
    names = ProgramListing.__dataclass_fields__
    return [ProgramListing(**{name: entry[name] for name in names}) for entry in told]


@understood()
def indexes_from_json(told: Sequence[Mapping[str, Any]]) -> list[IndexListing]:
    """Return the indexes of a service."""
    return [IndexListing(entry["name"], entry["generation"]) for entry in told]


@understood()
def draft_id_from_json(told: Mapping[str, Any]) -> str:
    """Return the id of the draft that feedback became."""
    return str(told["id"])


def schemas_of(programs: Sequence[ProgramListing]) -> dict[str, Mapping[str, Any]]:
    """Return the schema of each program's output, by the program that a saved one is a version of."""
    return {entry.program: entry.output_schema for entry in programs}
