"""Artifacts: what is saved comes back the same, or is refused by name.

1. A program that an artifact is applied to makes the prompts of the program that was saved, byte for byte.
2. An artifact made for other fields or another embedder is refused by name, and nothing is changed.
3. A reader, or a kill at any moment of a save, finds the old artifact or the new one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from compiled_programs import (
    Frozen,
    Reply,
    compiled,
    dumped,
    file_of,
    given,
    of,
    prompts,
    splitting,
    state,
    tiny_index,
)
from conftest import TORTURE
from five_programs import SPECS
from parts import Hashing

from quincunx.programs.artifact import save as saving
from quincunx.programs.artifact import schema as artifact_schema
from quincunx.programs.artifact.diff import describe_artifact, diff_artifacts
from quincunx.programs.artifact.read import MANIFEST, artifact_folder, named_artifacts, read_artifact
from quincunx.programs.artifact.save import apply_artifact, save_program, search_settings
from quincunx.programs.artifact.schema import Score, SearchRecord
from quincunx.programs.loading import load
from quincunx.retrieval.errors import ArtifactError, ArtifactMismatchError, BadNameError, StorageError
from quincunx.retrieval.filter_text import parse_filter
from quincunx.retrieval.index.build import build
from quincunx.retrieval.passages import Document
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import index_folder
from quincunx.signatures.evidence import Claim, Evidence

FROZEN = Path(__file__).parent


@pytest.fixture
def tiny(home: Path) -> str:
    """An index of two documents by a model that costs nothing."""
    return tiny_index()


# 1. The same prompts


APPLY = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from compiled_programs import prompts
from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.loading import load
from quincunx.programs.artifact.save import apply_artifact
made = {{}}
for name, inputs in json.loads(sys.stdin.read()).items():
    program = load(name, index="tiny")
    apply_artifact(program, read_artifact(Path(sys.argv[1]) / name))
    made[name] = prompts(program, inputs)
sys.stdout.write(json.dumps(made))
"""


def test_all_five_programs_make_the_same_prompts_in_a_fresh_process(tiny: str, tmp_path: Path) -> None:
    inputs, expected = {}, {}
    for name in SPECS:
        program = compiled(load(name, index=tiny))
        save_program(program, tmp_path / name)
        inputs[name] = given(program)
        expected[name] = prompts(program, inputs[name])
        assert expected[name] != prompts(load(name, index=tiny), inputs[name])
    done = subprocess.run(
        [sys.executable, "-c", APPLY, str(tmp_path)],
        input=json.dumps(inputs),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == expected


def test_a_program_that_was_loaded_saves_as_the_same_bytes(tiny: str, tmp_path: Path) -> None:
    save_program(compiled(load("chat_bridge", index=tiny)), tmp_path / "a")
    again = load("chat_bridge", index=tiny)
    apply_artifact(again, read_artifact(tmp_path / "a"))
    save_program(again, tmp_path / "b")
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_demos_come_back_as_values_of_their_types(tiny: str, tmp_path: Path) -> None:
    program = compiled(load("chat_bridge", index=tiny))
    fresh = load("chat_bridge", index=tiny)
    apply_artifact(fresh, read_artifact(save_program(program, tmp_path / "p")))
    before, after = program.predict.demos[0], fresh.predict.demos[0]
    assert [dict(passage) for passage in after["passages"]] == [
        {**dict(passage), "start": 0, "head": 0, "parts": (), "names": (), "path": ""}
        for passage in before["passages"]
    ]  # where they stand in a document is no part of a prompt
    assert isinstance(after["passages"][0], Evidence)
    assert after["reply"] == before["reply"]
    assert "augmented" not in after


def test_no_language_model_endpoint_or_key_is_saved(tiny: str, tmp_path: Path) -> None:
    program = compiled(load("chat_bridge", index=tiny))
    program.set_lm(dspy.LM("openai/private-model", api_key="sk-secret", api_base="http://private.example"))
    program.predict.config = {"temperature": 0.3, "extra_headers": {"Authorization": "secret"}}
    program.predict.traces = ["private-trace"]
    save_program(program, tmp_path / "p")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "p").iterdir())
    for private in (b"private", b"secret", b"api_", b"temperature", b"config", b'"lm"', b"traces"):
        assert private not in everything
    fresh = load("chat_bridge", index=tiny)
    apply_artifact(fresh, read_artifact(tmp_path / "p"))
    assert (fresh.predict.lm, fresh.predict.config) == (None, {})


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object(), "\ud800", "a text where a model is due"])
def test_a_demo_that_would_not_come_back_the_same_is_not_saved(
    tiny: str, tmp_path: Path, value: object
) -> None:
    program = compiled(load("chat_bridge", index=tiny))
    program.predict.demos[0]["reply"] = value
    with pytest.raises(ArtifactError, match="predict"):
        save_program(program, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_what_was_measured_and_searched_comes_back(tiny: str, tmp_path: Path) -> None:
    settings = SearchSettings(
        k=30, n=4, where=parse_filter("site=builddaily"), collapse=0.95, final="reranked"
    )
    program = load("chat_bridge", index=tiny, settings=settings)
    scores = [Score(name="recall@5", value=0.9, n=60, low=0.8, high=0.97)]
    with dspy.context(adapter=dspy.JSONAdapter()):
        save_program(
            program, tmp_path / "p", scores=scores, data={"gold": "0" * 64}, notes={"by": ["hand", 1]}
        )
    artifact = read_artifact(tmp_path / "p")
    assert search_settings(artifact) == settings
    assert artifact.adapter == "json"
    assert artifact.scores == tuple(scores)
    assert (artifact.data, artifact.notes) == ({"gold": "0" * 64}, {"by": ["hand", 1]})
    assert artifact.retrieval.embedder == Hashing().identity.as_dict()
    assert [(index.name, index.generation) for index in artifact.retrieval.indexes] == [("tiny", 1)]
    size = artifact.predictors["predict"].prompt
    assert size.estimated_tokens == -(-size.characters // 4) > 0


def test_a_program_that_has_searched_is_saved_with_its_reranker(canons: Path, tmp_path: Path) -> None:
    program = load("chat_bridge")
    program(question="What is Sage?")
    artifact = read_artifact(save_program(program, tmp_path / "p"))
    assert artifact.retrieval.reranker == "maxsim-words(sentence-transformers/all-MiniLM-L6-v2)"
    assert artifact.retrieval.embedder["dims"] == 384
    apply_artifact(program, artifact)
    assert program(question="What is Sage?").answered


def test_the_schema_knows_every_search_setting() -> None:
    assert list(SearchRecord.model_fields) == [field.name for field in fields(SearchSettings)]


# 2. Mismatches


class Reordered(dspy.Signature):
    """Answer from the passages."""

    passages: list[Evidence] = dspy.InputField(desc="the sources")
    question: str = dspy.InputField(desc="what is asked")
    reply: Reply = dspy.OutputField(desc="the answer")


class Renamed(dspy.Signature):
    """Answer from the passages."""

    query: str = dspy.InputField(desc="what is asked")
    passages: list[Evidence] = dspy.InputField(desc="the sources")
    reply: Reply = dspy.OutputField(desc="the answer")


class Retyped(dspy.Signature):
    """Answer from the passages."""

    question: str = dspy.InputField(desc="what is asked")
    passages: list[str] = dspy.InputField(desc="the sources")
    reply: Claim = dspy.OutputField(desc="the answer")


class Grown(dspy.Signature):
    """Answer from the passages."""

    question: str = dspy.InputField(desc="what is asked")
    tone: str | None = dspy.InputField(desc="how", default=None)
    passages: list[Evidence] = dspy.InputField(desc="the sources")
    reply: Reply = dspy.OutputField(desc="the answer")


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (Reordered, ["predict: order was question, passages, reply, is passages, question, reply"]),
        (Renamed, ["predict: removed since: input question", "predict: added since: input query"]),
        (
            Retyped,
            ["passages was list[Evidence{", "is list[str]", "reply was Reply{", "is Claim{text: str"],
        ),
        (Grown, ["predict: added since: input tone"]),
    ],
)
def test_other_fields_are_refused_by_name(
    tiny: str, tmp_path: Path, signature: type[dspy.Signature], words: list[str]
) -> None:
    artifact = read_artifact(save_program(of(Frozen), tmp_path / "p"))
    program = of(signature)
    before = state(program)
    with pytest.raises(ArtifactMismatchError) as caught:
        apply_artifact(program, artifact)
    for part in words:
        assert part in str(caught.value)
    assert state(program) == before


def test_predictors_that_came_or_went_are_refused_by_name(tiny: str, tmp_path: Path) -> None:
    two = of(Frozen)
    two.rewrite = dspy.Predict("question -> better")
    artifact = read_artifact(save_program(two, tmp_path / "two"))
    assert set(artifact.predictors) == {"predict", "rewrite"}
    with pytest.raises(ArtifactMismatchError, match="predictor rewrite is gone"):
        apply_artifact(of(Frozen), artifact)
    with pytest.raises(ArtifactMismatchError, match="predictor rewrite is new"):
        apply_artifact(two, read_artifact(save_program(of(Frozen), tmp_path / "one")))


def test_a_predictor_that_an_optimiser_froze_is_saved_too(tiny: str, tmp_path: Path) -> None:
    program = of(Frozen)
    program.inner = dspy.ChainOfThought("question -> better")
    program.inner._compiled = True
    assert set(read_artifact(save_program(program, tmp_path / "p")).predictors) == {
        "predict",
        "inner.predict",
    }


def test_another_embedder_is_refused_unless_allowed(tiny: str, tmp_path: Path) -> None:
    artifact = read_artifact(save_program(compiled(of(Frozen)), tmp_path / "p"))
    build(index_folder("other"), [Document("a", "A", "Text a.")], Hashing("another"))
    program = of(Frozen, "other")
    before = state(program)
    with pytest.raises(ArtifactMismatchError, match="index 'other': model: 'hashing' != 'another'"):
        apply_artifact(program, artifact)
    assert state(program) == before
    apply_artifact(program, artifact, allow_other_index=True)
    assert len(program.predict.demos) == 3


def test_another_program_or_dspy_is_refused(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = read_artifact(save_program(of(Frozen), tmp_path / "p"))
    with pytest.raises(ArtifactMismatchError, match="of program chat_bridge, not of ticker_fit"):
        apply_artifact(load("ticker_fit", index=tiny), artifact)
    for version in ("3.5.0", "3.4.0", "4.0.0rc1"):
        monkeypatch.setattr(dspy, "__version__", version)
        with pytest.raises(ArtifactMismatchError, match=f"installed is {version}"):
            apply_artifact(of(Frozen), artifact)


def test_all_demos_are_taken_or_none(tiny: str, tmp_path: Path) -> None:
    two = compiled(of(Frozen))
    two.rewrite = dspy.Predict("question -> better")
    valid = json.loads(file_of(save_program(two, tmp_path / "p")).read_bytes())
    valid["predictors"]["rewrite"]["demos"] = [{"question": "q", "better": 5}]
    program = of(Frozen)
    program.rewrite = dspy.Predict("question -> better")
    before = state(program)
    with pytest.raises(ArtifactError, match="rewrite: demo 0: better: Input should be a valid string"):
        apply_artifact(program, read_artifact(dumped(valid)))
    assert state(program) == before


def test_the_frozen_artifact_of_version_1_still_loads(tiny: str) -> None:
    """Never write these files anew: that they are old is the point."""
    artifact = read_artifact(FROZEN / "artifacts_v1" / "chat_bridge")
    program = of(Frozen)
    apply_artifact(program, artifact)
    assert program.predict.signature.instructions == "Answer in one sentence.\n\n    Quote exactly."
    assert (
        program.predict.signature.input_fields["question"].json_schema_extra["desc"] == "what a visitor asks"
    )
    (demo,) = program.predict.demos
    assert demo["reply"].answer == "It reads cards."
    assert demo["passages"][0].about == {"site": "builddaily"}
    assert search_settings(artifact) == replace(
        SearchSettings(),
        name_weight=0.0,  # its searches knew no names
        proximity_weight=0.0,  # nor what stands near what
        k=30,
        where=parse_filter("site=builddaily"),
        fusion="rrf",
        lexical_weight=1.0,
        rerank_weight=1.0,
    )  # what there was when it was saved, not today's defaults
    assert describe_artifact(artifact)["scores"] == [
        {"name": "recall@5", "value": 0.9, "n": 60, "low": 0.8, "high": 0.97}
    ]


def test_the_frozen_artifact_of_version_2_still_loads(tiny: str) -> None:
    """Never write these files anew."""
    artifact = read_artifact(FROZEN / "artifacts_v2" / "ticker_fit")
    program = splitting()
    apply_artifact(program, artifact)
    assert artifact.queries == 3
    assert program.decompose is not None
    assert program.decompose.signature.instructions == "Write one query for each aspect."
    assert [demo["queries"] for demo in program.decompose.demos] == [["tight range", "report soon"]]


def test_a_saved_program_splits_its_questions_as_it_did(canons: Path, tmp_path: Path) -> None:
    program = load("ticker_fit", queries=3)
    program.save(tmp_path / "p")
    assert load(tmp_path / "p").queries == 3
    assert load(tmp_path / "p", queries=1).queries == 1


# 3. Kills and races


class Killed(BaseException):
    """The process ends here."""


def dying(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], int]:
    """Let the process die before its system call of that number; return how many it made."""
    count = 0

    def wrap(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            if count == after:
                raise Killed
            count += 1
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    for owner, name in (
        (os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (Path, "open"), (Path, "glob"),
    ):  # fmt: skip
        wrap(owner, name)
    return lambda: count


@pytest.mark.parametrize("first", [True, False])
def test_a_kill_at_any_step_leaves_the_old_artifact_or_the_new(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    old, new = compiled(of(Frozen), seed=1), compiled(of(Frozen), seed=2)
    both = [read_artifact(save_program(p, tmp_path / name)) for p, name in ((old, "o"), (new, "n"))]
    found = []
    for step in range(100):
        folder = tmp_path / f"{first}-{step}"
        if not first:
            save_program(old, folder)
        with monkeypatch.context() as patch:
            dying(patch, step)
            try:
                save_program(new, folder)
                ended = True
            except Killed:
                ended = False
        try:
            found.append(both.index(read_artifact(folder)))
        except ArtifactError:
            found.append(-1)
        assert read_artifact(save_program(new, folder)) == both[1]
        assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json"]
        if ended:
            break
    assert found == sorted(found)
    assert set(found) == ({-1, 1} if first else {0, 1})
    assert len(found) > 8


def test_readers_beside_writers_get_whole_artifacts(tiny: str, tmp_path: Path) -> None:
    programs = [compiled(of(Frozen), seed=seed) for seed in (1, 2)]
    known = [read_artifact(save_program(p, tmp_path / str(i))) for i, p in enumerate(programs)]
    contents = [artifact_schema.written(artifact) for artifact in known]
    folder = save_program(programs[0], tmp_path / "p")
    done = threading.Event()
    failures: list[BaseException] = []

    def write(turn: int) -> None:
        try:
            while not done.is_set():
                saving._publish(folder, contents[turn])
        except BaseException as error:  # noqa: BLE001 (what a thread raises is told at its end)
            failures.append(error)

    writers = [threading.Thread(target=write, args=(turn,)) for turn in (0, 1)]
    for writer in writers:
        writer.start()
    try:
        found = {known.index(read_artifact(folder)) for _ in range(2000 if TORTURE else 100)}
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert found <= {0, 1}


def test_a_disk_that_refuses_is_one_error_and_the_old_artifact_stays(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_program(of(Frozen), tmp_path / "p")
    before = read_artifact(folder)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="free some space"):
        save_program(compiled(of(Frozen)), folder)
    assert read_artifact(folder) == before


# Names and differences


def test_named_artifacts_lie_in_the_home_folder(tiny: str, home: Path) -> None:
    assert named_artifacts() == []
    for name in ("second", "first-1.0"):
        save_program(of(Frozen), artifact_folder(name))
    (home / "programs" / "empty").mkdir()
    assert named_artifacts() == ["first-1.0", "second"]
    assert artifact_folder("second") == home / "programs" / "second"
    for name in ("", "..", "a/b", "-x", "x" * 65, "é"):
        with pytest.raises(BadNameError, match="among the programs"):
            artifact_folder(name)


def test_a_difference_is_told_in_words(tiny: str, tmp_path: Path) -> None:
    claim = Claim(text="Yes.", citations=[])
    demos = [
        dspy.Example(question=f"Question {i}?", passages=[], reply=Reply(sentences=[claim])) for i in range(3)
    ]
    a, b = of(Frozen), of(Frozen)
    a.predict.demos, b.predict.demos = demos[:2], demos[1:]
    b.predict.signature = b.predict.signature.with_instructions("Answer from the passages.\nBe brief.")
    b.predict.signature = b.predict.signature.with_updated_fields("question", desc="what one asks")
    b.retriever.settings = SearchSettings(k=30)
    score = Score(name="recall@5", value=0.5, n=10, low=0.4, high=0.6)
    first = read_artifact(save_program(a, tmp_path / "a", scores=[score]))
    second = read_artifact(
        save_program(b, tmp_path / "b", scores=[score.model_copy(update={"value": 0.55})], adapter="json")
    )
    assert diff_artifacts(first, first) == []
    said = diff_artifacts(first, second)
    assert said[:5] == [
        "adapter: compact → json",
        "predict: instructions changed",
        "predict: @@ -1 +1,2 @@",
        "predict:  Answer from the passages.",
        "predict: +Be brief.",
    ]
    for line in (
        "predict: field question: desc: what is asked → what one asks",
        "search k: 20 → 30",
        "score recall@5: 0.5 [0.4, 0.6] (n=10) → 0.55 [0.4, 0.6] (n=10)",
    ):
        assert line in said
    assert any(line.startswith("predict: demo removed:") and "Question 0?" in line for line in said)
    assert any(line.startswith("predict: demo added:") and "Question 2?" in line for line in said)


def test_a_description_counts_demos_and_is_json(tiny: str, tmp_path: Path) -> None:
    described = describe_artifact(read_artifact(save_program(compiled(of(Frozen)), tmp_path / "p")))
    assert described["predictors"]["predict"]["demos"] == 3
    assert described["program"] == "chat_bridge"
    assert json.loads(json.dumps(described)) == described
