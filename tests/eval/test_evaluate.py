"""Evaluating from Python: what the functions return, what they take, and that their examples run."""

from __future__ import annotations

from pathlib import Path

import pytest
from gold_sets import hashing_profile, write_gold

import quincunx
from quincunx.eval.compare import compare
from quincunx.eval.evaluate import evaluate_answers, evaluate_retrieval
from quincunx.eval.gate import gate
from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.results import open_run
from quincunx.eval.runs.ledger import Row
from quincunx.retrieval.errors import GoldSetError, RunMismatchError, UnknownRunError, UsageError
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.settings import SearchSettings


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold")


def test_retrieval_is_measured_in_one_call_and_the_same_call_goes_on(gold: Path, home: Path) -> None:
    rows: list[Row | None] = []
    with evaluate_retrieval(gold, profile=hashing_profile()) as run:
        assert run.folder.parent == home / "runs"
        assert list(run.means()) == ["recall@5", "mrr@5", "ndcg@5", "hit@5", "map", "recall@20"]
        mean = run.means()["recall@5"]
        assert run.headline() == f"recall@5 {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}], n=8, 0 failed"
        assert (run.folder / "report.json").is_file()
        assert "<html" in run.write_page().read_text()
        # The run holds no lock: another call may go on with it while it is read.
        again = evaluate_retrieval(
            gold, profile=hashing_profile(), watch=lambda done, total, row: rows.append(row)
        )
    assert rows == [None]
    assert again.name == run.name
    with pytest.raises(RunMismatchError, match=r"search\.n"):
        evaluate_retrieval(gold, profile=hashing_profile(), settings=SearchSettings(n=3), out=again.folder)
    assert evaluate_retrieval(gold, profile=hashing_profile(), fork=True).name == f"{run.name}-2"


def test_a_part_of_a_gold_set_is_measured_as_well(gold: Path, home: Path) -> None:
    whole = read_gold_set(gold)
    part = type(whole)(**{**vars(whole), "questions": {"q1": whole.questions["q1"]}})
    assert list(evaluate_retrieval(part, profile=hashing_profile()).rows()) == ["q1"]


def test_answers_of_a_program_by_name_by_folder_and_loaded(gold: Path, home: Path, tmp_path: Path) -> None:
    by_name = evaluate_answers("chat_bridge", gold, lm="extractive")
    assert by_name.primary == "reference_stated"
    assert by_name.headline().startswith("answered rightly ")
    assert {"recall@5", "citation_recall", "overlap"} <= by_name.means().keys()
    build_index("mine", [gold])
    loaded = quincunx.load("chat_bridge", index="mine", settings=SearchSettings(n=3))
    loaded.save(tmp_path / "saved")
    saved = evaluate_answers(tmp_path / "saved", gold, lm="extractive")
    assert saved.header["search"]["n"] == 3
    own = evaluate_answers(loaded, gold, lm="extractive")
    assert (own.header["index"]["name"], own.header["search"]["n"]) == ("mine", 3)
    assert own.rows().keys() == by_name.rows().keys()
    assert loaded.predict.lm is None
    repeated = evaluate_answers(loaded, gold, lm="extractive", repeat=1)
    assert repeated.name != own.name
    assert repeated.means() == own.means()


def test_a_loaded_program_is_measured_as_it_is(gold: Path, home: Path) -> None:
    for name in ("mine", "yours"):
        build_index(name, [gold])
    loaded = quincunx.load("chat_bridge", index="mine")
    with pytest.raises(UsageError, match="leave out index, settings, or pass the program's name"):
        evaluate_answers(loaded, gold, index="yours", settings=SearchSettings())
    with pytest.raises(UsageError, match="2 indexes"):
        evaluate_answers(quincunx.load("chat_bridge", index=["mine", "yours"]), gold)


def test_runs_are_compared_and_gated_open_by_name_and_by_folder(gold: Path, home: Path) -> None:
    a = evaluate_retrieval(gold, profile=hashing_profile(), settings=SearchSettings(rerank=False))
    b = evaluate_retrieval(gold, profile=hashing_profile())
    found = compare(a, b)
    assert (found.a, found.b) == (a.name, b.name)
    assert compare(a.name, b.folder) == found
    (one,) = compare(a, b, ["mrr@5"]).measures
    assert str(one).startswith(f"mrr@5 {a.means()['mrr@5'].mean:.3f} → {b.means()['mrr@5'].mean:.3f}, ")
    assert gate(b.name, b.folder, "mrr@5") == gate(b, b, "mrr@5")
    with pytest.raises(UnknownRunError):
        compare(a, "none")
    with open_run(a.name) as opened:
        assert opened.means() == a.means()


def test_a_canon_is_known_by_its_name(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_gold_set("builddaily", "dev").questions
    with pytest.raises(GoldSetError, match="builddaily, paiddaily, sagedaily"):
        read_gold_set("daily")
    # A folder of that name comes first.
    monkeypatch.chdir(tmp_path)
    write_gold(tmp_path / "builddaily")
    assert "q0" in read_gold_set("builddaily").questions


def test_a_run_is_opened_by_a_bare_folder_name_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gold = write_gold(tmp_path / "gold")
    with evaluate_retrieval(gold, profile=hashing_profile(), out=Path("kept")) as run:
        means = run.means()
    with open_run("kept") as again:
        assert again.means() == means
