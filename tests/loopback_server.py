"""What the tests' servers share: they listen on loopback alone, in a thread that ends with their block, and answer in JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = {"content-type": "application/json"}


class JsonHandler(BaseHTTPRequestHandler):
    """Reads and writes bodies, and says nothing."""

    protocol_version = "HTTP/1.1"

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def send_json(
        self, status: int, value: object, headers: Mapping[str, str] | None = None, missing: int = 0
    ) -> None:
        """Send JSON values, or bytes as they are; ``missing`` more bytes are announced than sent."""
        body, kind = (value, {}) if isinstance(value, bytes) else (json.dumps(value).encode(), JSON)
        self.send_response(status)
        for name, text in {**kind, **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)
        if missing:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def loopback_server(handler: type[JsonHandler]) -> Iterator[str]:
    """Serve until the block ends; gives the server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
