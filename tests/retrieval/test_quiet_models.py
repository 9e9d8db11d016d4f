"""Models load, compute and are forked without a word on stderr, whatever an app logs; the app's own settings stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCORE = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
from transformers.utils import logging as theirs
bars = theirs.is_progress_bar_enabled()
from quincunx.retrieval.models.late_interaction import load_minilm_late_interaction
print(load_minilm_late_interaction().score("what is a cat?", ["A cat is an animal.", "A car."]).argmax())
print(theirs.is_progress_bar_enabled() == bars, theirs.get_verbosity() == theirs.WARNING)
"""
FORK = """
import os
from quincunx.retrieval.models.embedders import load_minilm
embedder = load_minilm()
embedder._model.tokenizer(["some words"] * 500)
child = os.fork()
if child == 0:
    embedder._model.tokenizer(["some words"] * 500)
    os._exit(0)
print(os.waitpid(child, 0)[1], os.environ.get("TOKENIZERS_PARALLELISM"))
"""
ASK = """
import sys
asked = []
sys.addaudithook(lambda event, given: asked.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
import dspy, quincunx
from scripted import in_markers, scripted
quincunx.load("chat_bridge", lm="extractive")(question="What is Sage Daily?")
lm, engine = scripted(lambda prompt: in_markers("reply", {"sentences": [], "between": []}))
quincunx.load("chat_bridge", lm=lm)(question="What is Sage Daily?")
print(asked, len(engine.prompts))
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that inherits no setting of the tests for libraries."""
    settings = ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM", "LITELLM_LOCAL_MODEL_COST_MAP", "OMP_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in settings}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )


def test_late_interaction_is_silent_where_an_app_logs_at_info() -> None:
    done = run(SCORE)
    assert done.stdout.splitlines()[-2:] == ["0", "True True"]
    assert done.stderr == ""


@pytest.mark.parametrize("own", [None, "true", "false"])
def test_a_fork_after_tokenizing_is_silent_and_leaves_the_parents_environment(own: str | None) -> None:
    done = run(FORK, **({} if own is None else {"TOKENIZERS_PARALLELISM": own}))
    assert (done.stdout, done.stderr) == (f"0 {own}\n", "")


def test_the_first_call_in_plain_python_asks_for_no_address(canons: Path) -> None:
    done = run(ASK)
    assert (done.stdout, done.stderr) == ("[] 1\n", "")


def test_an_apps_own_choice_about_prices_stays() -> None:
    code = "import os, quincunx.programs.program; print(os.environ['LITELLM_LOCAL_MODEL_COST_MAP'])"
    assert run(code).stdout == "true\n"
    assert run(code, LITELLM_LOCAL_MODEL_COST_MAP="false").stdout == "false\n"
