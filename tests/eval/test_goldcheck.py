"""`quincunx gold check`: each fault is found, and a sound set has none."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from quincunx.app.cli import app
from quincunx.eval.goldsets.check import GoldFinding, check_gold_set
from quincunx.eval.goldsets.goldset import ALL, CANONS, canon_folder, read_gold_set
from quincunx.eval.goldsets.manifest import MANIFEST, write_manifest
from quincunx.eval.goldsets.near_duplicates import question_words, shingles, similar_pairs
from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.artifact.schema import Artifact

SAVED = Path(__file__).parents[1] / "programs" / "artifacts_v2" / "ticker_fit"
GOLD = "qrels/test.tsv"


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return Path(shutil.copytree(canon_folder("builddaily"), tmp_path / "gold"))


def add(path: Path, *lines: str | dict[str, Any]) -> None:
    with path.open("a") as out:
        out.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def findings(folder: Path, program: Artifact | None = None) -> list[GoldFinding]:
    """What is wrong apart from the manifest, which is written again so that it agrees."""
    return [finding for finding in check_gold_set(folder, program) if finding.kind != "manifest_mismatch"]


def one(folder: Path, kind: str, program: Artifact | None = None) -> GoldFinding:
    (found,) = findings(folder, program)
    assert found.kind == kind
    return found


def of_split(folder: Path, split: str, *, answerable: bool = True) -> tuple[str, ...]:
    """Ids of the questions of a split that have one gold document, or none."""
    questions = read_gold_set(folder, split).questions.values()
    return tuple(q.id for q in questions if q.answerable == answerable and len(q.gold) == answerable)


@pytest.mark.parametrize("name", CANONS)
def test_the_canons_are_sound(name: str) -> None:
    assert check_gold_set(canon_folder(name)) == []


def test_gold_for_what_is_not_there_is_found(gold: Path) -> None:
    add(gold / GOLD, "nope\tbd-caddy\t1", f"{of_split(gold, 'test')[0]}\tnope\t1")
    question, document = sorted(findings(gold), key=lambda finding: finding.detail, reverse=True)
    assert (question.kind, document.kind) == ("unknown_question", "unknown_document")
    assert f"{GOLD}:" in question.where
    assert f"{GOLD}:" in document.where


def test_an_unanswerable_question_with_gold_is_found(gold: Path) -> None:
    unanswerable = of_split(gold, "test", answerable=False)[0]
    unjudged = {document.id for document in read_gold_set(gold, ALL).documents} - {
        document for question in read_gold_set(gold, ALL).judged for document in question.gold
    }
    add(gold / GOLD, f"{unanswerable}\t{min(unjudged)}\t1")
    assert unanswerable in one(gold, "unanswerable_judged").detail


@pytest.mark.parametrize(("metadata", "severity"), [({"answerable": True}, "error"), ({}, "warning")])
def test_an_answerable_question_without_gold_is_found(gold: Path, metadata: Any, severity: str) -> None:
    add(gold / "queries.jsonl", {"_id": "z", "text": "zzz", "metadata": {**metadata, "split": "test"}})
    assert one(gold, "answerable_without_gold").severity == severity


def test_a_document_that_is_gold_in_two_splits_is_found(gold: Path) -> None:
    train = read_gold_set(gold, "train")
    document = next(iter(train.relevance[of_split(gold, "train")[0]]))
    asked = of_split(gold, "test")[0]
    add(gold / GOLD, f"{asked}\t{document}\t1")
    found = one(gold, "document_in_two_splits")
    assert document in found.detail
    assert f"test ({asked})" in found.detail


def test_a_question_judged_in_another_split_than_its_own_is_found(gold: Path) -> None:
    asked = of_split(gold, "train")[0]
    document = next(iter(read_gold_set(gold, "train").relevance[asked]))
    add(gold / GOLD, f"{asked}\t{document}\t1")
    kinds = {finding.kind for finding in findings(gold)}
    assert kinds == {"question_in_two_splits", "document_in_two_splits"}


def test_a_question_of_no_split_is_found(gold: Path) -> None:
    add(gold / "queries.jsonl", {"_id": "z", "text": "zzz", "metadata": {"answerable": False}})
    assert one(gold, "question_without_split").severity == "warning"


def test_nearly_one_question_in_two_splits_is_found(gold: Path) -> None:
    asked = read_gold_set(gold, "train").questions[of_split(gold, "train")[0]]
    held = {"answerable": False, "split": "test"}
    add(gold / "queries.jsonl", {"_id": "z", "text": f"Please, {asked.text.upper()}?!", "metadata": held})
    assert repr(asked.id) in one(gold, "near_duplicate_questions").detail
    held["split"] = "train"
    lines = (gold / "queries.jsonl").read_text().splitlines()[:-1]
    (gold / "queries.jsonl").write_text("\n".join(lines) + "\n")
    add(gold / "queries.jsonl", {"_id": "z", "text": asked.text, "metadata": held})
    assert findings(gold) == []


def test_turns_before_it_tell_follow_up_questions_apart() -> None:
    about = [[{"question": f"tell me about {what}", "answer": ""}] for what in ("kafka streams", "red wine")]
    words = {str(number): question_words("and how much is it", turns) for number, turns in enumerate(about)}
    assert not list(similar_pairs(words, 0.8))
    assert question_words("how to") != question_words("when to")


def copy_of(folder: Path, document: str) -> None:
    """Add a document under the id ``copy`` that repeats another with one word changed."""
    text = next(d.text for d in read_gold_set(folder, ALL).documents if d.id == document)
    add(folder / "corpus.jsonl", {"_id": "copy", "title": "Copy", "text": text.replace(" is ", " was ", 1)})


def test_a_copy_of_a_gold_document_that_is_not_judged_is_found(gold: Path) -> None:
    document = next(iter(read_gold_set(gold, "test").relevance[of_split(gold, "test")[0]]))
    copy_of(gold, document)
    found = one(gold, "unjudged_duplicate")
    assert found.severity == "warning"
    assert repr(document) in found.detail


def test_gold_of_two_splits_that_is_nearly_one_text_is_found(gold: Path) -> None:
    document = next(iter(read_gold_set(gold, "test").relevance[of_split(gold, "test")[0]]))
    copy_of(gold, document)
    add(gold / "qrels" / "dev.tsv", f"{of_split(gold, 'dev')[0]}\tcopy\t2")
    assert repr(document) in one(gold, "near_duplicate_documents").detail


def test_a_file_that_is_not_the_listed_one_is_found(gold: Path) -> None:
    add(gold / GOLD, "")
    (gold / "qrels" / "extra.tsv").write_text("query-id\tcorpus-id\tscore\n")
    found = {Path(finding.where).name: finding.detail for finding in check_gold_set(gold)}
    assert found.keys() == {"test.tsv", "extra.tsv"}
    assert "sha256 is" in found["test.tsv"]
    assert found["extra.tsv"] == "there, but not listed"
    write_manifest(gold)
    assert check_gold_set(gold) == []
    (gold / MANIFEST).write_text('{"files": 3}')
    assert [finding.kind for finding in check_gold_set(gold)] == ["manifest_mismatch"]
    (gold / MANIFEST).unlink()
    assert [(f.kind, f.severity) for f in check_gold_set(gold)] == [("no_manifest", "warning")]


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", GOLD])
def test_a_file_that_cannot_be_read_is_a_finding(gold: Path, file: str) -> None:
    add(gold / file, "{oops")
    (found,) = check_gold_set(gold)
    assert (found.kind, found.severity) == ("unreadable", "error")
    assert f"{file}:" in found.detail


@pytest.mark.parametrize("name", ["", "corpus.jsonl", "qrels"])
def test_a_set_that_is_not_there_is_a_finding(gold: Path, name: str) -> None:
    shutil.rmtree(gold / name, ignore_errors=True)
    (gold / name).unlink(missing_ok=True)
    assert [finding.kind for finding in check_gold_set(gold)] == ["unreadable"]


def program_with(**demo: Any) -> Artifact:
    """A saved program whose predictor `predict` was shown one demo."""
    artifact = read_artifact(SAVED)
    predict = artifact.predictors["predict"].model_copy(update={"demos": (demo,)})
    return artifact.model_copy(update={"predictors": {**artifact.predictors, "predict": predict}})


def test_a_demo_of_train_holds_nothing_that_is_sealed(gold: Path) -> None:
    train = read_gold_set(gold, "train")
    asked = train.questions[of_split(gold, "train")[0]]
    (document,) = asked.gold
    passages = [{"id": document, "text": next(d.text for d in train.documents if d.id == document)}]
    assert findings(gold, program_with(question=asked.text, passages=passages)) == []


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_demo_that_holds_a_sealed_question_or_its_gold_is_found(gold: Path, split: str) -> None:
    sealed = read_gold_set(gold, split)
    asked = sealed.questions[of_split(gold, split)[0]]
    (document,) = asked.gold
    text = next(d.text for d in sealed.documents if d.id == document)
    assert repr(asked.id) in one(gold, "leaked_question", program_with(question=asked.text)).detail
    read = one(
        gold, "leaked_document", program_with(passages=[{"id": "x", "text": f"Before. {text} After."}])
    )
    assert (read.where, read.severity) == ("predict: demo 0: passages", "warning")
    answered = program_with(reply={"citations": [{"passage_id": document, "quote": "…"}]})
    assert one(gold, "leaked_document", answered).severity == "error"


words = st.frozensets(st.sampled_from("abcdefgh"), max_size=8)


@given(st.lists(words, max_size=12), st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.8, 1.0]))
def test_similar_pairs_are_those_that_a_comparison_of_all_finds(
    sets: list[frozenset[str]], least: float
) -> None:
    named = {f"{number:02}": held for number, held in enumerate(sets)}
    expected = {
        (a, b)
        for a in named
        for b in named
        if a < b and named[a] and named[b] and len(named[a] & named[b]) / len(named[a] | named[b]) >= least
    }
    assert {pair[:2] for pair in similar_pairs(named, least)} == expected


def test_runs_of_words_are_what_documents_are_compared_by() -> None:
    assert shingles("One, two THREE four") == {"one two three", "two three four"}
    assert shingles("One two") == {"one two"}
    assert shingles("…") == frozenset()


def test_the_command_exits_1_on_errors_alone(gold: Path, tmp_path: Path) -> None:
    run = CliRunner()
    sound = run.invoke(app, ["gold", "check", str(gold), "--json"])
    assert (sound.exit_code, json.loads(sound.stdout)["findings"]) == (0, [])
    (gold / MANIFEST).unlink()
    warned = run.invoke(app, ["gold", "check", str(gold)])
    assert (warned.exit_code, "0 errors, 1 warnings" in warned.stdout) == (0, True)
    saved = tmp_path / "saved"
    asked = read_gold_set(gold, "test").questions[of_split(gold, "test")[0]]
    data = program_with(question=asked.text).model_dump_json().encode()
    saved.mkdir()
    sha256 = hashlib.sha256(data).hexdigest()
    file = f"program-{sha256[:16]}.json"
    (saved / file).write_bytes(data)
    manifest = json.loads((SAVED / "MANIFEST.json").read_text())
    manifest |= {"file": file, "sha256": sha256, "size": len(data)}
    (saved / "MANIFEST.json").write_text(json.dumps(manifest))
    leaked = run.invoke(app, ["gold", "check", str(gold), "--program", str(saved), "--json"])
    assert leaked.exit_code == 1
    report = json.loads(leaked.stdout)
    assert (report["errors"], report["warnings"]) == (1, 1)
    assert [finding["kind"] for finding in report["findings"]] == ["leaked_question", "no_manifest"]
    assert report["findings"][0].keys() == {"kind", "where", "detail", "remedy", "severity"}
