"""What was saved before there were numbers is asked for quotes, as it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import dspy
import pytest
from compiled_programs import dumped, tiny_index
from scripted import in_markers, scripted
from three_sentences import Fixed

from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.artifact.save import apply_artifact, save_program
from quincunx.programs.loading import load
from quincunx.programs.prompt.citing import CitingAdapter
from quincunx.programs.prompt.compact_adapter import CompactAdapter
from quincunx.programs.prompt.rules import RULES
from quincunx.retrieval.errors import ArtifactError
from quincunx.retrieval.passages import Passage

FIRST = "Answer the visitor in one sentence."


def saved_before(folder: Path, **changes: Any) -> bytes:
    """Return a program as version 2 of artifacts had it, made by hand: rules within the instructions, no ``cites``."""
    path = save_program(load("chat_bridge", index="tiny"), folder)
    (file,) = path.glob("program-*.json")
    record: dict[str, Any] = json.loads(file.read_bytes())
    del record["cites"]
    predict = record["predictors"]["predict"]
    predict["instructions"] = f"{FIRST} {RULES['quotes']}"
    predict["demos"] = [
        {
            "question": "What is a?",
            "passages": [{"id": "a", "title": "A", "text": "Text a is here.", "about": {}}],
            "reply": {
                "sentences": [
                    {"text": "So.", "citations": [{"passage_id": "a", "quote": "Text a is here."}]}
                ],
                "between": [],
            },
        }
    ]
    return dumped({**record, "schema_version": 2, "adapter": "chat", **changes})


@pytest.fixture
def tiny(home: Path) -> str:
    return tiny_index()


def folder_of(data: bytes, folder: Path) -> Path:
    """Lay a program down as version 2 did."""
    digest = hashlib.sha256(data).hexdigest()
    folder.mkdir()
    name = f"program-{digest[:16]}.json"
    (folder / name).write_bytes(data)
    manifest = {"schema_version": 2, "file": name, "sha256": digest, "size": len(data)}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("adapter", ["chat", "json"])
def test_a_program_saved_before_there_were_numbers_is_asked_for_quotes_and_answers(
    tiny: str, tmp_path: Path, adapter: str
) -> None:
    old = folder_of(saved_before(tmp_path / "new", adapter=adapter), tmp_path / "old")
    reply = {
        "sentences": [{"text": "So it is.", "citations": [{"passage_id": "a", "quote": "Text a."}]}],
        "between": [],
    }
    lm, engine = scripted(
        lambda _: json.dumps({"reply": reply}) if adapter == "json" else in_markers("reply", reply)
    )
    program = load(old, lm=lm)
    program.retriever = cast(Any, Fixed([Passage("a", "a", "A", "Text a.", 0, 7, {})]))
    assert program.cites == "quotes"
    assert program.predict.signature.instructions == FIRST
    answer = program(question="What is a?")
    assert (answer.answered, answer.output.answer, len(engine.prompts)) == (True, "So it is.", 1)
    assert [(cited.passage_id, cited.quote, cited.start) for cited in answer.citations] == [
        ("a", "Text a.", 0)
    ]
    form = CitingAdapter(dspy.ChatAdapter(), program.cites)
    system, shown, said, _ = form.format(
        program.predict.signature, program.predict.demos, {"question": "q", "passages": [], "history": []}
    )
    told = " ".join(system["content"].split())
    assert told.count(RULES["quotes"]) == 1
    assert f"{FIRST} {RULES['quotes']}" in told
    assert '"id": "a"' in shown["content"]
    assert '"quote": "Text a is here."' in said["content"]


def test_a_program_saved_before_can_be_asked_for_numbers(tiny: str, tmp_path: Path) -> None:
    old = folder_of(saved_before(tmp_path / "new"), tmp_path / "old")
    program = load(old, cites="numbers")
    assert program.cites == "numbers"
    form = CitingAdapter(CompactAdapter(), program.cites)
    system, shown, said, _ = form.format(
        program.predict.signature, program.predict.demos, {"question": "q", "passages": [], "history": []}
    )
    assert f"{FIRST} {RULES['numbers']}" in system["content"]
    assert RULES["quotes"] not in system["content"]
    assert "P1 A\n[1] Text a is here." in shown["content"]
    assert json.loads(said["content"])["sentences"] == [{"text": "So.", "cites": [1]}]


def test_a_program_saved_before_is_saved_anew_as_it_is_asked(tiny: str, tmp_path: Path) -> None:
    program = load("chat_bridge", index=tiny)
    before = read_artifact(saved_before(tmp_path / "new"))
    apply_artifact(program, before)
    program.cites = before.cites
    after = read_artifact(save_program(program, tmp_path / "again", adapter="chat"))
    assert (after.schema_version, after.cites) == (3, "quotes")
    assert after.predictors["predict"].instructions == FIRST
    again = load("chat_bridge", index=tiny)
    apply_artifact(again, after)
    inputs = {"question": "q", "passages": [], "history": []}
    first, second = (
        CitingAdapter(dspy.ChatAdapter(), "quotes").format(made.predict.signature, made.predict.demos, inputs)
        for made in (program, again)
    )
    assert first == second


def test_a_program_of_version_2_that_says_how_to_cite_is_refused(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cites has no place in schema version 2"):
        read_artifact(saved_before(tmp_path / "new", cites="quotes"))


def test_how_a_program_cites_is_saved_with_it(tiny: str, tmp_path: Path) -> None:
    for cites in RULES:
        program = load("chat_bridge", index=tiny, cites=cites)
        assert load(program.save(tmp_path / cites)).cites == cites
    assert load(tmp_path / "quotes", cites="numbers").cites == "numbers"
