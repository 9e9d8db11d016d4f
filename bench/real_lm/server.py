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
AT_ONCE = 8
"""Replies that llama.cpp's own server writes at once."""


def options(doc: str | None, model: str, out: Path = RESULTS) -> argparse.ArgumentParser:
    """Return a parser of what every one of these asks for: the server, the model and where results go."""
    parser = argparse.ArgumentParser(description=doc)
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--python", type=Path, help="of the environment of llama-cpp-python[server]")
    server.add_argument(
        "--llama-server", type=Path, help="llama.cpp's own server, which writes several replies at once"
    )
    parser.add_argument(
        "--widened", action="store_true", help="weights of 16 bits: faster on a CPU with avx512_bf16 or AMX"
    )
    parser.add_argument("--model", choices=MODELS, default=model)
    parser.add_argument("--out", type=Path, default=out)
    return parser


@contextmanager
def serving(model: Path, chosen: argparse.Namespace) -> Iterator[str]:
    """Serve a model with the server that was chosen by `options`; gives the address of its API."""
    if chosen.widened:
        if chosen.llama_server is None:
            raise SystemExit(
                "--widened needs --llama-server PATH: weights are widened by the tool built beside it"
            )
        model = _widened(model, chosen.llama_server)
    port = _free_port()
    command = [*_command(model, chosen), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}/v1"
            _wait_for(address, process)
            yield address
        finally:
            process.kill()  # it would first finish the reply that it is writing


def _command(model: Path, chosen: argparse.Namespace) -> list[str]:
    threads = str(len(os.sched_getaffinity(0)))
    if chosen.llama_server:
        command = [str(chosen.llama_server), "--model", str(model), "--alias", "qwen", "--threads", threads]
        return [*command, "--ctx-size", str(AT_ONCE * CONTEXT), "--parallel", str(AT_ONCE), "--no-webui"]
    command = [str(chosen.python), "-m", "llama_cpp.server", "--model", str(model), "--model_alias", "qwen"]
    return [*command, "--n_ctx", str(CONTEXT), "--n_threads", threads]


def _widened(model: Path, server: Path) -> Path:
    """Return a model whose weights are the same numbers in bf16, made once by the tool that is built beside the server."""
    wide = model.with_suffix(".bf16.gguf")
    if not wide.is_file():
        part = wide.with_suffix(".part")
        tool = server.with_name("llama-quantize")
        subprocess.run([tool, "--allow-requantize", model, part, "BF16"], check=True, capture_output=True)
        part.replace(wide)
    return wide


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
