"""What a question costs on the command line where a service runs, from the start of the process to its end.

Run: ``python bench/client.py [--rounds 7] [--out FILE]``; the demo's indexes are built where the home folder lacks them. Each
round asks the same by ``--server`` and without, which loads the models first, and asks the service alone, over a connection
that is open.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.measuring import machine, options, print_table, ratio, record
from bench.serving import served
from quincunx.app.demo import build_canons

QUESTION = "What is Sage Daily?"
ASKED = {
    "ask": ("ask", "chat_bridge", QUESTION),
    "ask --json": ("ask", "chat_bridge", QUESTION, "--json"),
    "search": ("search", "builddaily", QUESTION),
    "search --json": ("search", "builddaily", QUESTION, "--json"),
}
WORST = 0.5
"""Seconds that an answer of a running service may take."""


def run(*arguments: str) -> None:
    """Run a command to its end."""
    command = [sys.executable, "-m", "quincunx.app", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args(arguments)
    facts = machine()
    build_canons()
    served_s: dict[str, list[float]] = {name: [] for name in ASKED}
    own_s: dict[str, list[float]] = {name: [] for name in ASKED}
    bare_s: list[float] = []
    alone_s: list[float] = []
    with served() as service, httpx.Client(base_url=service.url, timeout=60, trust_env=False) as http:
        for _ in range(chosen.rounds):
            for name, asked in ASKED.items():
                served_s[name].append(seconds_of(lambda asked=asked: run(*asked, "--server", service.url)))  # type: ignore[misc]
                own_s[name].append(seconds_of(lambda asked=asked: run(*asked)))  # type: ignore[misc]
            bare_s.append(seconds_of(lambda: run("--version")))
            body = {"question": QUESTION}
            alone_s.append(
                seconds_of(lambda: http.post("/v1/ask/chat_bridge", json=body).raise_for_status())  # noqa: B023 run at once
            )
    figures = {
        name: {
            "served_p50_s": statistics.median(served_s[name]),
            "served_worst_s": max(served_s[name]),
            "own_p50_s": statistics.median(own_s[name]),
            "ratio": ratio(own_s[name], served_s[name]),
        }
        for name in ASKED
    }
    rows = [[name, *(f"{value:.2f}" for value in row.values())] for name, row in figures.items()]
    head = ["", "of a service p50", "worst", "in this process p50", "÷ of a service"]
    print_table(f"**client**, seconds of a whole process, {chosen.rounds} rounds", head, rows)
    alone, bare = statistics.median(alone_s), statistics.median(bare_s)
    print(f"the service alone answers in {1000 * alone:.0f} ms; `quincunx --version` takes {bare:.2f} s")
    late = [name for name, row in figures.items() if row["served_p50_s"] > WORST]
    print(f"over {WORST} s: {', '.join(late) or 'none'}")
    record(chosen.out, "client", {**figures, "service_alone_s": alone, "version_s": bare}, facts)


if __name__ == "__main__":
    main()
