"""A server of the loopback that answers each request with the next of the replies that it was given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """One reply."""

    status: int
    body: object = None
    """JSON values, or bytes that are sent as they are."""
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks_off: bool = False
    """Whether more is announced than is sent."""


@dataclass
class Misbehaving:
    """A server that runs."""

    address: str
    requests: list[tuple[str, Mapping[str, str], bytes]]
    """Path, headers and body of each request so far."""


@contextmanager
def misbehaving(*replies: Reply) -> Iterator[Misbehaving]:
    """Serve these replies in turn, the last again and again."""
    seen: list[tuple[str, Mapping[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", "0")))
            seen.append((self.path, dict(self.headers), sent))
            reply = replies[min(len(seen), len(replies)) - 1]
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) + 100 * reply.breaks_off))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = reply.breaks_off

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Misbehaving(f"http://127.0.0.1:{server.server_port}", seen)
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
