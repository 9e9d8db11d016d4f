"""Clients that ask a service at once, some of them badly: what they met, for tests and the benchmark.

``service_load.py URL CLIENTS SECONDS [REQUESTS]`` prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

STATED = {429, 503, 504}
"""Statuses over 400 that a well-formed request may get under load."""
LEAVING, MALFORMED = 0.05, 0.02
PAUSE_S = 1
"""Before a client that got 429 asks again, as the service's ``Retry-After`` says."""
_TOPICS = ("Sage Daily", "Hypothesis", "PgBouncer", "Redis", "Sage", "uv", "FastAPI", "DuckDB", "Ruff")
_BROKEN: tuple[tuple[str, bytes], ...] = (
    ("/v1/ask/chat_bridge", b"{"),
    ("/v1/ask/chat_bridge", b'{"question": 3}'),
    ("/v1/ask/nobody", b'{"question": "x"}'),
    ("/v1/search", b'{"question": "", "index": "builddaily"}'),
    ("/v1/search", b"[]"),
    ("/v2/rerank", b'{"query": "x"}'),
)


@dataclass
class LoadReport:
    """What the clients met."""

    requests: int = 0
    left: int = 0
    """Requests whose client left in their midst."""
    statuses: Counter[str] = field(default_factory=Counter)
    """By kind of request and status."""
    wrong: list[str] = field(default_factory=list)
    """What may never be: an unstated status, an answer to another question, a stream without an end."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Of each kind, how long the requests that were answered took."""

    @property
    def answered(self) -> int:
        """Requests that got what they asked for."""
        return sum(map(len, self.seconds.values()))

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "answered": self.answered,
            "left": self.left,
            "statuses": dict(self.statuses),
            "wrong": self.wrong,
            "seconds": {kind: _quantiles(times) for kind, times in self.seconds.items()},
        }


class LoadClient:
    """One client that asks until it is told to stop."""

    def __init__(
        self, http: httpx.AsyncClient, report: LoadReport, number: int, kinds: tuple[str, ...]
    ) -> None:
        self._http, self._report = http, report
        self._random = random.Random(number)
        self._number, self._asked = number, 0
        self._kinds = kinds

    async def run(self, goes_on: Callable[[], bool]) -> None:
        while goes_on():
            self._asked += 1
            if self._random.random() < MALFORMED:
                await self._malformed()
                continue
            kind = self._random.choice(self._kinds)
            leaves = self._random.random() < LEAVING
            seconds = self._random.uniform(0.01, 0.3) if leaves else 120
            begun = time.perf_counter()
            try:
                status = await asyncio.wait_for(getattr(self, f"_{kind}")(), seconds)
            except TimeoutError:
                self._report.left += 1
                if not leaves:
                    self._report.wrong.append(f"{kind}: no answer within {seconds} s")
                continue
            self._count(kind, status)
            if status == 200:
                self._report.seconds.setdefault(kind, []).append(time.perf_counter() - begun)
            if status == 429:
                await asyncio.sleep(PAUSE_S)

    def _question(self) -> str:
        return f"What is {self._random.choice(_TOPICS)}, asks client {self._number}-{self._asked}?"

    def _count(self, kind: str, status: int) -> None:
        self._report.requests += 1
        self._report.statuses[f"{kind} {status}"] += 1
        if status != 200 and status not in STATED:
            self._report.wrong.append(f"{kind}: status {status}")

    async def _malformed(self) -> None:
        path, body = self._random.choice(_BROKEN)
        response = await self._http.post(path, content=body, headers={"content-type": "application/json"})
        self._report.requests += 1
        self._report.statuses[f"malformed {response.status_code}"] += 1
        if not 400 <= response.status_code < 500 and response.status_code != 503:
            self._report.wrong.append(f"malformed {path}: status {response.status_code}")

    async def _ask(self) -> int:
        question = self._question()
        response = await self._http.post("/v1/ask/chat_bridge", json={"question": question})
        if response.status_code == 200 and response.json()["question"] != question:
            self._report.wrong.append(f"asked {question!r}, got {response.json()['question']!r}")
        return response.status_code

    async def _stream(self) -> int:
        question = self._question()
        body = {"question": question, "stream": True}
        found: list[str] = []
        async with self._http.stream("POST", "/v1/ask/chat_bridge", json=body) as response:
            if response.status_code != 200:
                return response.status_code
            last: dict[str, Any] = {}
            given: set[str] = set()
            async for line in response.aiter_lines():
                if not line.startswith("data: "):
                    continue
                last = json.loads(line.removeprefix("data: "))
                found.append(last["type"])
                if last["type"] == "passages":
                    given = {passage["id"] for passage in last["passages"]}
                if last["type"] == "citation" and last["citation"]["passage_id"] not in given:
                    self._report.wrong.append("a citation of a passage of another stream")
        if last.get("type") == "error":
            if last["code"] not in ("deadline_exceeded", "overloaded"):
                self._report.wrong.append(f"stream: {last}")
        elif last.get("type") != "done" or last["answer"]["question"] != question:
            self._report.wrong.append(f"a stream of {found} that ended with {str(last)[:100]}")
        return 200

    async def _search(self) -> int:
        question = self._question()
        response = await self._http.post("/v1/search", json={"question": question, "index": "builddaily"})
        if response.status_code == 200 and response.json()["question"] != question:
            self._report.wrong.append("a search of another question")
        return response.status_code

    async def _rerank(self) -> int:
        count = self._random.randint(2, 30)
        documents = [
            f"{topic} is number {i}" for i, topic in enumerate(self._random.choices(_TOPICS, k=count))
        ]
        body = {"query": self._question(), "documents": documents}
        response = await self._http.post("/v1/rerank", json=body)
        if response.status_code == 200:
            places = sorted(result["index"] for result in response.json()["results"])
            if places != list(range(count)):
                self._report.wrong.append(f"{count} documents, reranked as {places}")
        return response.status_code


KINDS = ("ask", "stream", "search", "search", "rerank")


async def put_load(
    url: str,
    clients: int,
    seconds: float,
    requests: int | None = None,
    kinds: tuple[str, ...] = KINDS,
    first: int = 0,
) -> LoadReport:
    """Let so many clients ask for so many ``seconds``, or until so many ``requests`` were made.

    Clients are numbered from ``first`` on; what one asks, no client of another number asks.
    """
    report = LoadReport()
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=clients + 8, max_keepalive_connections=clients + 8)
    async with httpx.AsyncClient(base_url=url, timeout=180, limits=limits, trust_env=False) as http:

        def goes_on() -> bool:
            return time.monotonic() < end and (requests is None or report.requests < requests)

        work: list[Awaitable[None]] = [
            LoadClient(http, report, number, kinds).run(goes_on) for number in range(first, first + clients)
        ]
        await asyncio.gather(*work)
    return report


def _quantiles(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


if __name__ == "__main__":
    url, clients, seconds, *rest = sys.argv[1:]
    report = asyncio.run(put_load(url, int(clients), float(seconds), int(rest[0]) if rest else None))
    sys.stdout.write(json.dumps(report.as_dict()) + "\n")
