"""Commands reach nothing but this machine, and what stands on stderr is the package's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import promptable
import pytest
from gold_sets import write_split_gold
from ollama_server import OllamaServer
from postgres_server import postgres_server
from scripted import in_markers

from quincunx.app.cli import COMMANDS, GROUPS
from quincunx.eval.goldsets.goldset import CANONS

TESTS = Path(__file__).parents[1]
QUESTION = "What is Sage Daily?"
LOOPBACK = re.compile(r"'(127\.\d+\.\d+\.\d+|localhost|::1)'")
OF_LIBRARIES = (
    "%|",
    "it/s]",
    "Loading weights",
    "LOAD REPORT",
    "Warning",
    "huggingface",
    "tokenizers",
    "metadata refresh",
    "Traceback",
)


@dataclass(frozen=True)
class Run:
    """One command, run."""

    arguments: tuple[str, ...]
    status: int
    out: str
    err: str
    asked: list[str]
    """The addresses that it asked for."""


def commands(work: Path, gold: str, store: str) -> list[tuple[str, ...]]:
    """Return every command once at least, each with what those before it made."""
    docs, canon = str(work / "docs"), str(Path(__file__).parents[2] / "eval" / "gold" / "builddaily")
    a, b, saved, tuned, keys = (str(work / name) for name in ("a", "b", "saved", "tuned", "keys.json"))
    ollama = ("--lm", "ollama/qwen3")
    return [
        ("demo",),
        ("ask", "chat_bridge", QUESTION),
        ("search", "builddaily", QUESTION),
        ("mcp",),
        ("doctor",),
        ("pull", "nomic-embed-text"),
        ("index", "build", "docs", docs),
        ("index", "update", "docs", docs),
        ("index", "sync", "docs"),
        ("index", "watch", "docs"),
        ("index", "docs", "docs"),
        ("index", "fields", "docs"),
        ("index", "info", "docs"),
        ("index", "verify", "docs"),
        ("index", "compact", "docs"),
        ("index", "export", "docs", str(work / "exported")),
        ("index", "copy", "docs", "shared", "--store", store),
        ("index", "detach", "shared"),
        ("index", "attach", "shared", store),
        ("search", "shared", QUESTION),
        ("index", "delete", "docs", "a.md"),
        ("index", "list"),
        ("index", "drop", "docs", "--yes"),
        ("eval", "retrieval", gold, "--split", "dev", "--out", str(work / "found")),
        ("eval", "answers", "chat_bridge", gold, "--split", "dev", "--out", a),
        ("eval", "answers", "chat_bridge", gold, "--split", "dev", "--out", b, "-n", "3"),
        ("advise", "builddaily", canon),
        ("eval", "sweep", gold),
        ("eval", "list"),
        ("eval", "tag", a, "kept"),
        ("eval", "prune", "--keep", "20"),
        ("eval", "show", a),
        ("eval", "view", a),
        ("eval", "compare", a, b),
        ("eval", "diff", a, b),
        ("eval", "gate", b, "--against", a, "--metric", "citation_recall"),
        ("eval", "track", a, str(work / "found"), "--into", str(work / "runs.sqlite"), "--page", str(work / "runs.html")),
        ("eval", "score", a, "--judge", "groundedness", *ollama),
        ("eval", "score", a, "--judge", "preference", "--against", b, *ollama),
        ("eval", "calibrate", a, str(work / "labels.csv"), "--judge", "groundedness"),
        ("eval", "export", str(work / "found"), "--out", str(work / "trec")),
        ("gold", "check", canon),
        ("gold", "import", gold, "--form", "beir", "--out", str(work / "imported")),
        ("gold", "propose", gold, *ollama, "--out", str(work / "drafts.jsonl"), "--limit", "2"),
        ("gold", "collect", gold, str(work / "asked.jsonl"), "--out", str(work / "collected.jsonl")),
        ("gold", "drift", gold, str(work / "asked.jsonl")),
        ("gold", "accept", str(work / "drafts.jsonl"), gold, "--out", str(work / "accepted")),
        ("tune", "retrieval", "chat_bridge", gold, "--out", saved, "--lexical-weight", "1", "--index", "builddaily"),
        ("tune", "reranker", gold, "--out", tuned, "--epochs", "1", "--negatives", "1"),
        ("programs", "list"),
        ("programs", "show", saved),
        ("programs", "diff", saved, saved),
        ("keys", "add", keys, "app"),
        ("keys", "list", keys),
        ("keys", "remove", keys, "app"),
        ("optimize", "chat_bridge", gold, "--optimizer", "bootstrap", *ollama, "--out", str(work / "optimized")),
        ("eval", "track", str(work / "optimized"), "--into", str(work / "runs.sqlite")),
        ("eval", "diff", a, str(work / "optimized")),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, canon_index: Callable[[str], Path]
) -> dict[tuple[str, ...], Run]:
    work = tmp_path_factory.mktemp("quiet")
    gold = str(write_split_gold(work / "gold", "chat_bridge"))
    (work / "docs").mkdir()
    (work / "docs" / "a.md").write_text("# Returns\n\nReturns are accepted for thirty days.\n")
    (work / "docs" / "b.md").write_text("# Letters\n\nA letter takes two days.\n")
    for name in CANONS:
        shutil.copytree(canon_index(name), work / "home" / "indexes" / name)
    (work / "labels.csv").write_text("id,label\nq1,1\nq4,0\n")
    asked = [
        {"source": "feedback", "thumb": "up", "question": f"how long does parcel {n} take"} for n in range(9)
    ]
    (work / "asked.jsonl").write_text("".join(json.dumps(each) + "\n" for each in asked))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM")
    }
    with OllamaServer() as server, postgres_server() as postgres:
        every = commands(work, gold, postgres.address)
        (work / "commands.json").write_text(json.dumps(every))
        server.script = answer
        done = subprocess.run(
            [sys.executable, "audited_commands.py", str(work)],
            cwd=TESTS,
            env={
                **kept,
                "QUINCUNX_HOME": str(work / "home"),
                "HF_HOME": str(work / "hub"),
                "OLLAMA_HOST": server.url,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (work / "imports.net").read_text() == ""

    def read(place: int, kind: str) -> str:
        return (work / f"{place}.{kind}").read_text()

    return {
        arguments: Run(
            arguments,
            int(read(place, "status")),
            read(place, "out"),
            read(place, "err"),
            read(place, "net").splitlines(),
        )
        for place, arguments in enumerate(every)
    }


def answer(body: dict[str, object]) -> str:
    """Answer as a model of the fake server: a draft, a verdict, or as `promptable` does."""
    prompt = json.dumps(body)
    if "`[[ ## drafts ## ]]`" in prompt:
        return in_markers("drafts", [])
    if "`[[ ## better ## ]]`" in prompt:
        return "[[ ## reason ## ]]\nSo.\n\n[[ ## better ## ]]\nfirst\n\n[[ ## completed ## ]]"
    if "`[[ ## verdict ## ]]`" in prompt:
        return "[[ ## reason ## ]]\nSo.\n\n[[ ## verdict ## ]]\ntrue\n\n[[ ## completed ## ]]"
    return promptable.answer(body)


SERVES = ("serve",)
"""Runs until it is stopped; what it does meanwhile is held by the tests of the service."""


def test_every_command_is_run() -> None:
    named = {(name,) for name in COMMANDS} | {
        (group, name) for group, (_, members) in GROUPS.items() for name in members
    }
    run = {
        arguments[: 1 if arguments[0] in COMMANDS else 2] for arguments in commands(Path(), "gold", "store")
    }
    assert run == named - {SERVES}


def test_every_command_does_its_work(runs: dict[tuple[str, ...], Run]) -> None:
    failed = {
        run.arguments: (run.status, run.err) for run in runs.values() if run.status not in expected(run)
    }
    assert failed == {}


def expected(run: Run) -> set[int]:
    return {0, 1, 3} if run.arguments[1:2] in (("gate",), ("check",), ("accept",)) else {0}


def test_no_command_asks_for_an_address_but_this_machines(runs: dict[tuple[str, ...], Run]) -> None:
    asked = {
        run.arguments: [line for line in run.asked if not LOOPBACK.search(line)] for run in runs.values()
    }
    assert {arguments: lines for arguments, lines in asked.items() if lines} == {}
    # The hook does see what is asked for.
    assert any(run.asked for run in runs.values() if run.arguments[0] == "pull")


def test_no_library_writes_to_stderr(runs: dict[tuple[str, ...], Run]) -> None:
    noisy = {run.arguments: run.err for run in runs.values() if any(sign in run.err for sign in OF_LIBRARIES)}
    assert noisy == {}
    silent = [run for run in runs.values() if run.arguments[0] in ("ask", "search", "programs", "mcp")]
    assert [run.err for run in silent] == [""] * len(silent)
