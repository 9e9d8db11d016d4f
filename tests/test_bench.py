"""That `bench/` still runs, and that what it calls a ratio is one: same pairs, same round, theirs over ours."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MIXES = ("short", "mixed", "long")


def run(file: str, size: str, out: Path) -> str:
    """Return what one round on a tiny checkpoint prints; its figures go into ``out``."""
    command = [sys.executable, f"bench/{file}", size, "tiny", "--rounds", "1", "--out", str(out)]
    environment = {**os.environ, "QUINCUNX_BENCH_CACHE": str(out.parent / "checkpoints")}
    environment["QUINCUNX_HOME"] = str(out.parent / "home")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one round on a tiny checkpoint writes, into a file that held something before."""
    folder = tmp_path_factory.mktemp("bench")
    out = folder / "latest.json"
    out.write_text(json.dumps({"overhead_ms": {"1k": 1.5}, "rerank": {"short": {"note": "kept"}}}))
    printed = run("rerank.py", "--size", out)
    assert "FlagEmbedding FlagReranker" in printed  # present or not, it has its row
    written: dict[str, Any] = json.loads(out.read_text())
    return written


def contestants(results: dict[str, Any], mix: str) -> dict[str, dict[str, Any]]:
    return {name: row for name, row in results["rerank"][mix].items() if isinstance(row, dict)}


@pytest.mark.parametrize("mix", MIXES)
def test_all_were_asked_the_same_pairs_and_said_the_same(results: dict[str, Any], mix: str) -> None:
    rows = contestants(results, mix)
    assert {"crossencoder", "default", "fp32"} <= rows.keys()
    assert len({row["pairs"] for row in rows.values()}) == 1
    exact = [row for name, row in rows.items() if name != "default"]  # which may compute in less than float32
    assert all(row["correlation"] > 0.99 for row in exact)
    assert rows["fp32"]["max_logit_difference"] < 1e-4


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("ours", ["default", "fp32"])
def test_a_ratio_is_their_time_over_ours(results: dict[str, Any], mix: str, ours: str) -> None:
    rows = contestants(results, mix)
    mine = rows[ours]["seconds"]
    peers = rows.keys() - {"default", "fp32"}
    assert peers | results["rerank"]["absent"].keys() == {
        "crossencoder",
        "llamaindex",
        "rerankers",
        "flagembedding",
    }
    for peer in peers:
        theirs = rows[peer]["seconds"]
        expected = statistics.median(a / b for a, b in zip(theirs, mine, strict=True))
        assert rows[ours][f"ratio_vs_{peer}"] == pytest.approx(expected)


def test_the_mixes_have_the_tokens_that_they_state(results: dict[str, Any]) -> None:
    tokens = {mix: results["rerank"][mix]["tokens"] for mix in MIXES}
    assert (min(tokens["short"]), max(tokens["short"])) == (20, 58)
    assert (min(tokens["mixed"]), max(tokens["mixed"]), sum(tokens["mixed"])) == (19, 512, 3860)
    assert (min(tokens["long"]), max(tokens["long"])) == (400, 495)


def test_a_run_keeps_what_others_have_measured(results: dict[str, Any]) -> None:
    assert results["overhead_ms"] == {"1k": 1.5}
    assert results["rerank"]["short"]["note"] == "kept"
    assert {"cpu", "flags", "torch", "torch_threads"} <= results["machine"].keys()
    assert results["measured"]["rerank"]["commit"]


def test_the_measurement_for_a_gpu_says_what_it_ran_on(tmp_path: Path) -> None:
    out = tmp_path / "latest.json"
    printed = run("gpu.py", "--sizes", out)
    figures = json.loads(out.read_text())["gpu"]["tiny"]
    assert all(row["p50_ms"] > 0 and row["pairs_per_s"] > 0 for row in figures.values())
    assert sum(row["default"] for row in figures.values()) == 1
    assert ("no GPU here" in printed) == ("bf16" in figures and "int8" in figures)
