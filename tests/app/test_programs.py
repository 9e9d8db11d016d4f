"""``quincunx programs …``, and programs of one's own on the command line."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quincunx.programs import registry


def test_saved_programs_are_listed_shown_compared_and_asked(
    quincunx: Any, canons: Path, tmp_path: Path
) -> None:
    import quincunx as package

    program = package.load("chat_bridge")
    program.save(tmp_path / "plain")
    program.predict.signature = program.predict.signature.with_instructions("Answer in one plain sentence.")
    try:
        program.save("terse")
        assert [entry["name"] for entry in quincunx("programs", "list", "--json").json["saved"]] == ["terse"]
        shown = quincunx("programs", "show", "terse", "--json").json
        assert shown["predictors"]["predict"]["instructions"] == "Answer in one plain sentence."
        changes = quincunx("programs", "diff", str(tmp_path / "plain"), "terse").out
        assert "+Answer in one plain sentence." in changes
        asked = quincunx("ask", "terse", "What is Sage?", "--json").json
        assert (asked["program"], asked["answered"]) == ("chat_bridge", True)
        assert quincunx("programs", "show", "nope").status == 2
    finally:
        shutil.rmtree(canons / "programs")


OWN = '''
import dspy
from quincunx.programs.registry import add_program
from quincunx.programs.spec import ProgramSpec
from quincunx.signatures.evidence import Claim, Evidence


class NAME(dspy.Signature):
    """Answer from the handbook."""

    country: str = dspy.InputField()
    question: str = dspy.InputField()
    passages: list[Evidence] = dspy.InputField()
    claims: list[Claim] = dspy.OutputField()


add_program(ProgramSpec("NAME", NAME, example="How many days of leave?"))
'''


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module in the current folder that adds a program of its own name, which is forgotten afterwards."""
    name = "handbook_answer"
    (tmp_path / f"{name}.py").write_text(OWN.replace("NAME", name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    yield name
    registry._added.pop(name, None)
    sys.modules.pop(name, None)


def test_a_program_of_ones_own_is_listed_and_asked(quincunx: Any, canons: Path, own_module: str) -> None:
    assert quincunx("ask", own_module, "What is Sage?", "--index", "builddaily").status == 2
    listed = quincunx("programs", "list", "--program-module", own_module, "--json").json["programs"]
    assert listed[-1] == {
        "name": own_module,
        "saved": False,
        "program": None,
        "index": None,
        "inputs": ["country"],
        "example": "How many days of leave?",
        "error": None,
    }
    asked = quincunx(
        "ask", own_module, "What is Sage?", "--index", "builddaily", "--with", "country=Chile",
        "--program-module", own_module,
    )  # fmt: skip
    assert asked.status == 0
    assert "– Sage is" in asked.out


def test_the_module_may_stand_in_the_environment(
    quincunx: Any, home: Path, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_PROGRAM_MODULE", own_module)
    assert own_module in quincunx("programs", "list").out
    monkeypatch.setenv("QUINCUNX_PROGRAM_MODULE", "no_such_module")
    refused = quincunx("programs", "list", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (2, "bad_program")


def test_the_list_shows_what_each_program_takes_and_names_damaged_ones(quincunx: Any, home: Path) -> None:
    (home / "programs" / "damaged").mkdir(parents=True)
    (home / "programs" / "damaged" / "MANIFEST.json").write_text("{")
    listed = quincunx("programs", "list", "--json").json
    inputs = {entry["name"]: entry["inputs"] for entry in listed["programs"]}
    assert inputs["catalyst_precedent"] == ["market"]
    assert inputs["chat_bridge"] == ["history"]
    (damaged,) = listed["saved"]
    assert (damaged["name"], damaged["saved"]) == ("damaged", True)
    assert damaged["error"]
    assert quincunx("programs", "list").status == 0
