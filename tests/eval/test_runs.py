"""What a run's ledger promises.

1. A row is committed before it counts; killed at any statement, the same command ends with the same report, byte for
   byte, and has repeated at most ``workers`` examples.
2. Another configuration is refused with what differs, unless it is forked.
3. Failures are rows of their own: in no mean, beside every mean, and a gate with too many of them judges nothing.
4. Asked too much, all workers pause and go on; an interrupt loses nothing that was committed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import TORTURE
from gold_sets import hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.compare import compare
from quincunx.eval.gate import gate
from quincunx.eval.goldsets.goldset import GoldQuestion, read_gold_set
from quincunx.eval.report.summary import Summary, report_of, write_page, write_run_report
from quincunx.eval.results import open_run
from quincunx.eval.runs.folder import run_name
from quincunx.eval.runs.ledger import Row, RunLedger
from quincunx.eval.runs.retrieval_run import RetrievalSetup, run_retrieval
from quincunx.eval.runs.runner import ExampleResult, run_examples
from quincunx.eval.testing import require_gate
from quincunx.retrieval.errors import (
    BoundError,
    OllamaBusyError,
    RunError,
    RunMismatchError,
    StorageError,
    UnknownRunError,
    UsageError,
    WriterBusyError,
)
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import NAME


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold")


def searched(gold: Path, **settings: Any) -> RetrievalSetup:
    return RetrievalSetup(read_gold_set(gold), hashing_profile(), SearchSettings(**settings))


@pytest.mark.torture
@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_killed_at_any_statement_goes_on_to_the_same_report(
    gold: Path, tmp_path: Path, workers: int
) -> None:
    """Every statement of the ledger, or a sample of them."""
    worker = Path(__file__).parents[1] / "run_worker.py"
    step = 1 if TORTURE else 17
    done = subprocess.run(
        [sys.executable, str(worker), str(gold), str(tmp_path / "home"), str(workers), str(step)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    if TORTURE:
        sys.stderr.write(f"\nkills of a run, {workers} workers: {seen}\n")
    assert seen["points"] >= (60 if TORTURE else 4)
    assert seen["identical"]
    assert seen["repeated"] <= workers


def test_the_same_call_goes_on_and_finds_nothing_left_to_do(gold: Path, home: Path) -> None:
    seen: list[tuple[int, int]] = []

    def watch(done: int, total: int, row: Row | None) -> None:
        seen.append((done, total))

    with run_retrieval(searched(gold), watch=watch) as run:
        assert seen == [(done, 8) for done in range(9)]
        name = run.name
    seen.clear()
    with run_retrieval(searched(gold), watch=watch) as again:
        assert again.name == name
        assert seen == [(8, 8)]
    with open_run(name) as opened:
        assert len(opened.rows()) == 8


def test_another_configuration_is_refused_with_what_differs_unless_forked(
    gold: Path, tmp_path: Path, home: Path
) -> None:
    out = tmp_path / "run"
    run_retrieval(searched(gold), out=out).close()
    with pytest.raises(RunMismatchError, match=r"search\.k: 20 → 10.*fork it"):
        run_retrieval(searched(gold, k=10), out=out)
    with run_retrieval(searched(gold, k=10), out=out, fork=True) as forked:
        assert forked.folder == tmp_path / "run-2"
        assert forked.header["forked_from"] == "run"
    corpus = gold / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("It is cheap", "It is dear"))
    with pytest.raises(RunMismatchError, match=r"data\.questions: .*index\.snapshot: "):
        run_retrieval(searched(gold), out=out)


def test_one_process_writes_a_run_at_a_time(gold: Path, tmp_path: Path, home: Path) -> None:
    with run_retrieval(searched(gold), out=tmp_path / "run"):
        with pytest.raises(WriterBusyError, match="another process is writing this run"):
            run_retrieval(searched(gold), out=tmp_path / "run")
        with open_run(tmp_path / "run") as reader:
            assert len(reader.rows()) == 8


def test_what_is_no_run_is_one_typed_error(tmp_path: Path, home: Path) -> None:
    with pytest.raises(UnknownRunError, match="unknown run 'nope'; known: none yet"):
        open_run("nope")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "header.json").write_text('{"schema": 99}')
    with pytest.raises(RunError, match="no header of schema 1"):
        open_run(folder)
    (folder / "header.json").write_text("no json")
    with pytest.raises(RunError, match="cannot be read"):
        open_run(folder)


def made(folder: Path, n: int = 40) -> RunLedger:
    questions = [GoldQuestion(f"q{i}", f"question {i}", {}, gold={f"d{i}": 1}) for i in range(n)]
    header = {
        "kind": "retrieval",
        "seed": 0,
        "search": {"k": 20, "n": 5},
        "data": {"name": "x", "split": "test"},
    }
    return RunLedger.begin(folder, header, questions)


def found(question: GoldQuestion, rank: int | None) -> dict[str, Any]:
    ids = [f"e{i}" for i in range(20)]
    if rank is not None:
        ids.insert(rank - 1, next(iter(question.gold)))
    ranks = [
        dict.fromkeys(("dense_rank", "lexical_rank", "fused_rank", "rerank_rank", "final_rank"), r)
        for r in range(1, 21)
    ]
    candidates = [{"id": id, **rank} for id, rank in zip(ids, ranks, strict=False)]
    return {
        "searched": [question.text], "generations": {}, "dense": ids[:20], "lexical": ids[:20], "candidates": candidates,
        "notes": [], "held": {u: [u] for u in question.gold}, "absent": [],
    }  # fmt: skip


def passages_of(record: dict[str, Any]) -> list[Any]:
    from quincunx.retrieval.passages import Passage

    ids = {*record["dense"], *(unit for held in record["held"].values() for unit in held)}
    return [Passage(id, id, "", id, 0, len(id)) for id in ids]


def fill(run: RunLedger, rank: Any, fails: Any = lambda i: False) -> RunLedger:
    """Run examples whose gold stands at a rank that depends on their number, some of which fail."""

    def work(question: GoldQuestion) -> ExampleResult:
        number = int(question.id[1:])
        if fails(number):
            raise StorageError("the disk is full")
        record = found(question, rank(number))
        return ExampleResult(record, {"embed": 0.1}, passages_of(record))

    run_examples(run, work)
    return run


def full_header(run: RunLedger) -> None:
    run.header |= {
        "begun": "now", "commit": None, "quincunx": "0", "index": {"name": "i", "passages": 1},
        "models": {"profile": "p", "embedder": {"model": "m"}, "reranker": None},
    }  # fmt: skip
    run.header["data"]["questions"] = "0" * 64


def test_failures_are_beside_every_mean_and_in_none(tmp_path: Path) -> None:
    run = fill(made(tmp_path / "run"), lambda i: 1, fails=lambda i: i % 10 == 0)
    full_header(run)
    summary = Summary(run)
    assert (summary.counts.attempted, summary.counts.scored, summary.counts.failed) == (40, 36, 4)
    page = report_of(summary)
    assert all(cell.failed == 4 and cell.n == 36 and cell.mean == 1.0 for cell in page.table[-1].cells[:2])
    assert page.notes[0] == "4 of 40 questions failed; they are in no mean."
    assert {q.error_code for q in page.questions if q.status == "failed"} == {"storage_failed"}
    report = json.loads(write_run_report(run).read_text())
    assert set(report["failures"]) == {"q0", "q10", "q20", "q30"}
    whole = fill(made(tmp_path / "whole"), lambda i: 1)
    judged = gate(run, whole, "recall@5")
    assert (judged.verdict, judged.exit_status) == ("too many failures", 4)
    assert "4 of 40 examples of run failed" in judged.reason
    assert gate(run, whole, "recall@5", max_failed=0.1).verdict == "holds"


def test_a_gate_fails_only_on_what_is_certain_and_large_enough(tmp_path: Path, home: Path) -> None:
    good = fill(made(home / "runs" / "good"), lambda i: 1)
    bad = fill(made(home / "runs" / "bad"), lambda i: 1 if i % 4 else None)
    slightly = fill(made(home / "runs" / "slightly"), lambda i: 1 if i else None)
    for run in (good, bad, slightly):
        run.close()
    with open_run("good") as a, open_run("bad") as b, open_run("slightly") as c:
        assert (gate(b, a, "recall@5").verdict, gate(b, a, "recall@5").exit_status) == ("worse", 1)
        assert gate(a, b, "recall@5").verdict == "holds"
        assert gate(a, a, "recall@5", min_effect=0.02).exit_status == 0
        unsure = gate(c, a, "recall@5", min_effect=0.02)
        assert (unsure.verdict, unsure.exit_status) == ("cannot tell", 3)
        assert "fewer than 6" in unsure.reason
        assert gate(b, a, "recall@5", min_effect=0.5).verdict == "holds"
        with pytest.raises(BoundError, match="min_effect must be from 0 to 1"):
            gate(a, b, "recall@5", min_effect=5)
        with pytest.raises(UsageError, match="'nope' is not in both runs; known: recall@5"):
            gate(a, b, "nope")
    assert require_gate("good", against="bad", measure="mrr@5").verdict == "holds"
    with pytest.raises(AssertionError, match=r"worse: recall@5 1\.000 → 0\.750"):
        require_gate("bad", against="good", measure="recall@5")
    assert (
        require_gate("slightly", against="good", measure="recall@5", min_effect=0.02).verdict == "cannot tell"
    )


def test_a_comparison_names_missing_failed_and_rejudged_cases_and_the_worst_first(tmp_path: Path) -> None:
    a = fill(made(tmp_path / "a"), lambda i: 1)
    b = fill(made(tmp_path / "b", n=38), lambda i: 1 + i % 3, fails=lambda i: i == 5)
    compared = compare(a, b)
    assert (compared.n, compared.only_a, compared.failed_b) == (37, ("q38", "q39"), ("q5",))
    mrr = next(measured for measured in compared.measures if measured.measure == "mrr@5")
    assert mrr.superscripts == ("b", "")
    assert [delta.b for delta in mrr.worst] == sorted(delta.b for delta in mrr.worst)
    assert mrr.worst[0].b == pytest.approx(1 / 3)
    other = RunLedger.begin(
        tmp_path / "c", a.header | {"x": 1}, [replace(q, gold={"d0": 1}) for q in a.questions()]
    )
    fill(other, lambda i: 1)
    with pytest.raises(UsageError, match="fewer than 2 scored questions with the same gold in common"):
        compare(a, other)


def test_asked_too_much_all_workers_pause_and_the_example_is_tried_again(tmp_path: Path) -> None:
    run, tries, lock = made(tmp_path / "run", n=6), {"q0": 0}, threading.Lock()

    def work(question: GoldQuestion) -> ExampleResult:
        with lock:
            tries[question.id] = tries.get(question.id, 0) + 1
        if question.id == "q0" and tries["q0"] < 3:
            raise OllamaBusyError("busy")
        if question.id == "q1":
            raise OllamaBusyError("busy for ever")
        return ExampleResult({})

    run_examples(run, work, workers=3, retries=3, first_pause_s=0.01)
    assert (tries["q0"], tries["q1"]) == (3, 4)
    assert {id: row.code for id, row in run.rows().items() if row.failed} == {"q1": "ollama_busy"}
    with pytest.raises(BoundError, match="workers"):
        run_examples(run, work, workers=0)


def test_an_interrupt_keeps_what_was_committed(tmp_path: Path) -> None:
    run = made(tmp_path / "run", n=10)

    def work(question: GoldQuestion) -> ExampleResult:
        if question.id == "q4":
            raise KeyboardInterrupt
        return ExampleResult({})

    with pytest.raises(KeyboardInterrupt):
        run_examples(run, work)
    assert set(run.rows()) == {"q0", "q1", "q2", "q3"}
    run_examples(run, lambda question: ExampleResult({}))
    assert len(run.rows()) == 10
    run.forget(["q4"])
    assert len(run.rows()) == 9


@given(st.lists(st.text(max_size=90), max_size=3))
def test_a_run_has_a_name_whatever_its_gold_set_is_called(parts: list[str]) -> None:
    assert NAME.fullmatch(run_name(*parts, unique="0123abcd"))
    assert (
        run_name("retrieval", "my gold set", "test", unique="0123abcd")
        == "retrieval-my-gold-set-test-0123abcd"
    )
    assert (
        run_name("chat_bridge", "tatqa-dev", "all", unique="0123abcd") == "chat_bridge-tatqa-dev-all-0123abcd"
    )


def test_a_run_is_a_page(gold: Path, home: Path, tmp_path: Path) -> None:
    with run_retrieval(searched(gold)) as run:
        write_page(Summary(run), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "in the 20" in text
    assert "gold, split test" in text
