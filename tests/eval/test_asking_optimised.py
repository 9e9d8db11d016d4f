"""A program that a run optimised is asked by the run's folder: it searches what it was optimised on, by name or built."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import promptable
import pytest
from gold_sets import hashing_profile, write_split_gold
from ollama_server import OllamaServer
from optimise_worker import SMALL
from typer.testing import CliRunner

import quincunx
from quincunx.app.cli import app
from quincunx.eval.evaluate import evaluate_answers
from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.optimise.plan import plan_optimization
from quincunx.eval.optimise.run import optimize
from quincunx.programs.artifact.read import read_artifact
from quincunx.retrieval.errors import UnknownIndexError
from quincunx.retrieval.storage.home import DATABASE, saved_index

QUESTION = "Where are ba co du?"


@pytest.fixture(scope="module")
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.script = promptable.answer
        yield running


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_split_gold(tmp_path / "a gold set", "chat_bridge", n=8)


def optimised(gold: Path, server: OllamaServer, out: Path | None) -> Path:
    lm = quincunx.lm("ollama/qwen3", host=server.url, retries=0)
    chosen = SMALL["bootstrap"]
    return optimize("chat_bridge", gold, optimizer=chosen, lm=lm, profile=hashing_profile(), out=out).folder


def asked(program: str, *more: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["ask", program, QUESTION, "--json", *more])
    assert done.exit_code == 0, done.exception
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_program_optimised_without_an_index_of_its_own_is_asked(
    home: Path, tmp_path: Path, gold: Path, server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = optimised(gold, server, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    for program in ("run/program", "run/before", str(run / "program")):
        answer = asked(program)
        (named,) = read_artifact(run / "program").retrieval.indexes
        assert answer["index"] == named.name
        assert answer["candidates"]
    loaded = quincunx.load(run / "program")
    held = {document.id for document in read_gold_set(gold, "all").documents}
    found = loaded.retriever(question=QUESTION).candidates
    assert {candidate.passage.document_id for candidate in found} <= held
    with evaluate_answers(run / "program", gold, lm="extractive", profile=hashing_profile()) as measured:
        assert measured.summary.counts.failed == 0


def test_a_run_of_the_home_folder_is_asked_by_its_name(
    home: Path, tmp_path: Path, gold: Path, server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = optimised(gold, server, None)
    monkeypatch.chdir(tmp_path)
    assert run.parent == home / "runs"
    assert asked(f"{run.name}/program")["program"] == "chat_bridge"


def test_an_index_that_is_named_is_searched_in_its_place(
    home: Path, tmp_path: Path, gold: Path, server: OllamaServer
) -> None:
    run = optimised(gold, server, tmp_path / "run")
    built = ["index", "build", "mine", str(gold), "--profile", hashing_profile()]
    assert CliRunner().invoke(app, built).exit_code == 0
    assert asked(str(run / "program"), "--index", "mine")["index"] == "mine"


def test_where_its_index_was_removed_the_error_names_it(
    home: Path, tmp_path: Path, gold: Path, server: OllamaServer
) -> None:
    run = optimised(gold, server, tmp_path / "run")
    (named,) = read_artifact(run / "program").retrieval.indexes
    shutil.rmtree(home / "gold")
    with pytest.raises(UnknownIndexError, match=named.name.split()[0]):
        quincunx.load(run / "program")


@pytest.mark.parametrize("name", ["", ".", "..", "../gold/x", "/etc", "a/b", "x\0y", "unknown"])
def test_a_name_from_a_saved_program_leads_nowhere_else(home: Path, name: str) -> None:
    (home / "gold" / "x").mkdir(parents=True)
    (home / "gold" / "x" / DATABASE).touch()
    (home / DATABASE).touch()
    with pytest.raises(UnknownIndexError, match="--index NAME"):
        saved_index(name)
    assert saved_index("x") == home / "gold" / "x"


def test_an_index_of_the_same_name_comes_first(home: Path) -> None:
    for kind in ("gold", "indexes"):
        (home / kind / "x").mkdir(parents=True)
        (home / kind / "x" / DATABASE).touch()
    assert saved_index("x") == "x"


def test_a_plan_of_very_few_questions_says_so_in_words(
    home: Path, tmp_path: Path, server: OllamaServer
) -> None:
    gold = write_split_gold(tmp_path / "gold", "chat_bridge", n=3)
    lm = quincunx.lm("ollama/qwen3", host=server.url, retries=0)
    plan = plan_optimization("chat_bridge", gold, lm=lm, profile=hashing_profile(), out=tmp_path / "run")
    assert plan.estimate.detectable == {"dev": None, "test": None}
