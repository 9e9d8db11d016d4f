"""What eight workers save an optimisation over one: the same run with both, each in a process of its own.

Run: ``python bench/optimising_workers.py [--seconds 0.3] [--workers 8] [--optimizers bootstrap,mipro,gepa] [--remembered] [--out FILE]``.
chat_bridge on the builddaily canon, embedded profile, against the scripted language model of the tests, which takes so many
seconds for each call and answers alike each time, in a process of its own, as Ollama is. An earlier run, not measured, asks
it first: from then on it says again what it said, so that a call takes its time and none of the processor's. Both measured
runs begin with an index that is built, and with nothing remembered, or, with ``--remembered``, with the score file that the
earlier run has filled (``QUINCUNX_SCORE_FILE``). The table says whether they ended with the same program, byte for byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

import promptable
from ollama_server import OllamaServer

from bench.measuring import machine, options, print_table, record


def serve(seconds: float, file: Path) -> None:
    """Serve the language model until standard input ends, its address on standard output; what it says is kept in a file."""
    replies: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def answer(body: dict[str, Any]) -> Iterator[str]:
        begin = time.perf_counter()
        asked = json.dumps(body, sort_keys=True)
        if asked not in replies:
            replies[asked] = promptable.answer(body)
        words = replies[asked].split(" ")
        # Half of the time goes to the prompt, the rest to the words of the reply.
        for place, word in enumerate(words):
            due = begin + seconds / 2 * (1 + place / len(words))
            time.sleep(max(0.0, due - time.perf_counter()))
            yield f" {word}" if place else word
        time.sleep(max(0.0, begin + seconds - time.perf_counter()))

    with OllamaServer() as server:
        server.script = answer
        print(server.url, flush=True)
        sys.stdin.read()
    file.write_text(json.dumps(replies))


@contextmanager
def language_model(seconds: float, replies: Path) -> Iterator[str]:
    """Give the address of a language model in a process of its own."""
    command = [sys.executable, __file__, "serve", str(seconds), str(replies)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


def measured(optimizer: str, workers: int, seconds: float, out: Path, replies: Path) -> dict[str, float]:
    """Run once, and return the seconds and the calls."""
    import dspy

    import quincunx
    from quincunx.eval.goldsets.goldset import canon_folder
    from quincunx.eval.optimise.plan import plan_optimization
    from quincunx.eval.optimise.run import run_optimization

    with language_model(seconds, replies) as address:
        lm = quincunx.lm("ollama/qwen3", host=address, retries=0)
        plan = plan_optimization(
            "chat_bridge", canon_folder("builddaily"), optimizer=optimizer, lm=lm, out=out, workers=workers
        )
        with dspy.context(lm=lm):
            plan.program(question="What is Sage Daily?")  # models are loaded before the clock runs
        begin = time.perf_counter()
        found = run_optimization(plan)
        return {
            "seconds": time.perf_counter() - begin,
            "calls": found.spent.calls,
            "expected": plan.estimate.calls,
        }


def in_a_process(
    optimizer: str, workers: int, seconds: float, out: Path, replies: Path, environment: Mapping[str, str]
) -> dict[str, float]:
    given = (optimizer, workers, seconds, out, replies)
    done = subprocess.run(
        [sys.executable, __file__, "measure", *map(str, given)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def same_files(one: Path, other: Path) -> bool:
    """Whether two saved programs are alike, byte for byte."""
    files = sorted(path.name for path in one.iterdir())
    return files == sorted(path.name for path in other.iterdir()) and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in files
    )


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--optimizers", default="bootstrap,mipro,gepa")
    parser.add_argument("--remembered", action="store_true", help="begin with a score file that is filled")
    chosen = parser.parse_args(arguments)
    facts = machine()
    rows, told = [], {}
    with tempfile.TemporaryDirectory() as name:
        cold = {"QUINCUNX_HOME": str(Path(name) / "home")}
        filled = {**cold, "QUINCUNX_SCORE_FILE": str(Path(name) / "scores.sqlite")}
        for optimizer in chosen.optimizers.split(","):
            replies = Path(name) / f"{optimizer}.json"
            earlier = Path(name) / f"{optimizer}-earlier" / "run"
            in_a_process(optimizer, chosen.workers, 0.0, earlier, replies, filled)
            runs = {}
            for workers in (1, chosen.workers):
                out = Path(name) / f"{optimizer}-{workers}" / "run"
                environment = filled if chosen.remembered else cold
                runs[workers] = in_a_process(optimizer, workers, chosen.seconds, out, replies, environment)
            same = same_files(
                *(Path(name) / f"{optimizer}-{workers}" / "run" / "program" for workers in runs)
            )
            one, many = runs.values()
            ratio = one["seconds"] / many["seconds"]
            told[optimizer] = {"ratio": ratio, "same": same, "one": one, "many": many}
            rows.append(
                [
                    optimizer,
                    *(f"{one[name]:.0f}" for name in ("calls", "expected")),
                    *(f"{run['seconds']:.1f}" for run in (one, many)),
                    f"{ratio:.2f}×",
                    "yes" if same else "no",
                ]
            )
    print_table(
        f"**an optimisation** with {chosen.workers} workers, {1000 * chosen.seconds:.0f} ms a call",
        ["optimizer", "calls", "expected", "s, one worker", f"s, {chosen.workers}", "faster", "same program"],
        rows,
    )
    record(chosen.out, "optimising_workers", told, facts)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(float(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1:2] == ["measure"]:
        optimizer, workers, seconds, out, replies = sys.argv[2:]
        print(json.dumps(measured(optimizer, int(workers), float(seconds), Path(out), Path(replies))))
    else:
        main()
