"""Rerank throughput over HTTP: `/v1/rerank` of the service against ``CrossEncoder.predict`` behind the same FastAPI.

Run: ``python bench/serve_rerank.py [--rounds N] [--requests N] [--size base|tiny] [--out FILE]``. Each serves the same
checkpoint in a process of its own, and both are up for the whole run. In every round, eight callers send the same requests
to one and then to the other, each of 20 documents of mixed lengths; every round draws new texts, so that nothing which
remembers texts ever meets one twice. The peer answers in FastAPI's threads, as such services are usually written, and once
more with a lock around the model, so that passes do not slow each other down; the headline is against the faster of both.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
from fastapi import Body, FastAPI

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT), str(ROOT / "tests")]  # when this file is run by its path

from service_process import service_process

from bench.checkpoints import Asked, Size, add_size, asked, cross_encoder
from bench.measuring import device, machine, options, percentile_ms, print_table, ratio, record

CALLERS = 8
MIX = "mixed"
OURS, THREADS, LOCKED = "service", "predict", "predict, one at a time"


def peer_app(folder: Path) -> FastAPI:
    """Return what people write by hand: a model, and a route that asks it."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device=device())
    lock = threading.Lock()
    app = FastAPI()

    def ranked(query: str, documents: list[str]) -> dict[str, Any]:
        scores = model.predict([(query, document) for document in documents], show_progress_bar=False)
        order = np.argsort(-scores, kind="stable")
        return {"results": [{"index": int(i), "relevance_score": float(scores[i])} for i in order]}

    @app.post("/threads/rerank")
    def rerank(query: Annotated[str, Body()], documents: Annotated[list[str], Body()]) -> dict[str, Any]:
        return ranked(query, documents)

    @app.post("/locked/rerank")
    def rerank_locked(
        query: Annotated[str, Body()], documents: Annotated[list[str], Body()]
    ) -> dict[str, Any]:
        with lock:
            return ranked(query, documents)

    return app


def _run_peer(folder: Path, listening: socket.socket) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(peer_app(folder), log_config=None, access_log=False)).run([listening])


@contextmanager
def peer(folder: Path) -> Iterator[str]:
    """Serve the peer in a process of its own; yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        spawned = multiprocessing.get_context("spawn").Process(target=_run_peer, args=(folder, listening))
        spawned.start()
    try:
        while not _answers(f"{url}/openapi.json"):
            if not spawned.is_alive():
                raise RuntimeError(f"the peer ended with {spawned.exitcode}")
            time.sleep(0.1)
        yield url
    finally:
        spawned.terminate()
        spawned.join()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def service(folder: Path, scratch: Path) -> Iterator[str]:
    """Serve the checkpoint with quincunx; yield its address."""
    home, corpus = scratch / "home", scratch / "corpus.jsonl"
    corpus.write_text('{"_id": "1", "title": "", "text": "Nothing is asked of this index."}\n')
    command = [sys.executable, "-m", "quincunx.app", "index", "build", "little", str(corpus)]
    environment = {**os.environ, "QUINCUNX_HOME": str(home)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    settings = ("--index", "little")
    with service_process(
        home, scratch / "service.log", *settings, QUINCUNX_CROSS_ENCODER=str(folder)
    ) as running:
        yield running.url


def ask_all(url: str, works: Sequence[Asked]) -> tuple[float, list[float], list[Any]]:
    """Let the callers send requests; return the seconds of all, those of each, and each one's results."""

    async def run() -> tuple[float, list[float], list[Any]]:
        waiting = iter(enumerate(works))
        seconds, results = [0.0] * len(works), [None] * len(works)

        async def caller() -> None:
            for place, work in waiting:
                begun = time.perf_counter()
                body = {"query": work.question, "documents": list(work.passages)}
                response = await http.post(url, json=body)
                results[place] = response.raise_for_status().json()["results"]
                seconds[place] = time.perf_counter() - begun

        async with httpx.AsyncClient(timeout=600, trust_env=False) as http:
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(CALLERS):
                    group.create_task(caller())
            return time.perf_counter() - begun, seconds, results

    return asyncio.run(run())


def probabilities(results: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the scores of all requests in the order in which the documents were sent."""
    return np.array(
        [
            entry["relevance_score"]
            for each in results
            for entry in sorted(each, key=lambda entry: entry["index"])
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=16, help="of 20 documents, in each round")
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size
    facts = machine()
    folder = cross_encoder(size)
    whole: dict[str, list[float]] = {OURS: [], THREADS: [], LOCKED: []}
    each: dict[str, list[float]] = {name: [] for name in whole}
    said: dict[str, list[Any]] = {name: [] for name in whole}
    with (
        tempfile.TemporaryDirectory() as scratch,
        service(folder, Path(scratch)) as ours,
        peer(folder) as theirs,
    ):
        urls = {
            OURS: f"{ours}/v1/rerank",
            THREADS: f"{theirs}/threads/rerank",
            LOCKED: f"{theirs}/locked/rerank",
        }
        precision = httpx.post(
            urls[OURS], json={"query": "a", "documents": ["b"]}, timeout=60, trust_env=False
        ).json()["model"]
        for number in range(chosen.rounds + 1):  # the first warms up
            works = [asked(MIX, seed=1000 * (1 + number) + i) for i in range(chosen.requests)]
            for name, url in urls.items():
                took, seconds, results = ask_all(url, works if number else works[:CALLERS])
                if number:
                    whole[name].append(took)
                    each[name] += seconds
                    said[name] += results
    documents = 20 * chosen.requests
    scores = {name: probabilities(results) for name, results in said.items()}
    figures: dict[str, Any] = {
        name: {
            "documents_per_s": documents * chosen.rounds / sum(whole[name]),
            "ratio": ratio(whole[name], whole[OURS]),
            "p50_ms": percentile_ms(each[name], 0.5),
            "p95_ms": percentile_ms(each[name], 0.95),
            "max_difference": float(np.abs(scores[name] - scores[OURS]).max()),
            "correlation": float(np.corrcoef(scores[name], scores[OURS])[0, 1]),
            "seconds": whole[name],
        }
        for name in whole
    }
    rows = [
        [
            name,
            f"{row['documents_per_s']:.1f}",
            f"{row['ratio']:.2f}×",
            f"{row['p50_ms']:.0f}",
            f"{row['p95_ms']:.0f}",
            f"{row['correlation']:.5f}",
        ]
        for name, row in figures.items()
    ]
    head = ["what", "documents per s", "÷ service", "p50 ms", "p95 ms", "correlation with service"]
    print_table(
        f"**rerank over HTTP**, {CALLERS} callers, 20 documents of mixed lengths; {precision}", head, rows
    )
    headline = min(figures[THREADS]["ratio"], figures[LOCKED]["ratio"])
    record(
        chosen.out, "serve_rerank", {**figures, "ratio": headline, "size": size, "model": precision}, facts
    )


if __name__ == "__main__":
    main()
