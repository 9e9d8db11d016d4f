"""Which programs and indexes there are."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ...served import ServedProgram, describe_program
from .admission import ReadyService

router = APIRouter(prefix="/v1", tags=["programs and indexes"])


class ServedIndex(BaseModel):
    """One index that can be searched."""

    name: str = Field(examples=["builddaily"])
    generation: int = Field(description="Counts its changes.", examples=[1])


@router.get("/programs", summary="The programs that can be asked.")
async def list_served_programs(service: ReadyService) -> list[ServedProgram]:
    return [describe_program(name, program) for name, program in service.programs.items()]


@router.get("/indexes", summary="The indexes that can be searched.")
def list_served_indexes(service: ReadyService) -> list[ServedIndex]:
    return [
        ServedIndex(name=name, generation=generation) for name, generation in service.generations().items()
    ]
