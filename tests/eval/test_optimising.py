"""Optimisation against a model whose answers depend on its prompt (see `promptable`), over an Ollama test server.

    1. What is optimised is better on test questions, the artifact comes back the same, the estimate holds.
    2. Where nothing can be gained, nothing is claimed.
    3. Killed anywhere, a run goes on, pays for nothing twice, and ends as it would have.
    4. No budget is passed, and wrong input costs nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dspy
import promptable
import pytest
from ollama_server import OllamaServer

import quincunx
from quincunx.eval.calls import Caps, Price
from quincunx.eval.demos import capped, tokens
from quincunx.eval.goldset import canon_folder
from quincunx.eval.optimisers import OPTIMISERS, Bootstrap, Gepa, Mipro, Simba
from quincunx.eval.optimising import Plan, prepare
from quincunx.eval.optimreport import Optimised
from quincunx.retrieval.errors import BoundError, GoldSetError, OllamaUnreachableError, RunMismatchError, UsageError
from quincunx.retrieval.home import HOME_VARIABLE

TORTURE = bool(os.environ.get("QUINCUNX_TORTURE"))
PROGRAMS = ("resource_search", "chat_bridge")
SMALL: dict[str, Any] = {
    "bootstrap": Bootstrap(candidates=1),
    "gepa": Gepa(proposals=3),
    "mipro": Mipro(trials=3),
    "simba": Simba(batch=4, candidates=2, steps=2),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("optimising")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder))
        yield folder


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.script = promptable.answer
        yield running


def chats(server: OllamaServer) -> int:
    return sum(request.path == "/api/chat" for request in server.requests)


def plan(server: OllamaServer, out: Path, program: str, optimiser: Any, **options: Any) -> Plan:
    gold = options.pop("gold", canon_folder("builddaily"))
    lm = quincunx.lm("ollama/qwen3", host=server.url, retries=0)
    return prepare(program, gold, optimiser=optimiser, lm=lm, out=out, **options)


# 1. Gains


@pytest.mark.torture
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_what_is_optimised_is_better_on_the_test_questions(
    home: Path, server: OllamaServer, tmp_path: Path, program: str, name: str
) -> None:
    if not TORTURE and (program, name) not in {("resource_search", "gepa"), ("chat_bridge", "bootstrap")}:
        pytest.skip("in make torture")
    planned = plan(server, tmp_path / "run", program, name)
    found = planned.run()
    gain = found.gains["before"].result
    asked = chats(server)
    print({
        "program": program, "optimiser": name, "test": [round(gain.mean_a, 3), round(gain.mean_b, 3)],
        "interval": [round(gain.low, 3), round(gain.high, 3)], "calls": found.spent.calls,
        "expected": planned.estimate.calls, "evaluations": found.evaluations, "searches": found.searches,
        "few_shot": round(found.gains["few_shot"].result.difference, 3),
    })  # fmt: skip
    assert gain.low > 0
    assert asked == found.spent.calls
    assert found.spent.calls == pytest.approx(planned.estimate.calls, rel=0.3)
    assert found.searches[1] == len({q.text for gold in planned.splits.values() for q in gold.questions.values()})
    again = subprocess.run(
        [sys.executable, __file__, str(found.folder / "program"), program, server.url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(again.stdout) == {id: verdict.score for id, verdict in found.scores["after"].items()}
