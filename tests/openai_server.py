"""A server of the loopback that speaks as OpenAI's do: what each chat is answered is up to the test.

with openai_server(lambda body: "yes") as server:
    lm = dspy.LM("openai/m", api_base=server.url, api_key="none")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback_server import JsonHandler, loopback_server


class RefusedError(Exception):
    """Raised while answering: the chat is refused with status 400, and this says why."""


@dataclass
class OpenAIServer:
    """A server that runs."""

    url: str = ""
    connections: list[Any] = field(default_factory=list)
    """The client's address of each request so far."""


@contextmanager
def openai_server(answer: Callable[[dict[str, Any]], str]) -> Iterator[OpenAIServer]:
    """Serve chats, each answered by its body's JSON values."""

    serving = OpenAIServer()

    class Chat(JsonHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.read_body())
            serving.connections.append(self.client_address)
            try:
                self.send_json(200, _completion(answer(asked)))
            except RefusedError as refused:
                self.send_json(400, {"error": {"message": str(refused), "code": 400}})

    with loopback_server(Chat) as address:
        serving.url = f"{address}/v1"
        yield serving


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }
