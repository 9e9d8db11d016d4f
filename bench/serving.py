"""What the service costs: from start to ready, over a call in process, and under many clients at once.

Run: ``python bench/serving.py [--clients 64] [--seconds 60] [--requests 20000] [--out FILE]``, with the demo's indexes in the
home folder. Calls over HTTP and in process take turns with the same questions, whose passages both sides remember alike.
Then clients put load on it for so many seconds, and again until so many requests were made, while its memory is read.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT), str(ROOT / "tests")]  # when this file is run by its path

from service_load import LoadReport, put_load

from bench.measuring import machine, options, percentile_ms, print_table, record
from quincunx.app.demo import build_canons
from quincunx.programs.loading import load

QUESTIONS = (
    "What is Sage Daily?",
    "What is Redis?",
    "something that makes random test inputs",
    "What is Sage?",
)
ROUNDS = 50


class Served:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, ready_s: float) -> None:
        self.process, self.url, self.ready_s = process, url, ready_s

    def memory_mib(self) -> float:
        """Return how much memory it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kibibytes] = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(kibibytes) / 1024


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """Start a service on a free port, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "quincunx.app", "serve", "--port", str(port), *options]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None:
                raise RuntimeError(f"the service ended with {process.returncode}")
            time.sleep(0.05)
        yield Served(process, url, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait()


def overhead(service: Served) -> dict[str, float]:
    """Return ms of a call in process, and what HTTP adds to the same question: medians.

    Two clients take turns from round to round: httpx, and the one of Python's library, which costs a millisecond less of
    its own.
    """
    program = load("chat_bridge", lm="extractive")
    own: list[float] = []
    added: dict[str, list[float]] = {"httpx": [], "http.client": []}
    plain = http.client.HTTPConnection(urlsplit(service.url).netloc)
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as full, closing(plain):
        asks = {"httpx": partial(_ask_by_httpx, full), "http.client": partial(_ask_plainly, plain)}
        begun = time.perf_counter()
        asks["httpx"]("What is Hypothesis?")
        first = time.perf_counter() - begun
        for round in range(ROUNDS + 2):
            for client, ask in asks.items():
                for question in QUESTIONS:
                    begun = time.perf_counter()
                    program(question=question)
                    between = time.perf_counter()
                    ask(question)
                    if round >= 2:
                        own.append(between - begun)
                        added[client].append(time.perf_counter() - between - own[-1])
    return {
        "ready_s": service.ready_s,
        "first_answer_s": first,
        "in_process_p50_ms": percentile_ms(own, 0.5),
        "added_p50_ms": percentile_ms(added["httpx"], 0.5),
        "added_p95_ms": percentile_ms(added["httpx"], 0.95),
        "added_plain_p50_ms": percentile_ms(added["http.client"], 0.5),
        "added_plain_p95_ms": percentile_ms(added["http.client"], 0.95),
    }


def _ask_by_httpx(client: httpx.Client, question: str) -> None:
    client.post("/v1/ask/chat_bridge", json={"question": question}).raise_for_status()


def _ask_plainly(connection: http.client.HTTPConnection, question: str) -> None:
    body, headers = json.dumps({"question": question}), {"content-type": "application/json"}
    connection.request("POST", "/v1/ask/chat_bridge", body, headers)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"the service answered {response.status}")


def under_load(service: Served, clients: int, seconds: float, requests: int) -> dict[str, Any]:
    """Return what the clients met, and the service's memory over the requests, MiB."""
    timed = asyncio.run(put_load(service.url, clients, seconds))
    memory = [service.memory_mib()]
    made = answered = 0
    wrong = list(timed.wrong)
    while made < requests:
        # Other clients each time, whose questions the service has not met.
        others = clients * len(memory)
        load = put_load(service.url, clients, 3600, min(2000, requests - made), first=others)
        report: LoadReport = asyncio.run(load)
        made += report.requests
        answered += report.answered
        wrong += report.wrong
        memory.append(service.memory_mib())
    return {
        **timed.as_dict(),
        "wrong": wrong,
        "memory_mib": memory,
        "requests_for_memory": made,
        "answered_for_memory": answered,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=20_000)
    chosen = parser.parse_args(arguments)
    facts = machine()
    build_canons()
    with served() as service:
        costs = overhead(service)
        print_table("**serving**, one caller", list(costs), [[f"{value:.2f}" for value in costs.values()]])
        load_met = under_load(service, chosen.clients, chosen.seconds, chosen.requests)
    rows = [[kind, *map(str, times.values())] for kind, times in load_met["seconds"].items()]
    print_table(
        f"**serving**, {chosen.clients} clients for {chosen.seconds:g} s, seconds",
        ["", "p50", "p95", "p99"],
        rows,
    )
    print(load_met["statuses"], f"left: {load_met['left']}, wrong: {load_met['wrong'][:5]}")
    print("memory, MiB:", " ".join(f"{mib:.0f}" for mib in load_met["memory_mib"]))
    record(chosen.out, "serving", {**costs, "load": load_met}, facts)


if __name__ == "__main__":
    main()
