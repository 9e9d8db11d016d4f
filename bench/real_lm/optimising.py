"""What the optimizers gain on a small language model that really runs: on sealed test questions, and at what cost.

Run: ``python bench/real_lm/optimising.py --python ENVIRONMENT/bin/python|--llama-server PATH [--model 0.5b|1.5b] [--prompt-model 1.5b]
[--programs chat_bridge,resource_search] [--gold FOLDER] [--optimizers bootstrap,mipro,gepa,simba] [--seeds 0,1,2] [--taught] [--calls N]
[--out FOLDER]``. Without a gold set the program's own canon is asked.
The environment holds ``llama-cpp-python[server]``; its source holds llama.cpp's own server, which CMake builds and which writes
several replies at once. Models are fetched once and checked. Each program, optimizer and seed is a run in a folder of its own, so
that one that was cut off goes on where it stopped, and what is there is only reported. Anything else that runs on the same cores
makes all of it many times slower: keep it to cores of its own, with ``taskset``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dspy

sys.path.append(str(Path(__file__).parents[2]))  # `bench` itself, when this file is run by its path

import quincunx
from bench.measuring import machine, print_table
from bench.real_lm.models import MODELS, fetch
from bench.real_lm.server import AT_ONCE, RESULTS, options, serving
from quincunx.eval.goldsets.goldset import canon_folder
from quincunx.eval.optimise.plan import plan_optimization
from quincunx.eval.optimise.result import REPORT
from quincunx.eval.optimise.run import run_optimization
from quincunx.eval.optimise.spending import Caps
from quincunx.programs.registry import program_spec

MOST_TOKENS = 600
"""Of one reply."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "0.5b", RESULTS / "optimised")
    parser.add_argument("--prompt-model", choices=MODELS, default=None, help="writes prompts")
    parser.add_argument("--programs", default="chat_bridge,resource_search")
    parser.add_argument("--gold", type=Path, default=None, help="folder of a gold set with splits")
    parser.add_argument("--optimizers", default="bootstrap,mipro,gepa,simba")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--taught", action="store_true", help="demos are what the prompt model answers")
    parser.add_argument("--calls", type=int, default=None, help="most calls of one run")
    chosen = parser.parse_args(arguments)
    machine()
    with ExitStack() as stack:
        lms = {
            key: _served(stack.enter_context(serving(fetch(key), chosen)), key)
            for key in dict.fromkeys([chosen.model, chosen.prompt_model or chosen.model])
        }
        for program in chosen.programs.split(","):
            for optimizer in chosen.optimizers.split(","):
                for seed in map(int, chosen.seeds.split(",")):
                    name = (
                        f"{program}-{optimizer}-{chosen.model}-{chosen.prompt_model or chosen.model}-{seed}"
                    )
                    name += "-taught" if chosen.taught else ""
                    name += f"-{chosen.gold.name}" if chosen.gold else ""
                    plan = plan_optimization(
                        program,
                        chosen.gold or canon_folder(str(program_spec(program).index)),
                        optimizer=optimizer,
                        lm=lms[chosen.model],
                        prompt_lm=lms[chosen.prompt_model] if chosen.prompt_model else None,
                        caps=Caps(calls=chosen.calls),
                        seeds=[seed],
                        taught=chosen.taught,
                        workers=AT_ONCE if chosen.llama_server else 1,
                        out=chosen.out / name,
                    )
                    run_optimization(plan)
                    _print_run(chosen.out / name)
    print_table(
        "**gains on test questions**",
        ["run", "before", "few-shot", "after", "gain (95 %)", "calls", "tokens in", "tokens out"],
        list(_rows(chosen.out)),
    )


def _served(address: str, key: str) -> dspy.LM:
    # A name of `openai/` would send max_completion_tokens, which this server passes over.
    return quincunx.lm(
        f"hosted_vllm/{key}",
        api_base=address,
        api_key="none",
        temperature=0.0,
        max_tokens=MOST_TOKENS,
        cache=False,
        timeout=1200,
    )


def _rows(out: Path) -> Iterator[list[str]]:
    for path in sorted(out.glob(f"*/{REPORT}")):
        report = json.loads(path.read_text(encoding="utf-8"))
        means = {name.partition(" ")[0]: _mean(scores) for name, scores in report["scores"].items()}
        gain: dict[str, Any] = next((g for g in report["gains"] if g["baseline"] == "before"), {})
        told = f"{gain['difference']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})" if gain else "–"
        spent = report["spent"]
        yield [
            path.parent.name,
            *(means.get(name, "–") for name in ("before", "few-shot", "after")),
            told,
            *(f"{spent[name]:,}" for name in ("calls", "input_tokens", "output_tokens")),
        ]


def _mean(scores: dict[str, Any]) -> str:
    return f"{sum(verdict['score'] for verdict in scores.values()) / len(scores):.3f}"


def _print_run(folder: Path) -> None:
    for row in _rows(folder.parent):
        if row[0] == folder.name:
            print(*row, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
