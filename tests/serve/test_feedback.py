"""What people say of answers is kept as drafts that `quincunx gold accept` takes over, and never in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_service import running

import quincunx
from quincunx.app.serve.feedback.remembered import AnswerMemory
from quincunx.eval.goldsets.goldset import ALL, canon_folder, read_gold_set
from quincunx.eval.goldsets.propose import accept_drafts
from quincunx.retrieval.errors import GoldSetError

QUESTION = "Which sister site offers a tarot spread?"


@pytest.fixture
def asked(home_of_canons: Path) -> Iterator[httpx.Client]:
    with running(programs=["chat_bridge"], indexes=["builddaily"]) as client:
        yield client


def ask(client: httpx.Client, question: str = QUESTION) -> dict[str, Any]:
    answer: dict[str, Any] = (
        client.post("/v1/ask/chat_bridge", json={"question": question}).raise_for_status().json()
    )
    return answer


def drafts(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "feedback" / "builddaily.jsonl").read_text().splitlines()]


def test_a_thumb_up_becomes_a_question_of_a_gold_set_once_it_is_accepted(
    asked: httpx.Client, home: Path, tmp_path: Path
) -> None:
    answer = ask(asked)
    assert answer["answered"]
    taken = asked.post("/v1/feedback", json={"answer_id": answer["id"], "thumb": "up", "comment": "Thanks"})
    assert taken.status_code == 201
    (draft,) = drafts(home)
    cited = answer["citations"][0]
    assert draft["id"] == taken.json()["id"]
    assert (draft["question"], draft["program"], draft["thumb"]) == (QUESTION, "chat_bridge", "up")
    assert (draft["passage"], draft["quote"]) == (cited["passage_id"], cited["quote"])
    assert (draft["decision"], draft["comment"], draft["answer_id"]) == ("", "Thanks", answer["id"])
    assert draft["answer"]

    file, gold = home / "feedback" / "builddaily.jsonl", canon_folder("builddaily")
    with pytest.raises(GoldSetError, match=r"no draft is accepted \(1 undecided"):
        accept_drafts(file, gold, tmp_path / "new")
    file.write_text(json.dumps({**draft, "decision": "accept"}) + "\n")
    assert accept_drafts(file, gold, tmp_path / "new").added == 1
    question = read_gold_set(tmp_path / "new", ALL).questions[draft["id"]]
    assert (question.text, list(question.gold)) == (QUESTION, [draft["document"]])


def test_a_correction_names_the_right_passages(asked: httpx.Client, home: Path) -> None:
    answer = ask(asked)
    body = {
        "answer_id": answer["id"],
        "thumb": "down",
        "corrected_answer": "Sage Daily does.",
        "right_passages": ["bd-sage-daily-newsletter", "bd-sage-daily"],
    }
    assert asked.post("/v1/feedback", json=body).status_code == 201
    (draft,) = drafts(home)
    assert (draft["answer"], draft["document"]) == ("Sage Daily does.", "bd-sage-daily-newsletter")
    assert draft["passages"] == ["bd-sage-daily-newsletter", "bd-sage-daily"]
    assert draft["quote"]


def test_a_wrong_answer_of_which_no_more_is_said_has_no_document_and_waits(
    asked: httpx.Client, home: Path, tmp_path: Path
) -> None:
    answer = ask(asked)
    assert asked.post("/v1/feedback", json={"answer_id": answer["id"], "thumb": "down"}).status_code == 201
    named = {"program": "chat_bridge", "question": "Who waters the plants?", "thumb": "down"}
    assert asked.post("/v1/feedback", json=named).status_code == 201
    first, second = drafts(home)
    assert (first["document"], second["document"]) == ("", "")
    assert (second["question"], second["answer"]) == ("Who waters the plants?", "")
    file = home / "feedback" / "builddaily.jsonl"
    with pytest.raises(GoldSetError, match=r"no draft is accepted \(2 undecided"):
        accept_drafts(file, canon_folder("builddaily"), tmp_path / "new")
    file.write_text(json.dumps({**first, "decision": "accept"}) + "\n")
    with pytest.raises(GoldSetError, match="document '' is not in"):
        accept_drafts(file, canon_folder("builddaily"), tmp_path / "new")


def test_answers_of_streams_and_batches_have_ids_of_their_own(asked: httpx.Client) -> None:
    stream = asked.post("/v1/ask/chat_bridge", json={"question": QUESTION, "stream": True}).text
    last = json.loads(
        [line for line in stream.splitlines() if line.startswith("data: ")][-1].removeprefix("data: ")
    )
    batch = asked.post("/v1/ask/chat_bridge/batch", json={"questions": [{"question": QUESTION}] * 3}).json()
    ids = [last["answer"]["id"], *(answer["id"] for answer in batch["answers"])]
    assert len(set(ids)) == 4
    for id in ids:
        assert asked.post("/v1/feedback", json={"answer_id": id, "thumb": "up"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"thumb": "up"}, 400, "bad_usage"),
        ({"thumb": "up", "program": "chat_bridge", "question": " "}, 400, "bad_usage"),
        ({"thumb": "up", "program": "nobody", "question": "x"}, 404, "unknown_program"),
        ({"thumb": "up", "answer_id": "none"}, 404, "unknown_answer"),
        ({"thumb": "sideways", "answer_id": "none"}, 422, "bad_request"),
        ({"thumb": "up", "answer_id": "none", "comment": "x" * 4001}, 422, "bad_request"),
        (
            {"thumb": "up", "program": "chat_bridge", "question": "x", "right_passages": ["none"]},
            404,
            "unknown_passage",
        ),
    ],
)
def test_feedback_about_nothing_is_refused(
    asked: httpx.Client, home: Path, body: dict[str, Any], status: int, code: str
) -> None:
    response = asked.post("/v1/feedback", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not (home / "feedback").exists()


def test_nothing_of_it_stands_in_the_log(asked: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        body = {
            "program": "chat_bridge",
            "question": "Whatisthesecretword?",
            "thumb": "up",
            "comment": "thesecretnote",
        }
        assert asked.post("/v1/feedback", json=body).status_code == 201
        assert asked.post("/v1/feedback", json={**body, "thumb": "thesecretthumb"}).status_code == 422
    assert "secret" not in repr([vars(record) for record in caplog.records])


def test_only_the_last_answers_are_remembered(canons: Path) -> None:
    answer = quincunx.load("chat_bridge", lm="extractive")(question=QUESTION)
    memory = AnswerMemory(answers=3, characters=30_000)
    for number in range(5):
        memory.keep(str(number), answer, ("builddaily",))
    assert [memory.find(str(number)) is not None for number in range(5)] == [False, False, True, True, True]
    memory.find("2")
    answer.question = "x" * 25_000
    memory.keep("long", answer, ("builddaily",))
    assert memory.find("long") is not None
    assert len(memory) == 1
    answer.question = "x" * 40_000
    memory.keep("longer", answer, ("builddaily",))
    assert memory.find("longer") is None
