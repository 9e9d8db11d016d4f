"""The programs that can be asked, one entry each, for a list of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..programs.artifact.read import artifact_folder, named_artifacts, read_artifact
from ..programs.call.inputs import GIVEN
from ..programs.registry import program_names, program_spec
from ..retrieval.errors import QuincunxError


@dataclass(frozen=True)
class ProgramEntry:
    """One program, or one that was saved."""

    name: str
    saved: bool = False
    program: str | None = None
    """Of a saved one, the program that it is a version of."""
    index: str | None = None
    """What it searches unless told otherwise; ``None``: whoever asks it names one."""
    inputs: tuple[str, ...] = ()
    """What it takes beside the question."""
    example: str = ""
    error: str | None = None
    """Why it cannot be used."""


def list_programs() -> list[ProgramEntry]:
    """Return every program, then the saved ones; one that cannot be read is an entry that says so."""
    return [*map(_program, program_names()), *map(_saved, named_artifacts())]


def _program(name: str) -> ProgramEntry:
    try:
        spec = program_spec(name)
    except QuincunxError as error:
        return ProgramEntry(name, error=str(error))
    return ProgramEntry(name, index=spec.index, inputs=_inputs(name), example=spec.example)


def _saved(name: str) -> ProgramEntry:
    try:
        artifact = read_artifact(artifact_folder(name))
        index = "+".join(entry.name for entry in artifact.retrieval.indexes)
        return ProgramEntry(
            name,
            saved=True,
            program=artifact.program,
            index=index,
            inputs=_inputs(artifact.program),
            example=program_spec(artifact.program).example,
        )
    except QuincunxError as error:
        return ProgramEntry(name, saved=True, error=str(error))


def _inputs(name: str) -> tuple[str, ...]:
    fields = program_spec(name).signature.input_fields
    return tuple(field for field in fields if field not in GIVEN or field == "history")
