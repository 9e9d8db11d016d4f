"""`quincunx ask` and `quincunx search` of a service show what they show in process, and load no model for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from five_programs import QUESTIONS
from misbehaving_server import Reply, misbehaving

QUESTION = "What is Sage Daily?"
HEAVY = ("dspy", "torch", "faiss", "transformers", "sentence_transformers", "numpy")


@pytest.mark.parametrize("program", QUESTIONS)
@pytest.mark.parametrize("more", [(), ("--explain",)])
def test_an_answer_of_a_service_is_shown_as_one_in_process(
    program: str, more: tuple[str, ...], quincunx: Any, service_address: str, canons: Path
) -> None:
    asked = ("ask", program, QUESTIONS[program], *more)
    served = quincunx(*asked, "--server", service_address)
    assert served.status == 0
    assert served.out == quincunx(*asked).out


@pytest.mark.parametrize("question", ["What is the boiling point of tungsten?", "What is Sage?"])
def test_refusals_and_what_is_asked_back_are_shown_alike(
    question: str, quincunx: Any, service_address: str, canons: Path
) -> None:
    asked = ("ask", "chat_bridge", question)
    assert quincunx(*asked, "--server", service_address).out == quincunx(*asked).out


@pytest.mark.parametrize("more", [(), ("--explain", "-k", "6", "-n", "2"), ("--where", "kind=nothing")])
def test_a_search_of_a_service_is_shown_as_one_in_process(
    more: tuple[str, ...], quincunx: Any, service_address: str, canons: Path
) -> None:
    asked = ("search", "builddaily", "What is Sage Dailly?", *more)
    served, own = quincunx(*asked, "--server", service_address), quincunx(*asked)
    assert (served.status, served.out, served.err) == (own.status, own.out, own.err)


def test_json_is_what_the_service_told(quincunx: Any, service_address: str, canons: Path) -> None:
    found = quincunx("search", "builddaily", QUESTION, "--json", "--server", service_address).json
    assert found == quincunx("search", "builddaily", QUESTION, "--json").json
    answer = quincunx("ask", "chat_bridge", QUESTION, "--json", "--server", service_address).json
    own = quincunx("ask", "chat_bridge", QUESTION, "--json").json
    assert (answer["output"], answer["citations"]) == (own["output"], own["citations"])
    assert answer["id"]


def test_inputs_history_and_seconds_reach_the_service(
    quincunx: Any, service_address: str, canons: Path, tmp_path: Path
) -> None:
    turns = tmp_path / "turns.json"
    turns.write_text(json.dumps([{"question": QUESTION, "answer": "A site."}]))
    asked = ("ask", "chat_bridge", "Who runs it?", "--history", str(turns), "--seconds", "60", "--json")
    assert quincunx(*asked, "--server", service_address).json["searched"] == quincunx(*asked).json["searched"]
    drawn = ("ask", "astrology_reading", "Should I stay?", "--with", "drawn=The Star", "--json")
    assert quincunx(*drawn, "--server", service_address).json["details"] == {"drawn": "The Star"}


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        (("ask", "chat_bridge"), "--lm", ("extractive",)),
        (("ask", "chat_bridge"), "--index", ("builddaily",)),
        (("ask", "chat_bridge"), "--profile", ("embedded",)),
        (("ask", "chat_bridge"), "--queries", ("1",)),
        (("ask", "chat_bridge"), "--trace", ()),
        (("search", "builddaily"), "--profile", ("embedded",)),
        (("search", "builddaily"), "--depth", ("50",)),
    ],
)
def test_an_option_that_a_service_would_not_heed_is_refused_by_name(
    command: tuple[str, str], option: str, values: tuple[str, ...], quincunx: Any
) -> None:
    with misbehaving(Reply(200, {})) as server:
        done = quincunx(*command, QUESTION, option, *values, "--server", server.address)
    assert done.status == 2
    assert option.removeprefix("--") in done.err
    assert not server.requests


@pytest.mark.parametrize("asked", [("ask", "chat_bridge"), ("search", "builddaily")])
def test_what_is_no_service_is_said_to_be_none(asked: tuple[str, str], quincunx: Any) -> None:
    with misbehaving(Reply(200, {"hello": 1})) as server:
        done = quincunx(*asked, QUESTION, "--json", "--server", server.address)
    assert (done.status, done.json["error"]["code"]) == (1, "service_error")


def test_a_key_without_a_service_is_refused(quincunx: Any, canons: Path) -> None:
    done = quincunx("search", "builddaily", QUESTION, "--key", "qx-1")
    assert done.status == 2
    assert "--key is for a service" in done.err


def test_a_key_is_sent_with_the_request(quincunx: Any) -> None:
    problem = {"code": "bad_key", "detail": "this key is not known", "request_id": "r1"}
    with misbehaving(Reply(401, problem)) as server:
        done = quincunx(
            "search", "builddaily", QUESTION, "--server", server.address, "--key", "qx-1", "--json"
        )
    assert (done.status, done.json["error"]["code"]) == (1, "bad_key")
    (_, headers, _) = server.requests[0]
    assert "Bearer qx-1" in headers.values()


def test_errors_of_a_service_end_as_they_do_in_process(
    quincunx: Any, service_address: str, canons: Path
) -> None:
    for asked in (("ask", "chat_bridge", " "), ("ask", "nobody", QUESTION), ("search", "nowhere", QUESTION)):
        served, own = quincunx(*asked, "--server", service_address), quincunx(*asked)
        assert served.status == own.status == 2
        assert served.err.split("]")[0] == own.err.split("]")[0]


def test_the_address_is_read_from_the_environment(
    quincunx: Any, service_address: str, canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_SERVER", service_address)
    assert quincunx("ask", "chat_bridge", QUESTION, "--json").json["id"]


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "chat_bridge", QUESTION),
        ("ask", "chat_bridge", QUESTION, "--json"),
        ("search", "builddaily", QUESTION),
    ],
)
def test_nothing_heavy_is_loaded_to_ask_a_service(command: tuple[str, ...], service_address: str) -> None:
    code = (
        "import sys\nfrom quincunx.app.cli import app\n"
        f"sys.argv = ['quincunx', *{command!r}, '--server', {service_address!r}]\n"
        "try:\n    app()\nfinally:\n"
        f"    print(sorted({set(HEAVY)!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Sage Daily" in done.stdout
    assert done.stderr.strip() == "[]"
