"""A service that runs in a thread of the test's process, with the models that all tests share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from quincunx.app.serve.application import create_app
from quincunx.app.serve.listening import server_config
from quincunx.app.serve.log import call_logger
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings


@contextmanager
def running(settings: ServeSettings | None = None, **given: Any) -> Iterator[httpx.Client]:
    """Serve on a free port of the loopback; yield a client of it. ``given`` are settings by name."""
    settings = settings or ServeSettings.model_validate({"port": 0, **given})
    service = Service(settings, on_call=call_logger(texts=settings.log_texts))
    on_any_port = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    server = uvicorn.Server(server_config(create_app(service), on_any_port))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 120
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
