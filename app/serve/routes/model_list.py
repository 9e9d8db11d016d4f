"""What can be asked for by a model's name, as OpenAI lists models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ..dropin.names import model_not_found
from ..service import Service
from .admission import ReadyService

router = APIRouter(prefix="/v1", tags=["models"])

Kind = Literal["program", "embedder", "reranker"]


class ListedModel(BaseModel):
    """A program, for chat completions; or an embedder or a reranker."""

    id: str = Field(examples=["chat_bridge"])
    object: Literal["model"] = "model"
    created: int = Field(description="When the service was loaded, in seconds since 1970.")
    owned_by: Literal["quincunx"] = "quincunx"
    kind: Kind


class ListedModels(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ListedModel]


@router.get("/models", summary="What can be asked for by a model's name.")
async def list_models(service: ReadyService) -> ListedModels:
    return ListedModels(data=list(_listed(service)))


@router.get("/models/{model:path}", summary="One of them.")
async def retrieve_model(model: str, service: ReadyService) -> ListedModel:
    models = {listed.id: listed for listed in _listed(service)}
    if model not in models:
        raise model_not_found(model, "model", models)
    return models[model]


def _listed(service: Service) -> Iterator[ListedModel]:
    for name in service.programs:
        yield _one(service, name, "program")
    for kind, served in (("embedder", service.embedder), ("reranker", service.reranker)):
        if served is not None:
            for name in (served.names.name, *served.names.others):
                yield _one(service, name, kind)


def _one(service: Service, id: str, kind: str) -> ListedModel:
    return ListedModel.model_validate({"id": id, "created": service.loaded_at, "kind": kind})
