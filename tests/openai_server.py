"""A server of the loopback that speaks as OpenAI's do: what each chat is answered is up to the test.

with openai_server(lambda body: "yes") as server:
    lm = dspy.LM("openai/m", api_base=server.url, api_key="none")
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RefusedError(Exception):
    """Raised while answering: the chat is refused with status 400, and this says why."""


@dataclass
class OpenAIServer:
    """A server that runs."""

    url: str
    connections: list[Any] = field(default_factory=list)
    """The client's address of each request so far."""


@contextmanager
def openai_server(answer: Callable[[dict[str, Any]], str]) -> Iterator[OpenAIServer]:
    """Serve chats, each answered by its body's JSON values."""

    class Chat(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            serving.connections.append(self.client_address)
            try:
                status, value = 200, _completion(answer(asked))
            except RefusedError as refused:
                status, value = 400, {"error": {"message": str(refused), "code": 400}}
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.daemon_threads = True
    serving = OpenAIServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }
