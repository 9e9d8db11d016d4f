"""What the OpenAPI says beside what FastAPI reads off the routes: the events of a stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...programs.events import Stage
from .connection import EVENT_STREAM
from .routes.answers import AnswerBody, CandidateBody, CitationBody, FailureBody, PassageBody

STREAMED_PATH = "/v1/ask/{program}"
REFERENCE = "#/components/schemas/{model}"


class _StreamedEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StatusEvent(_StreamedEvent):
    """What is being done now."""

    type: Literal["status"]
    stage: Stage


class PassagesEvent(_StreamedEvent):
    """What was found, before the language model is asked."""

    type: Literal["passages"]
    passages: list[PassageBody]
    candidates: list[CandidateBody]


class TokenEvent(_StreamedEvent):
    """A piece of the draft as the model writes it: not checked yet, and not all of it may stand."""

    type: Literal["token"]
    text: str


class ClaimBody(_StreamedEvent):
    """One statement with what supports it; see `quincunx.Claim`."""

    text: str
    citations: list[CitationBody]


class SentenceEvent(_StreamedEvent):
    """A sentence of the answer, with what it cites: checked, and never taken back."""

    type: Literal["sentence"]
    claim: ClaimBody


class CitationEvent(_StreamedEvent):
    """A citation that stood the check."""

    type: Literal["citation"]
    citation: CitationBody


class DoneEvent(_StreamedEvent):
    """The checked answer; the last event."""

    type: Literal["done"]
    answer: AnswerBody


StreamEvent: TypeAlias = Annotated[
    StatusEvent | PassagesEvent | TokenEvent | SentenceEvent | CitationEvent | DoneEvent | FailureBody,
    Field(discriminator="type", description="What a stream tells; the last event is `done` or `error`."),
]


def describe_events(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI with the events of a stream among its schemas, and in their place.

    Their place is written as FastAPI writes it of a route that yields: OpenAPI 3.1 has none of its own.
    """
    event = TypeAdapter(StreamEvent).json_schema(ref_template=REFERENCE)
    schemas = openapi["components"]["schemas"]
    for name, schema in {**event.pop("$defs"), "StreamEvent": event}.items():
        schemas.setdefault(name, schema)
    content = openapi["paths"][STREAMED_PATH]["post"]["responses"]["200"]["content"]
    told = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": REFERENCE.format(model="StreamEvent")},
    }
    content[EVENT_STREAM] = {
        "itemSchema": {
            "type": "object",
            "properties": {"event": {"type": "string"}, "data": told},
            "required": ["data"],
        }
    }
    return openapi
