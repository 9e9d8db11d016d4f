"""llama.cpp's server on loopback, for as long as it is needed."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.real_lm.models import MODELS

RESULTS = Path("bench/results/real_lm")
STARTS_WITHIN_S = 120.0
CONTEXT = 8192


def options(doc: str | None, model: str, out: Path = RESULTS) -> argparse.ArgumentParser:
    """Return a parser of what every one of these asks for: the server's environment, the model and where results go."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument(
        "--python", type=Path, required=True, help="of the environment of llama-cpp-python[server]"
    )
    parser.add_argument("--model", choices=MODELS, default=model)
    parser.add_argument("--out", type=Path, default=out)
    return parser


@contextmanager
def serving(model: Path, python: Path) -> Iterator[str]:
    """Serve a model with an environment that holds ``llama-cpp-python[server]``; gives the address of its API."""
    port = _free_port()
    command = [str(python), "-m", "llama_cpp.server", "--model", str(model), "--model_alias", "qwen"]
    command += ["--n_ctx", str(CONTEXT), "--n_threads", str(len(os.sched_getaffinity(0)))]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}/v1"
            _wait_for(address, process)
            yield address
        finally:
            process.kill()  # it would first finish the reply that it is writing


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(
                f"the server of the language model ended at once, with status {process.returncode}"
            )
        try:
            with urllib.request.urlopen(f"{address}/models", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"the server of the language model did not answer within {STARTS_WITHIN_S:.0f} s")
