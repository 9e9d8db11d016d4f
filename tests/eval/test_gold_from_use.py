"""Questions that users asked, as drafts for a gold set, and compared with what the set asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gold_sets import TOPICS, hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.goldsets.asked import ASKED_KINDS, read_asked_questions
from quincunx.eval.goldsets.drafts import read_drafts
from quincunx.eval.goldsets.drift import compare_with_use
from quincunx.eval.goldsets.from_use import collect_drafts
from quincunx.eval.goldsets.goldset import ALL, canon_folder, read_gold_set
from quincunx.eval.goldsets.propose import accept_drafts
from quincunx.eval.runs.retrieval_run import RetrievalSetup
from quincunx.programs.loading import load
from quincunx.programs.trace import CallRecord
from quincunx.retrieval.errors import BoundError, GoldSetError
from quincunx.retrieval.handle import SearchHandle


def call(question: str, outcome: str = "answered", **changed: Any) -> dict[str, Any]:
    """Return a call as the service logs it with its texts."""
    quote = "It is cheap."
    claim = {"text": quote, "citations": [{"passage_id": "d3", "quote": quote}]}
    output = {"answer": quote, "claims": [claim]} if outcome == "answered" else {"answer": "", "claims": []}
    record = {
        "id": f"c-{question}",
        "program": "chat_bridge",
        "outcome": outcome,
        "passages": ["d3"],
        "dropped": [],
        "text": {"question": question, "history": [], "output": output},
    }
    return {"time": "…", "logger": "quincunx.calls", "message": "call", "call": record | changed}


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_gold(tmp_path / "gold")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(
        tmp_path / "log.jsonl",
        [
            {"logger": "quincunx.requests", "message": "request", "status": 200},
            call("what do kettles cost in winter"),
            call("In winter, what do kettles COST?"),  # the same words
            call(f"{TOPICS[0]} number 0"),  # asked by the set
            call("who repairs bicycles", "refused"),
            call("which shop sells lamps", dropped=[{"where": "x", "rule": "flipped"}]),
            call("how are parcels insured"),
            call("never answered", "failed"),
            {"call": {"outcome": "answered", "program": "chat_bridge", "id": "silent"}},
            {
                "source": "feedback",
                "thumb": "down",
                "question": "how are parcels insured",
                "answer_id": "c-how are parcels insured",
                "answer": "By the carrier.",
            },
        ],
    )


def decided(path: Path, decide: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    written(path, [{**line, **decide(line)} for line in lines])


def test_each_question_is_drafted_once_by_what_became_of_it(gold: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "drafts.jsonl"
    found = collect_drafts([log], gold, out)
    assert (found.asked, found.distinct, found.known) == (6, 5, 1)
    assert (found.without_text, found.failed) == (1, 1)
    assert found.drafts == {"thumb down": 1, "declined": 1, "claims dropped": 1, "answered": 1}
    drafts = {draft["kind"]: draft for _, draft in read_drafts(out, read_gold_set(gold, ALL))}
    assert drafts["thumb down"]["question"] == "how are parcels insured"
    assert drafts["thumb down"]["answer"] == "By the carrier."  # as somebody says it should read
    assert drafts["answered"]["asked"] == 2
    assert (drafts["answered"]["document"], drafts["answered"]["quote"]) == ("d3", "It is cheap.")
    assert (drafts["declined"]["answer"], drafts["declined"]["decision"]) == ("", "")
    again = collect_drafts([log], gold, out)
    assert again.drafts == {}
    assert again.known == 5


def test_no_more_of_a_kind_are_drawn_than_were_asked_for(gold: Path, tmp_path: Path) -> None:
    subjects = ["kettles", "parcels", "bicycles", "lamps", "ladders", "engines", "carpets", "violins"]
    log = written(tmp_path / "log", [call(f"what do {subject} cost in winter") for subject in subjects])
    drawn = []
    for seed in (0, 1):
        out = tmp_path / f"{seed}.jsonl"
        assert collect_drafts([log], gold, out, per_kind=3, seed=seed).drafts == {"answered": 3}
        drawn.append(out.read_text())
    assert drawn[0] != drawn[1]
    assert len(set(drawn[0].splitlines())) == 3
    with pytest.raises(BoundError, match="per_kind must be at least 1"):
        collect_drafts([log], gold, tmp_path / "none", per_kind=0)


def test_a_person_makes_them_questions_answerable_or_not(gold: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "drafts.jsonl"
    collect_drafts([log], gold, out)
    decisions = {"answered": "accept", "declined": "unanswerable", "claims dropped": "reject"}
    decided(out, lambda draft: {"decision": decisions.get(draft["kind"], ""), "split": "test"})
    report = accept_drafts(out, gold, tmp_path / "grown")
    assert (report.added, report.left_out) == (2, {"undecided": 1, "rejected": 1, "dropped": 0})
    grown = read_gold_set(tmp_path / "grown", ALL).questions
    new = {question.text: question for id, question in grown.items() if id.startswith("u-")}
    assert new["what do kettles cost in winter"].gold == {"d3": 2}
    unanswerable = new["who repairs bicycles"]
    assert (unanswerable.answerable, unanswerable.gold, unanswerable.split) == (False, {}, "test")
    assert unanswerable.program == "chat_bridge"


def test_a_follow_up_keeps_the_turns_before_it(gold: Path, tmp_path: Path) -> None:
    turns = [{"question": "who sells kettles", "answer": "The corner shop."}]
    record = call("and how much are they")
    record["call"]["text"]["history"] = turns
    out = tmp_path / "drafts.jsonl"
    collect_drafts(
        [written(tmp_path / "log", [record, call("and how much are they", id="alone")])], gold, out
    )
    decided(out, lambda draft: {"decision": "accept"})
    accept_drafts(out, gold, tmp_path / "grown")
    grown = read_gold_set(tmp_path / "grown", ALL).questions.values()
    assert sorted(len(q.history) for q in grown if q.text == "and how much are they") == [0, 1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no question stands in"),
        ([{"outcome": "answered"}], "1 calls without their text"),
        ([{"source": "feedback", "thumb": "up"}], "log-texts"),
    ],
)
def test_logs_without_questions_are_refused(
    gold: Path, tmp_path: Path, lines: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(GoldSetError, match=message):
        collect_drafts([written(tmp_path / "log", lines)], gold, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "log").write_text("no JSON")
    with pytest.raises(GoldSetError, match="log:1: not JSON"):
        collect_drafts([tmp_path / "log"], gold, tmp_path / "out")


def test_what_a_program_tells_its_callbacks_can_be_read(gold: Path, home: Path, tmp_path: Path) -> None:
    setup = RetrievalSetup(read_gold_set(gold), profile=hashing_profile())
    records: list[CallRecord] = []
    index = SearchHandle(setup.folder(), hashing_profile())
    program = load("chat_bridge", index=index, lm="extractive", on_call=records.append)
    question = f"does {TOPICS[2]} number 2 keep well?"
    answer = program(question=question)
    log = written(tmp_path / "records.jsonl", [record.as_dict(text=True) for record in records])
    (asked,) = read_asked_questions([log]).questions
    assert (asked.question, asked.kind, asked.program) == (question, "answered", "chat_bridge")
    assert (asked.passage, asked.quote) == (answer.citations[0].passage_id, answer.citations[0].quote)
    assert answer.citations[0].quote in asked.answer


@given(st.permutations(ASKED_KINDS))
def test_of_several_kinds_the_first_counts(order: list[str]) -> None:
    from quincunx.eval.goldsets.asked import _kind

    record = {"outcome": "refused", "dropped": [{"rule": "flipped"}]}
    assert _kind(record, "thumb down") == "thumb down"
    assert _kind(record, None) == "declined"
    assert _kind({**record, "outcome": "answered"}, None) == "claims dropped"


def test_other_questions_than_the_sets_are_told_from_its_own(home: Path, tmp_path: Path) -> None:
    gold = canon_folder("builddaily")
    own = [q.text for q in read_gold_set(gold, ALL).questions.values()]
    near = compare_with_use([written(tmp_path / "own", [call(text) for text in own[::2]])], gold)
    assert (near.asked, near.differs) == (len(set(own[::2])), False)
    assert near.covered.mean == 1
    assert near.strangest == ()
    readings = read_gold_set(canon_folder("sagedaily"), ALL).questions.values()
    log = written(tmp_path / "other", [call(question.text) for question in readings])
    far = compare_with_use([log], gold)
    assert far.differs
    assert far.p == pytest.approx(0.001)
    assert far.distance > 10 * max(near.distance, 0.001)
    assert far.covered.high < near.covered.low
    assert len(far.strangest) == 10
    assert far.strangest[0].cosine <= far.strangest[-1].cosine
    assert far.kinds == {"answered": far.asked}
    with pytest.raises(BoundError, match="0 users' questions for ticker_fit"):
        compare_with_use([log], gold, program="ticker_fit")


@pytest.mark.parametrize(
    "text", ["words", {"question": 3}, {"question": "q", "history": [3]}, {"question": "q", "history": 3}]
)
def test_a_text_of_another_form_is_a_call_without_its_text(tmp_path: Path, text: Any) -> None:
    odd = call("tea")
    odd["call"]["text"] = text
    found = read_asked_questions([written(tmp_path / "log", [odd, call("coffee")])])
    assert ([q.question for q in found.questions], found.without_text) == (["coffee"], 1)
