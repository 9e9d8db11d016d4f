"""Writing and deleting documents of an index that is served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from ....retrieval.errors import BadTextError, BoundError, QuincunxError, UnknownIndexError
from ....retrieval.index.changes import BuildReport
from ....retrieval.index.manage import delete_documents, update_index
from ....retrieval.passages import Document
from ....retrieval.storage.home import home
from ..connection import while_connected
from ..problems import Problem
from ..service import Service
from .admission import ReadyService
from .texts import require_count, require_length

logger = logging.getLogger(__name__)

_LONGEST_ID = 1000
_DEEPEST = 32
"""Levels of lists and objects in metadata."""


def writing_is_on(service: ReadyService) -> None:
    """Raise a `Problem` where nothing says that indexes may be written."""
    if service.keys is None and not service.settings.allow_writes:
        raise Problem(
            403,
            "writing_is_off",
            "indexes are not written here: set keys_file, or allow_writes where no key is needed",
        )


router = APIRouter(prefix="/v1/documents", tags=["documents"], dependencies=[Depends(writing_is_on)])

DocumentId = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID)]


class DocumentBody(BaseModel):
    """A document; see `quincunx.Document`."""

    model_config = ConfigDict(extra="forbid")

    id: DocumentId = Field(examples=["leave"])
    title: str = Field(default="", examples=["Leave"])
    text: str = Field(default="", examples=["Staff get 25 days of leave a year."])
    metadata: dict[str, Any] = Field(default={}, examples=[{"kind": "policy"}])
    markdown: bool = Field(
        default=False, description="Whether headings (`# …`) of the text title the passages below them."
    )


class DocumentsBody(BaseModel):
    """Documents, each put in place of the one of its id."""

    model_config = ConfigDict(extra="forbid")

    documents: list[DocumentBody] = Field(min_length=1)


class WriteReport(BaseModel):
    """What a write changed; see `quincunx.BuildReport`."""

    added: int = Field(examples=[1])
    changed: int = Field(examples=[0])
    unchanged: int = Field(description="Documents that said the same already.", examples=[0])
    removed: int = Field(examples=[0])
    passages: int = Field(description="In the index now.", examples=[1])
    embedded: int = Field(description="Texts that were embedded.", examples=[1])
    generation: int = Field(description="That searches see from now on.", examples=[2])
    notices: list[str] = Field(examples=[[]])

    @classmethod
    def of(cls, report: BuildReport) -> WriteReport:
        return cls(notices=list(report.notices), **{name: getattr(report, name) for name in _COUNTS})


_COUNTS = ("added", "changed", "unchanged", "removed", "passages", "embedded", "generation")


@router.put("/{index}", summary="Add documents to an index, or put them in place of those of the same ids.")
@router.post("/{index}", include_in_schema=False)
async def write_documents(
    index: str, body: DocumentsBody, request: Request, service: ReadyService
) -> WriteReport:
    """All of them become visible to searches at once, or none. Sent again, what did not end goes on where it stopped.

    An index is made on the command line, which decides how its documents are cut.
    """
    documents = await asyncio.to_thread(_documents, service, body)
    profile = service.settings.profile
    return await _write(service, request, index, lambda: update_index(index, documents, profile=profile))


@router.delete("/{index}", summary="Delete documents of an index.")
async def delete_by_id(
    index: str,
    id: Annotated[
        list[DocumentId], Query(min_length=1, description="Of a document; may be given several times.")
    ],
    request: Request,
    service: ReadyService,
) -> WriteReport:
    """All of them, or, where the index does not hold one, none. Of more ids than an address holds (60 kB), some at a time."""
    require_count(service.settings.limits.documents, "documents", len(id))
    return await _write(service, request, index, lambda: delete_documents(index, id))


async def _write(
    service: Service, request: Request, index: str, change: Callable[[], BuildReport]
) -> WriteReport:
    """Make a change, one at a time of an index; it ends whether or not its client waits for it."""
    if index not in service.indexes:
        raise UnknownIndexError(index, list(service.indexes), home())
    seconds = service.settings.limits.seconds

    async def work() -> BuildReport:
        async with service.gate.admitted(), service.write_turn(index), service.gate.turn(seconds):
            return await asyncio.to_thread(change)

    writing = asyncio.ensure_future(work())
    writing.add_done_callback(_log_change)

    async def wait() -> BuildReport:
        return await asyncio.shield(writing)

    return WriteReport.of(await while_connected(request, wait(), seconds))


def _log_change(writing: asyncio.Task[BuildReport]) -> None:
    """Log how a change ended, which its client may not have waited for."""
    if writing.cancelled():
        logger.warning("a change of an index was cut off by the end of the service: send it again")
    elif (error := writing.exception()) is None:
        report = writing.result()
        logger.info(
            "an index was changed: %d added, %d changed, %d removed, generation %d",
            report.added, report.changed, report.removed, report.generation,
        )  # fmt: skip
    elif isinstance(error, QuincunxError):
        logger.warning("a change of an index failed: %s", error.code)
    else:
        logger.error("a change of an index failed: unforeseen %s", type(error).__name__, exc_info=error)


def _documents(service: Service, body: DocumentsBody) -> list[Document]:
    limits = service.settings.limits
    require_count(limits.documents, "documents", len(body.documents))
    for number, document in enumerate(body.documents):
        require_length(limits, **{f"documents.{number}.text": document.text})
        require_length(limits, **{f"documents.{number}.title": document.title})
        if not (document.text.strip() or document.title.strip()):
            raise BadTextError(f"documents.{number} has neither text nor title: send one of them")
        _require_flat(document.metadata, f"documents.{number}.metadata")
    return [
        Document(document.id, document.title, document.text, document.metadata, document.markdown)
        for document in body.documents
    ]


def _require_flat(metadata: dict[str, Any], where: str) -> None:
    """Raise `BoundError` for metadata that are nested too deep."""
    level: list[Any] = [metadata]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise BoundError(f"{where} has over {_DEEPEST} levels: send it flatter")
