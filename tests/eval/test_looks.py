"""Which questions are asked by default, and how looks at the test questions are counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from gold_sets import hashing_profile, write_gold, write_split_gold
from typer.testing import CliRunner

import quincunx
from quincunx.app.cli import app
from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.results import Run, open_run
from quincunx.eval.runs.look_counter import LOOKS, count_look


@pytest.fixture
def gold(tmp_path: Path, home: Path) -> Path:
    return write_split_gold(tmp_path / "gold", "chat_bridge")


def asked(gold: Path, split: str | None = None, k: int = 20) -> Run:
    settings = quincunx.SearchSettings(k=k)
    with quincunx.evaluate_retrieval(gold, split=split, profile=hashing_profile(), settings=settings) as run:
        return run


def test_dev_is_asked_by_default_and_is_no_look(gold: Path) -> None:
    run = asked(gold)
    assert (run.header["data"]["split"], run.look) == ("dev", None)
    assert not (gold / LOOKS).exists()


@pytest.mark.parametrize(("kept", "wanted"), [(("train", "test"), "test"), (("train",), "all")])
def test_a_set_without_dev_questions_is_asked_its_test_questions_or_all(
    gold: Path, kept: tuple[str, ...], wanted: str
) -> None:
    lines = [json.loads(line) for line in (gold / "queries.jsonl").read_text().splitlines()]
    lines = [line for line in lines if line["metadata"]["split"] in kept]
    (gold / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for path in (gold / "qrels").iterdir():
        if path.stem not in kept:
            path.unlink()
    assert read_gold_set(gold).split == wanted


def test_each_run_at_the_test_questions_is_one_look_that_the_set_itself_keeps(
    gold: Path, tmp_path: Path, home: Path
) -> None:
    assert asked(gold, "test").look == 1
    assert asked(gold, "test").look == 1, "the same run, shown again"
    assert asked(gold, "test", k=30).look == 2
    assert asked(gold, "all").look == 3, "the test questions are among them"
    with quincunx.evaluate_answers(
        "chat_bridge", gold, lm="extractive", split="test", profile=hashing_profile()
    ) as run:
        assert run.look == 4
    moved = shutil.copytree(gold, tmp_path / "moved")
    assert count_look(read_gold_set(moved, "test"), "a choice") == 5
    assert not (home / LOOKS).exists()


def test_looks_are_kept_in_the_home_folder_where_the_set_cannot_be_written(
    gold: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(gold, "test").look == 1
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everything
    assert asked(gold, "test", k=30).look == 2
    assert len((home / LOOKS).read_text().splitlines()) == 1


def test_the_look_is_told_on_the_page_the_terminal_and_in_json(gold: Path) -> None:
    command = ["eval", "retrieval", str(gold), "--profile", hashing_profile(), "--split", "test"]
    told = CliRunner().invoke(app, command)
    assert "look 1 at these test questions" in told.output
    as_json = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert as_json["look"] == 1
    with open_run(Path(as_json["run"])) as run:
        assert "look 1 at them" in run.write_page().read_text()


def test_a_set_of_test_questions_alone_is_asked_them_as_before(tmp_path: Path, home: Path) -> None:
    assert asked(write_gold(tmp_path / "gold")).look == 1
