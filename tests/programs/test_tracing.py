"""One record for every call, however it ends, with no word of what was asked, found or said unless that is asked for."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Usage
from scripted import in_markers, scripted

import quincunx
from quincunx.programs.trace import CallRecord
from quincunx.retrieval.errors import EmptyQuestionError, ModelOutputError

QUESTION = "What is Sage Daily?"
QUOTE = "Sage Daily is the sister site of Build Daily and gives tarot and transit readings."
STAGES = {"retrieve", "embed", "dense", "lexical", "fuse", "rerank", "asking", "check"}


def reply(prompt: str) -> str:
    claims = [
        {"text": "It gives readings.", "citations": [{"passage_id": "bd-sage-daily", "quote": QUOTE}]},
        {"text": "It is free.", "citations": [{"passage_id": "elsewhere", "quote": "free of charge"}]},
    ]
    return in_markers("reply", {"sentences": claims})


def test_a_call_leaves_one_record_of_what_was_found_said_dropped_and_spent(canons: Path) -> None:
    records: list[CallRecord] = []
    lm, _ = scripted(reply, usage=Usage(input_tokens=90, output_tokens=5))
    answer = quincunx.load("chat_bridge", cites="quotes", lm=lm, on_call=records.append)(question=QUESTION)
    (record,) = records
    assert (record.outcome, record.error, record.engine) == ("answered", None, "scripted/m")
    assert record.generations == {"builddaily": 1}
    assert [c["id"] for c in record.candidates] == [c.passage.id for c in answer.candidates]
    assert record.passages == tuple(passage.id for passage in answer.passages)
    assert record.cited == ("bd-sage-daily",)
    assert [dropped["rule"] for dropped in record.dropped] == ["foreign_id", "no_citation"]
    assert record.usage == answer.usage
    assert set(record.stages) == STAGES
    assert 0 < sum(record.stages[name] for name in ("retrieve", "asking", "check")) <= record.seconds


def test_no_text_is_in_a_record_or_a_log_unless_it_is_asked_for(
    canons: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records: list[CallRecord] = []
    caplog.set_level(logging.DEBUG, "quincunx")
    lm, _ = scripted(reply)
    turns = [{"question": "Sesame question", "answer": "Sesame answer"}]
    program = quincunx.load("chat_bridge", cites="quotes", lm=lm, on_call=records.append)
    program.rephrase = None
    program(question="Sesame sage daily", history=turns)
    plain = json.dumps(records[0].as_dict()) + repr(records[0]) + caplog.text
    assert "sesame" not in plain.lower()
    assert QUOTE not in plain
    assert "It is free." not in plain
    whole = records[0].as_dict(text=True)["text"]
    assert whole["question"] == "Sesame sage daily"
    assert whole["history"] == turns
    assert whole["output"]["answer"] == "It gives readings."
    assert [dropped["where"] for dropped in whole["dropped"]] == ["sentences[1].citations[0]", "sentences[1]"]


def test_failures_refusals_and_cancelled_calls_leave_records_too(canons: Path) -> None:
    records: list[CallRecord] = []
    lm, _ = scripted(lambda _: "no form")
    program = quincunx.load("chat_bridge", cites="quotes", lm=lm, on_call=records.append)
    with pytest.raises(ModelOutputError):
        program(question=QUESTION)
    with pytest.raises(EmptyQuestionError):
        program(question=" ")
    quincunx.load("chat_bridge", on_call=records.append)(question="what is the boiling point of tungsten?")

    async def leave() -> None:
        async for _ in program.stream(QUESTION):
            break
        await asyncio.sleep(0.5)

    asyncio.run(leave())
    assert [(r.outcome, r.error) for r in records[:3]] == [
        ("failed", "bad_model_output"), ("failed", "empty_question"), ("refused", None),
    ]  # fmt: skip
    assert records[0].usage is not None
    assert records[0].usage.lm_calls == 2
    assert records[0].candidates
    assert records[1].candidates == ()


def test_streams_and_copies_report_to_the_same_callback(canons: Path) -> None:
    records: list[CallRecord] = []
    program = quincunx.load("chat_bridge", on_call=records.append)

    async def stream() -> None:
        async for _ in program.stream(QUESTION):
            pass

    asyncio.run(stream())
    copy.deepcopy(program)(question=QUESTION)
    assert [record.outcome for record in records] == ["answered", "answered"]
    assert len({record.id for record in records}) == 2


def test_mlflows_autolog_traces_a_call(canons: Path, tmp_path: Path) -> None:
    mlflow: Any = pytest.importorskip("mlflow", reason="mlflow is not installed")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.dspy.autolog()
    try:
        lm, _ = scripted(reply)
        answer = quincunx.load("chat_bridge", cites="quotes", lm=lm)(question=QUESTION)
        assert answer.answered
        trace = mlflow.get_trace(mlflow.get_last_active_trace_id(), flush=True)
        assert {"GroundedProgram.forward", "Retriever.forward"} <= {span.name for span in trace.data.spans}
        assert trace.info.status == "OK"
    finally:
        mlflow.dspy.autolog(disable=True)
