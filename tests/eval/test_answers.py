"""Answers end to end: what is asked, what is kept, and what it is worth.

1. Every question meant for the program is asked, the unanswerable ones too; those are in the 2 × 2 and in no mean.
2. A refusal of a question that can be answered counts as nothing found, not as nothing.
3. Checks are worked out from the rows: nothing is asked again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dspy
import pytest
from five_programs import QUESTIONS, SPECS
from hypothesis import given
from hypothesis import strategies as st
from scripted import in_markers, scripted

from quincunx.eval.compare import compare
from quincunx.eval.goldsets.goldset import GoldQuestion, canon_folder, read_gold_set
from quincunx.eval.metrics.answer_scores import AnswerScores
from quincunx.eval.report.summary import Summary, report_of
from quincunx.eval.results import open_run
from quincunx.eval.runs.answer_run import program_fingerprint, questions_of, run_answers
from quincunx.eval.runs.ledger import RunLedger
from quincunx.eval.runs.retrieval_run import RetrievalSetup
from quincunx.programs.loading import load
from quincunx.programs.measures import f1, overlap
from quincunx.programs.said import output_lines
from quincunx.retrieval.errors import RunMismatchError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.settings import SearchSettings

PAGES = {
    "tea": ("Tea", "Green tea keeps well in a dark tin for about a year."),
    "rain": ("Rain", "Rain water is collected in a barrel below the gutter."),
    "salt": ("Salt", "Salt is harvested from shallow ponds at the end of summer."),
}


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Two questions that can be answered and one that cannot."""
    folder = tmp_path / "gold"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": id, "title": title, "text": text, "metadata": {"kind": "page"}}
        for id, (title, text) in PAGES.items()
    ]
    queries: list[dict[str, Any]] = [
        {
            "_id": "q1",
            "text": "how long does green tea keep",
            "metadata": {"answer": "About a year in a dark tin."},
        },
        {"_id": "q2", "text": "where is rain water collected", "metadata": {"answer": "In a barrel."}},
        {"_id": "q3", "text": "who won the chess game", "metadata": {"answerable": False, "split": "test"}},
    ]
    for name, records in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\ttea\t2\nq2\train\t2\nq2\tsalt\t1\n"
    )
    return folder


def asked(gold: Path, program: str, lm: Any = None, **options: Any) -> RunLedger:
    searched = RetrievalSetup(read_gold_set(gold))
    folder = searched.folder()
    loaded = load(program, index=SearchHandle(folder), lm=lm, cites="quotes")
    return run_answers(loaded, searched, folder, **options)


def citing(id: str, quote: str) -> Any:
    def reply(prompt: str) -> str:
        if "chess" in prompt:
            return in_markers("reply", {"sentences": []})
        claim = {"text": "A dark tin.", "citations": [{"passage_id": id, "quote": quote}]}
        return in_markers("reply", {"sentences": [claim]})

    return reply


def test_all_questions_are_asked_and_each_check_counts_what_it_says(gold: Path, home: Path) -> None:
    lm, engine = scripted(citing("tea", PAGES["tea"][1]))
    with asked(gold, "chat_bridge", lm) as run:
        summary = Summary(run)
    answers = summary.answers
    assert answers is not None
    assert len(engine.prompts) == 3
    assert (answers.refusals.answerable_answered, answers.refusals.unanswerable_refused) == (2, 1)
    assert answers.values["q1"] == pytest.approx(
        {
            "citation_precision": 1,
            "quote_faithfulness": 1,
            "claims_supported": 1,
            "citation_recall": 1,
            "reference_stated": 1,
            "overlap": 2 * 2 / (2 + 6 - 1),
        }
    )
    assert answers.values["q2"]["citation_precision"] == 0
    assert answers.values["q2"]["citation_recall"] == 0
    assert "q3" not in answers.values
    means = {check.name: (check.mean.mean, check.mean.n) for check in answers.checks}
    assert means["citation_recall"] == (0.5, 2)
    assert [step.count for step in summary.steps][-2:] == [1, 1]
    assert summary.steps[-1].name == "reference_stated of 1"
    came_to = {each.name: each.count for each in answers.outcomes}
    assert came_to == {
        "answered rightly": 1,
        "answered wrongly": 1,
        "declined rightly": 1,
        "declined wrongly": 0,
    }
    assert sum(each.share.mean for each in answers.outcomes) == pytest.approx(1)
    page = report_of(summary)
    assert [(each.name, each.value.n) for each in page.outcomes] == [(name, 3) for name in came_to]
    assert page.kind == "answers"
    shown = {question.id: question for question in page.questions}
    assert shown["q1"].answer is not None
    assert shown["q1"].answer.citations[0].quote == PAGES["tea"][1]
    assert {check.name: check.value for check in shown["q1"].answer.checks} == answers.values["q1"]
    assert (shown["q1"].reference, shown["q3"].reference) == ("About a year in a dark tin.", "")
    assert shown["q3"].refused
    [reason] = page.refusal_reasons
    assert (reason.rightly, reason.wrongly) == (1, 0)
    assert reason.reason == "The passages found do not hold an answer to this question."
    assert ("spent", "3 calls of the language model, which told no tokens") in page.facts


def test_a_gold_set_without_references_goes_by_citations_and_says_so(gold: Path, home: Path) -> None:
    lm, _ = scripted(citing("tea", PAGES["tea"][1]))
    with asked(gold, "chat_bridge", lm) as run:
        assert scores_of(run).right_rule == "reference_stated of 1"
    queries = gold / "queries.jsonl"
    questions = [json.loads(line) for line in queries.read_text().splitlines()]
    for question in questions:
        question["metadata"].pop("answer", None)
    queries.write_text("".join(json.dumps(question) + "\n" for question in questions))
    with asked(gold, "chat_bridge", lm) as run:
        answers = scores_of(run)
    assert answers.right_rule == answers.steps[-1].name == "citation_recall of 0.5 or more"
    assert answers.right == ("citation_recall", 0.5)
    assert [each.count for each in answers.outcomes] == [1, 1, 1, 0]


def scores_of(run: RunLedger) -> AnswerScores:
    scores = Summary(run).answers
    assert scores is not None
    return scores


def test_a_refusal_of_what_can_be_answered_is_a_zero_and_not_left_out(gold: Path, home: Path) -> None:
    lm, _ = scripted(lambda prompt: in_markers("reply", {"sentences": []}))
    with asked(gold, "chat_bridge", lm) as run:
        answers = Summary(run).answers
    assert answers is not None
    assert answers.refusals.answerable_refused == 2
    assert [each.count for each in answers.outcomes] == [0, 0, 1, 2]
    assert {check.name: check.mean.n for check in answers.checks} == dict.fromkeys(
        ["citation_recall", "reference_stated", "overlap"], 2
    )
    assert all(check.mean.mean == 0 for check in answers.checks)


def test_runs_of_two_models_are_compared_and_another_program_is_another_run(
    gold: Path, home: Path, tmp_path: Path
) -> None:
    right = asked(gold, "chat_bridge", scripted(citing("tea", PAGES["tea"][1]))[0], out=tmp_path / "right")
    right.close()
    wrong = asked(gold, "chat_bridge", scripted(citing("salt", PAGES["salt"][1]))[0], out=tmp_path / "wrong")
    wrong.close()
    with open_run(tmp_path / "right") as a, open_run(tmp_path / "wrong") as b:
        found = {measured.measure: measured for measured in compare(a, b).measures}
    assert found["citation_recall"].result.losses == 1
    assert found["recall@5"].result.ties == 2
    searched = RetrievalSetup(read_gold_set(gold))
    program = load(
        "chat_bridge",
        index=SearchHandle(searched.folder()),
        lm=scripted(citing("tea", "x"))[0],
        cites="quotes",
    )
    before = program_fingerprint(program)
    program.predict.signature = program.predict.signature.with_instructions("Be brief.")
    assert program_fingerprint(program) != before
    with pytest.raises(RunMismatchError, match="program_state"):
        run_answers(program, searched, searched.folder(), out=tmp_path / "right")


def test_what_a_program_searches_with_and_asks_through_is_in_the_header(gold: Path, home: Path) -> None:
    searched = RetrievalSetup(read_gold_set(gold))
    program = load("chat_bridge", index=SearchHandle(searched.folder()), settings=SearchSettings(k=10, n=3))
    program.adapter = dspy.JSONAdapter()
    with run_answers(program, searched, searched.folder()) as run:
        assert (run.header["search"]["k"], run.header["search"]["n"]) == (10, 3)
        assert (run.header["adapter"], run.header["cites"]) == ("JSONAdapter", "numbers")


def test_answers_in_another_form_are_another_run(gold: Path, home: Path, tmp_path: Path) -> None:
    searched = RetrievalSetup(read_gold_set(gold))
    program = load("chat_bridge", index=SearchHandle(searched.folder()), lm="extractive")
    with run_answers(program, searched, searched.folder(), out=tmp_path / "run") as run:
        assert (run.header["adapter"], run.header["cites"]) == ("CompactAdapter", "numbers")
    program.cites = "quotes"
    with run_answers(program, searched, searched.folder()) as run:
        assert (run.header["adapter"], run.header["cites"]) == ("ChatAdapter", "quotes")
    with pytest.raises(RunMismatchError, match="cites"):
        run_answers(program, searched, searched.folder(), out=tmp_path / "run")


@pytest.mark.parametrize("program", SPECS)
def test_each_program_is_measured_on_its_canon(program: str, home_of_canons: Path) -> None:
    """A few questions of the dev split each, with the extractive engine."""
    canons = {"chat_bridge": "builddaily", "resource_search": "builddaily", "astrology_reading": "sagedaily"}
    canon = canons.get(program, "paiddaily")
    whole = read_gold_set(canon_folder(canon), "dev")
    mine = [q for q in whole.questions.values() if q.program == program]
    few = [q for q in mine if q.answerable][:4] + [q for q in mine if not q.answerable][:1]
    gold = type(whole)(**{**vars(whole), "questions": {q.id: q for q in few}})
    searched = RetrievalSetup(gold, index=canon)
    folder = searched.folder()
    with run_answers(load(program, index=SearchHandle(folder)), searched, folder) as run:
        summary = Summary(run)
    answers = summary.answers
    assert answers is not None
    assert summary.counts.failed == 0
    own = {"ticker_fit": "ticker_f1", "resource_search": "right_first", "catalyst_precedent": "precedent_f1"}
    names = {check.name for check in answers.checks}
    assert {"citation_recall", own.get(program, "overlap")} <= names
    told = answers.refusals
    assert told.answerable_answered + told.answerable_refused == 4
    assert told.unanswerable_answered + told.unanswerable_refused == 1
    assert answers.lm_calls >= 5
    assert QUESTIONS[program]


def test_questions_are_those_meant_for_the_program(gold: Path) -> None:
    assert len(questions_of(read_gold_set(gold), "ticker_fit")) == 3
    canon = read_gold_set(canon_folder("paiddaily"), "all")
    assert {q.program for q in questions_of(canon, "ticker_fit")} == {"ticker_fit"}


def test_overlap_by_hand() -> None:
    """SQuAD's F1: 2 shared of 3 and 4 words, articles and punctuation left out."""
    assert overlap("The dark tin, surely!", "a tin that is dark") == pytest.approx(2 * 2 / (3 + 4))
    assert overlap("", "x") == 0
    assert overlap("An the a", "x") == 0


@given(st.text(max_size=40), st.text(max_size=40))
def test_overlap_is_symmetric_bounded_and_1_for_the_same_words(a: str, b: str) -> None:
    assert overlap(a, b) == overlap(b, a)
    assert 0 <= overlap(a, b) <= 1
    assert overlap(a, a) in (0, 1)


def test_small_pieces() -> None:
    assert f1(["a", "b"], ["b", "c"]) == 0.5
    assert f1([], ["a"]) == 0
    assert GoldQuestion("q", "q", {}, gold={"a": 1, "b": 2, "c": 2}).best == {"b", "c"}
    assert output_lines({"answer": "One.", "sentences": [{"text": "One.", "citations": []}]}) == ["One."]
    assert output_lines(
        {
            "tickers": [
                {"ticker": "AAA", "fit": 0.5, "as_of": "", "reasons": [{"text": "R.", "citations": []}]}
            ]
        }
    ) == [
        "AAA · 0.5",
        "R.",
    ]
