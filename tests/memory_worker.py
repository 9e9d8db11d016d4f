"""Prints the peak memory, in MiB, of one answer or of a whole SIMBA run over a large index.

``memory_worker.py build|answer|simba PASSAGES FOLDER``: the index is built by a process of its own.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

what, passages, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
os.environ["QUINCUNX_HOME"] = str(folder / "home")

import promptable
from gold_sets import hashing_profile, write_split_gold
from ollama_server import OllamaServer
from optimise_worker import planned

from quincunx.eval.optimise.run import run_optimization
from quincunx.retrieval.index.manage import build_index

GOLD = folder / "gold"


def build() -> None:
    write_split_gold(GOLD, "chat_bridge")
    with (GOLD / "corpus.jsonl").open("a") as file:
        for place in range(passages):
            text = f"Filler {place} stands for itself, number {place * 7919 % 104729}."
            file.write(json.dumps({"_id": f"f{place}", "title": "", "text": text, "metadata": {}}) + "\n")
    build_index("large", [GOLD], profile=hashing_profile())
    write_split_gold(folder / "small", "chat_bridge")


def peak() -> float:
    with OllamaServer() as server:
        server.script = promptable.answer
        plan = planned("chat_bridge", "simba", folder / "small", folder / what, server.url, index="large")
        if what == "simba":
            run_optimization(plan)
        else:
            question = next(iter(plan.splits["dev"].questions.values()))
            plan.program.set_lm(plan.lm)
            plan.program(question=question.text)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if what == "build":
    build()
else:
    sys.stdout.write(json.dumps(round(peak(), 1)))
