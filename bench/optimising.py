"""What remembering searches and scores saves an optimisation: one run with and without, each in a process of its own.

Run: ``python bench/optimising.py [--out FILE]``. A SIMBA run of chat_bridge on the builddaily canon, embedded profile, against
the scripted language model of the tests, which answers at once: in an app the model's time comes on top of both.
Without: every answer embeds, searches and reranks again, and no passage's token vectors are kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

import promptable
from ollama_server import OllamaServer

from bench.measuring import machine, options, print_table, record

WITHOUT = {"QUINCUNX_SCORE_CACHE": "0", "QUINCUNX_TOKEN_CACHE_MB": "0"}


def measured(remembering: bool) -> dict[str, float]:
    """Run once, and return the seconds, the answers and the searches that were made."""
    import quincunx
    from quincunx.eval.goldsets.goldset import canon_folder
    from quincunx.eval.optimise.plan import plan_optimization
    from quincunx.eval.optimise.run import run_optimization
    from quincunx.retrieval.models import profiles

    with tempfile.TemporaryDirectory() as name, OllamaServer() as server:
        server.script = promptable.answer
        os.environ["QUINCUNX_HOME"] = str(Path(name) / "home")
        lm = quincunx.lm("ollama/qwen3", host=server.url, retries=0)
        if not remembering:
            vars(profiles)["CachedEmbedder"] = lambda embedder: embedder
        plan = plan_optimization(
            "chat_bridge", canon_folder("builddaily"), optimizer="simba", lm=lm, out=Path(name) / "run"
        )
        if not remembering:
            plan.program.retriever.handle = plan.handle.inner
        begin = time.perf_counter()
        found = run_optimization(plan)
        return {
            "seconds": time.perf_counter() - begin,
            "answers": found.evaluations,
            "searches": found.searches[1] if remembering else found.evaluations,
        }


def in_a_process(remembering: bool) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "with" if remembering else "without"],
        env={**os.environ, **({} if remembering else WITHOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main(arguments: list[str] | None = None) -> None:
    chosen = options(__doc__).parse_args(arguments)
    facts = machine()
    told = {"with": in_a_process(True), "without": in_a_process(False)}
    ratio = told["without"]["seconds"] / told["with"]["seconds"]
    rows = [
        [name, f"{run['seconds']:.1f}", f"{run['answers']:.0f}", f"{run['searches']:.0f}"]
        for name, run in told.items()
    ]
    print_table(
        f"**an optimisation** with and without remembering: {ratio:.2f}×",
        ["caches", "seconds", "answers", "searches"],
        rows,
    )
    record(chosen.out, "optimising", {"ratio": ratio, **told}, facts)


if __name__ == "__main__":
    if sys.argv[1:] in (["with"], ["without"]):
        print(json.dumps(measured(sys.argv[1] == "with")))
    else:
        main()
