"""A service in a process of its own, as an operator runs it: started, told to stop, killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from quincunx.retrieval.storage.home import HOME_VARIABLE

_ADDRESS = re.compile(r"Uvicorn running on (http://[\d.:]+)")
START_SECONDS = 120


@dataclass
class ServiceProcess:
    """``quincunx serve`` on a free port of the loopback, and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def client(self, seconds: float = 60) -> httpx.Client:
        """Return a client that asks the service and nothing between; ``seconds`` bound each wait of it."""
        return httpx.Client(base_url=self.url, timeout=seconds, trust_env=False)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float) -> int:
        """Return the exit status, negative for the signal that ended it; raises `TimeoutExpired` after so many ``seconds``."""
        return self.process.wait(seconds)

    def logged(self) -> str:
        return self.log.read_text("utf-8")


@contextmanager
def service_process(home: Path, log: Path, *options: str, **environment: str) -> Iterator[ServiceProcess]:
    """Serve the indexes of a home folder until the block ends; yields once the service is ready."""
    command = [sys.executable, "-m", "quincunx.app", "serve", "--port", "0", *options]
    told = {**os.environ, HOME_VARIABLE: str(home), **environment}
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env=told)
    service = ServiceProcess(process, log)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def _wait_until_ready(service: ServiceProcess) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if service.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the service did not start: {service.logged()}")
        service.url = found[1] if (found := _ADDRESS.search(service.logged())) else ""
        if service.url and _is_ready(service):
            return
        time.sleep(0.05)


def _is_ready(service: ServiceProcess) -> bool:
    with service.client() as client:
        return client.get("/readyz").status_code == 200


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Return once something holds; raises `TimeoutError` after so many ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.02)


def events_of(text: str) -> list[Any]:
    """Return the data of each server-sent event of a stream."""
    lines = [line for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]
