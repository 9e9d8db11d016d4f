"""Rounds in turn, ratios within one run, and the file that keeps what was measured.

Contestants take turns, A B C A B C …, so that whatever else the machine does meets all of them alike. A ratio is
the median over the rounds of (baseline's seconds ÷ ours) in the same round, on the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Work = TypeVar("Work")

ROOT = Path(__file__).parents[1]
LATEST = ROOT / "bench" / "results" / "latest.json"
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")
"""Instructions of a processor that decide which number format is fast on it."""


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every measurement takes: where its figures go."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--out", type=Path, default=LATEST, help="file of figures that the run's are put into"
    )
    return parser


def device() -> str:
    """Return where the models run: ``cuda`` where there is one, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def machine() -> dict[str, Any]:
    """Print and return what the figures depend on: processor, threads, libraries, how busy the machine was before."""
    import sentence_transformers
    import torch
    import transformers

    quiet: Any = transformers.logging
    quiet.disable_progress_bar()
    cpu = _cpu_info()
    facts: dict[str, Any] = {
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "flags": [flag for flag in FLAGS if flag in cpu.get("flags", "").split()],
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence_transformers": sentence_transformers.__version__,
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name(0)
    _print_machine(facts)
    return facts


def _print_machine(facts: Mapping[str, Any]) -> None:
    print(f"{facts['cpu']}, {facts['cores']} cores, {facts['torch_threads']} threads", end="")
    print(f"; {' '.join(facts['flags']) or 'no vector flags known'}", end="")
    print(f"; load before {facts['load_before']}" + (f"; {facts['gpu']}" if "gpu" in facts else ""))
    print(
        f"torch {facts['torch']}, transformers {facts['transformers']}, "
        f"sentence-transformers {facts['sentence_transformers']}, Python {facts['python']}"
    )


def take_turns(
    contestants: Mapping[str, Callable[[Work], object]], warm: Work, rounds: Sequence[Work]
) -> dict[str, list[float]]:
    """Return the seconds of each contestant for each round's work; ``warm`` is done by each once before, untimed."""
    for call in contestants.values():
        call(warm)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for work in rounds:
        for name, call in contestants.items():
            begin = time.perf_counter()
            call(work)
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratio(baseline: Sequence[float], ours: Sequence[float]) -> float:
    """Return how many times longer the baseline takes: the median over the rounds."""
    return statistics.median(theirs / mine for theirs, mine in zip(baseline, ours, strict=True))


def percentile_ms(seconds: Sequence[float], share: float) -> float:
    return 1000 * float(np.percentile(seconds, 100 * share))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, which goes into bench/README.md as it is."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print(flush=True)


def record(path: Path, section: str, figures: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Put a section's figures into the file, beside what other runs have put there.

    ``measured`` says of every section when, on what and at which commit it was measured last.
    """
    held: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    held[section] = _merged(held.get(section, {}), figures)
    held["machine"] = dict(facts)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    held.setdefault("measured", {})[section] = {"at": when, "commit": _commit(), "machine": dict(facts)}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n")
    fresh.replace(path)
    print(f"{section} → {path}")


def _merged(held: Any, fresh: Any) -> Any:
    if not (isinstance(held, dict) and isinstance(fresh, Mapping)):
        return fresh
    return {**held, **{name: _merged(held.get(name), value) for name, value in fresh.items()}}


def _cpu_info() -> dict[str, str]:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return {}
    lines = info.read_text().split("\n\n")[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
