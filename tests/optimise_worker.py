"""Runs one optimisation, to be killed: ``optimise_worker.py PROGRAM OPTIMISER GOLD OUT URL WORKERS``; prints its calls made."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gold_sets import hashing_profile

import quincunx
from quincunx.eval.optimise.demo_optimisers import Bootstrap, Knn
from quincunx.eval.optimise.optimisers import Chain, Gepa, Mipro, Simba
from quincunx.eval.optimise.plan import Plan, plan_optimization
from quincunx.eval.optimise.run import run_optimization

SMALL: dict[str, Any] = {
    "bootstrap": Bootstrap(candidates=1),
    "chain": Chain(Bootstrap(candidates=1), Gepa(proposals=2)),
    "gepa": Gepa(proposals=4),
    "knn": Knn(),
    "mipro": Mipro(trials=4),
    "simba": Simba(batch=4, candidates=2, steps=2),
}
"""Each of them, doing as little as it can."""


def planned(program: str, optimizer: str, gold: Path, out: Path, url: str, **options: Any) -> Plan:
    """Return a small run, over the hashing profile if no other is named; ``url`` is that of an Ollama server."""
    lm = quincunx.lm("ollama/qwen3", host=url, retries=0)
    options = {"profile": hashing_profile()} | options
    return plan_optimization(program, gold, optimizer=SMALL[optimizer], lm=lm, out=out, **options)


if __name__ == "__main__":
    program, optimizer, gold, out, url, workers = sys.argv[1:]
    found = run_optimization(planned(program, optimizer, Path(gold), Path(out), url, workers=int(workers)))
    sys.stdout.write(json.dumps({"made": found.spent.made, "replayed": found.spent.replayed}))
