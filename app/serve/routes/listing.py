"""Which programs and indexes there are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, TypeAdapter

from ....programs.call.inputs import GIVEN
from ....programs.program import GroundedProgram
from .admission import ReadyService

router = APIRouter(prefix="/v1", tags=["programs and indexes"])


class ServedProgram(BaseModel):
    """One program that can be asked."""

    name: str = Field(examples=["chat_bridge"])
    program: str = Field(
        description="Of a saved one, the program that it is a version of.", examples=["chat_bridge"]
    )
    description: str = Field(description="What it does, as its signature says.")
    indexes: list[str] = Field(description="What it searches.", examples=[["builddaily"]])
    details: list[str] = Field(description="Inputs beside question and history, each a text.", examples=[[]])
    history: bool = Field(description="Whether it takes the earlier turns of a conversation.")
    example: str = Field(description="A question that it answers.", examples=["What is Sage Daily?"])
    output_schema: dict[str, Any] = Field(description="JSON schema of the answer's output.")


class ServedIndex(BaseModel):
    """One index that can be searched."""

    name: str = Field(examples=["builddaily"])
    generation: int = Field(description="Counts its changes.", examples=[1])


@router.get("/programs", summary="The programs that can be asked.")
async def list_served_programs(service: ReadyService) -> list[ServedProgram]:
    return [_program(name, program) for name, program in service.programs.items()]


@router.get("/indexes", summary="The indexes that can be searched.")
def list_served_indexes(service: ReadyService) -> list[ServedIndex]:
    return [
        ServedIndex(name=name, generation=generation) for name, generation in service.generations().items()
    ]


def _program(name: str, program: GroundedProgram) -> ServedProgram:
    fields = list(program.spec.signature.input_fields)
    return ServedProgram(
        name=name,
        program=program.name,
        description=str(program.spec.signature.instructions),
        indexes=list(program.retriever.handle.indexes),
        details=[field for field in fields if field not in GIVEN],
        history="history" in fields,
        example=program.spec.example,
        output_schema=_schema(program),
    )


def _schema(program: GroundedProgram) -> dict[str, Any]:
    """Return the schema of the one field that a program's signature gives out, with what its models compute."""
    (output,) = program.spec.signature.output_fields.values()
    return TypeAdapter(output.annotation).json_schema(mode="serialization")
