"""What the OpenAPI says of streams and searches is what the service sends."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from quincunx.app.serve.described import StreamEvent
from quincunx.app.serve.routes.searching import FoundBody

EVENT: TypeAdapter[Any] = TypeAdapter(StreamEvent)


def test_each_event_of_a_stream_is_one_that_the_openapi_describes(service: httpx.Client) -> None:
    asked = {"question": "What is Sage Daily?", "stream": True}
    text = service.post("/v1/ask/chat_bridge", json=asked).text
    failed = service.post("/v1/ask/chat_bridge", json={**asked, "question": " "}).text
    sent = [line.removeprefix("data: ") for line in (text + failed).splitlines() if line.startswith("data: ")]
    kinds = {EVENT.validate_json(event, strict=True).type for event in sent}
    assert kinds == {"status", "passages", "token", "sentence", "citation", "done", "error"}
    with pytest.raises(ValidationError):
        EVENT.validate_python({"type": "status", "stage": "napping"})


def test_the_openapi_names_the_events_in_their_place(service: httpx.Client) -> None:
    described = service.get("/openapi.json").json()
    content = described["paths"]["/v1/ask/{program}"]["post"]["responses"]["200"]["content"]
    place = content["text/event-stream"]["itemSchema"]["properties"]["data"]["contentSchema"]
    assert place == {"$ref": "#/components/schemas/StreamEvent"}
    named = described["components"]["schemas"]["StreamEvent"]["discriminator"]["mapping"]
    assert {name.rpartition("/")[2] for name in named.values()} <= described["components"]["schemas"].keys()
    assert json.dumps(described).count("#/$defs/") == 0


def test_a_search_is_what_the_openapi_describes(service: httpx.Client) -> None:
    asked = {
        "question": "What is Sage Daily?",
        "index": "builddaily",
        "settings": {"where": "site=builddaily"},
    }
    found = service.post("/v1/search", json=asked).json()
    assert FoundBody.model_validate(found, strict=True).model_dump() == found
