"""Programs, indexes and keys are loaded anew while requests run: none fails, and a reload that fails changes nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_service import running

import quincunx
from quincunx.app.serve.access.keys import add_key, remove_key
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings
from quincunx.programs.trace import CallRecord

QUESTION = "What is Sage Daily?"


def saved(name: str, n: int) -> None:
    """Save a version of chat_bridge that keeps ``n`` passages."""
    program = quincunx.load("chat_bridge", settings=quincunx.SearchSettings(n=n))
    program.save(name)


def kept(client: httpx.Client, program: str) -> int:
    response = client.post(f"/v1/ask/{program}", json={"question": QUESTION})
    return len(response.raise_for_status().json()["passages"])


@pytest.fixture
def served(home_of_canons: Path) -> Iterator[httpx.Client]:
    shutil.rmtree(home_of_canons / "indexes" / "paiddaily")
    saved("mine", 2)
    with running() as client:
        yield client


def test_what_was_saved_or_built_meanwhile_is_served_after_a_reload(
    served: httpx.Client, home: Path, canons_folder: Path
) -> None:
    assert kept(served, "mine") == 2
    saved("mine", 3)
    saved("other", 1)
    shutil.copytree(canons_folder / "indexes" / "paiddaily", home / "indexes" / "paiddaily")
    assert kept(served, "mine") == 2
    assert served.post("/v1/ask/other", json={"question": QUESTION}).status_code == 404
    told = served.post("/v1/admin/reload").raise_for_status().json()
    assert {"mine", "other", "chat_bridge", "ticker_fit"} <= set(told["programs"])
    assert "paiddaily" in told["indexes"]
    assert (kept(served, "mine"), kept(served, "other")) == (3, 1)
    assert (
        served.post("/v1/search", json={"question": "token unlock", "index": "paiddaily"}).status_code == 200
    )
    metrics = served.get("/metrics").text
    assert 'quincunx_index_generation{index="paiddaily"} 1.0' in metrics
    assert metrics.count('quincunx_index_generation{index="builddaily"}') == 1


def test_a_reload_that_fails_says_why_and_leaves_everything_as_it_is(
    served: httpx.Client, home: Path
) -> None:
    (manifest,) = (home / "programs" / "mine").glob("MANIFEST.json")
    whole = manifest.read_text()
    manifest.write_text("{")
    failed = served.post("/v1/admin/reload")
    assert (failed.status_code, failed.json()["code"]) == (409, "bad_artifact")
    assert failed.json()["detail"].startswith("nothing was changed: ")
    assert kept(served, "mine") == 2
    manifest.write_text(whole)
    assert served.post("/v1/admin/reload").status_code == 200


def test_what_is_no_longer_there_is_served_no_more(served: httpx.Client, home: Path) -> None:
    shutil.rmtree(home / "programs" / "mine")
    shutil.rmtree(home / "indexes" / "sagedaily")
    text = served.get("/metrics").text
    assert 'quincunx_index_readable{index="sagedaily"} 0.0' in text
    assert 'quincunx_index_readable{index="builddaily"} 1.0' in text
    told = served.post("/v1/admin/reload").raise_for_status().json()
    assert told["indexes"] == ["builddaily"]
    assert "mine" not in told["programs"]
    assert "program astrology_reading" in told["left_out"]
    assert "sagedaily" not in served.get("/metrics").text
    assert served.post("/v1/search", json={"question": "x", "index": "sagedaily"}).status_code == 404


def test_no_request_fails_while_programs_are_replaced(served: httpx.Client) -> None:
    ended = threading.Event()
    counts: list[int] = []
    failures: list[Any] = []

    def ask() -> None:
        while not ended.is_set():
            response = served.post("/v1/ask/mine", json={"question": QUESTION})
            if response.status_code == 200:
                counts.append(len(response.json()["passages"]))
            else:
                failures.append(response.text)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for n in (3, 4, 2):
        saved("mine", n)
        served.post("/v1/admin/reload").raise_for_status()
    ended.set()
    for asker in askers:
        asker.join()
    assert failures == []
    assert set(counts) <= {2, 3, 4}
    assert len(set(counts)) > 1


def test_each_call_is_counted_once_after_reloads(home_of_canons: Path) -> None:
    records: list[CallRecord] = []
    service = Service(
        ServeSettings(programs=("chat_bridge",), indexes=("builddaily",)), on_call=records.append
    )
    service.load()
    service.reload()
    service.reload()
    service.program("chat_bridge")(question=QUESTION)
    assert len(records) == 1
    assert (
        'quincunx_calls_total{outcome="answered",program="chat_bridge"} 1.0'
        in service.metrics.text().decode()
    )


def test_an_index_is_loaded_once_for_all_that_search_it(home_of_canons: Path) -> None:
    service = Service(ServeSettings(programs=("chat_bridge", "resource_search"), indexes=("builddaily",)))
    service.load()
    before = service.indexes["builddaily"]
    assert {id(program.retriever.handle) for program in service.programs.values()} == {id(before)}
    service.reload()
    assert service.indexes["builddaily"] is before


def test_keys_are_read_again(home_of_canons: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    admin, first = add_key(path, "admin", ["admin"])[0], add_key(path, "first", ["ask"])[0]
    with running(keys_file=str(path), programs=["chat_bridge"], indexes=["builddaily"]) as client:

        def status(key: str) -> int:
            return client.get("/v1/programs", headers={"x-api-key": key}).status_code

        second = add_key(path, "second", ["ask"])[0]
        remove_key(path, "first")
        assert (status(first), status(second)) == (200, 401)
        told = client.post("/v1/admin/reload", headers={"x-api-key": admin}).json()
        assert told["keys"] == 2
        assert (status(first), status(second)) == (401, 200)
        path.write_text("{")
        failed = client.post("/v1/admin/reload", headers={"x-api-key": admin})
        assert (failed.status_code, failed.json()["code"]) == (409, "bad_usage")
        assert status(second) == 200


def test_sighup_loads_anew_and_sigterm_ends(home_of_canons: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = add_key(path, "first", ["ask"])[0]
    log = tmp_path / "log"
    command = [sys.executable, "-m", "quincunx.app", "serve", "--port", "0", "--programs", "chat_bridge"]
    with log.open("w") as written:
        process = subprocess.Popen(
            [*command, "--index", "builddaily", "--keys", str(path)], stderr=written, stdout=written,
            env={**os.environ, "QUINCUNX_HOME": str(home_of_canons)},
        )  # fmt: skip
    try:
        port = awaited(log, r"running on http://127\.0\.0\.1:(\d+)")
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while httpx.get(f"{base}/readyz", trust_env=False).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second = add_key(path, "second", ["ask"])[0]
        remove_key(path, "first")
        process.send_signal(signal.SIGHUP)
        awaited(log, "loaded anew: 1 programs, 1 indexes")
        for key, status in ((first, 401), (second, 200)):
            headers = {"authorization": f"Bearer {key}"}
            assert httpx.get(f"{base}/v1/programs", headers=headers, trust_env=False).status_code == status
        secret = {"question": "thesecretword"}
        for program in ("chat_bridge", "thesecretword"):
            httpx.post(f"{base}/v1/ask/{program}", json=secret, headers=headers, trust_env=False)
        path.write_text("{")
        process.send_signal(signal.SIGHUP)
        awaited(log, "nothing was changed: ")
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert first not in log.read_text()
        assert second not in log.read_text()
        assert '"route": "/v1/ask/{program}", "status": 404' in log.read_text()
        assert "thesecretword" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def awaited(log: Path, pattern: str, seconds: float = 120) -> str:
    """Return the first group of what a log says, or all of it, once it says so."""
    deadline = time.monotonic() + seconds
    while (said := re.search(pattern, log.read_text())) is None:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return said[1] if said.re.groups else said[0]
