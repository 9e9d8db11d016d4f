"""The service answers what a program answers in process, streams it, searches, and tells errors as problems."""

from __future__ import annotations

import http.client
import json
import logging
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from running_service import running
from service_process import wait_until

import quincunx
from quincunx.app.serve.routes.answers import AnswerBody

QUESTION = "What is Sage Daily?"


def ask(service: httpx.Client, program: str = "chat_bridge", **body: Any) -> httpx.Response:
    return service.post(f"/v1/ask/{program}", json={"question": QUESTION, **body})


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_an_answer_is_that_of_the_program_in_process(service: httpx.Client) -> None:
    answer = ask(service).raise_for_status().json()
    own = quincunx.load("chat_bridge", lm="extractive")(question=QUESTION)
    assert answer["output"] == own.record()["output"]
    assert answer["citations"] == own.record()["citations"]
    assert [passage["id"] for passage in answer["passages"]] == [passage.id for passage in own.passages]
    AnswerBody.model_validate(answer, strict=True)


def test_a_stream_tells_stages_and_ends_with_the_same_answer(service: httpx.Client) -> None:
    events = events_of(ask(service, stream=True))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "status"
    assert kinds.index("passages") < kinds.index("sentence") < kinds.index("citation") < kinds.index("done")
    assert kinds[-1] == "done"
    answer, plain = events[-1]["answer"], ask(service).json()
    assert {**answer, "id": "", "seconds": {}} == {**plain, "id": "", "seconds": {}}


def test_an_accept_header_asks_for_a_stream_too(service: httpx.Client) -> None:
    response = service.post(
        "/v1/ask/chat_bridge", json={"question": QUESTION}, headers={"accept": "text/event-stream"}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events_of(response)[-1]["type"] == "done"


def test_an_error_within_a_stream_is_its_last_event(service: httpx.Client) -> None:
    events = events_of(ask(service, question=" ", stream=True))
    assert [(event["type"], event["code"]) for event in events] == [("error", "empty_question")]


def test_a_batch_keeps_the_order_and_its_failures(service: httpx.Client) -> None:
    body = {"questions": [{"question": QUESTION}, {"question": ""}, {"question": "What is Sage?"}]}
    answers = service.post("/v1/ask/chat_bridge/batch", json=body).raise_for_status().json()["answers"]
    assert [answer.get("code") for answer in answers] == [None, "empty_question", None]
    assert [answer.get("question") for answer in answers] == [QUESTION, None, "What is Sage?"]


def test_a_call_searches_as_it_is_told(service: httpx.Client) -> None:
    answer = ask(service, settings={"n": 2, "k": 4, "where": "site=builddaily"}).raise_for_status().json()
    assert (len(answer["passages"]), len(answer["candidates"])) == (2, 4)
    assert len(ask(service).json()["passages"]) == 5


def test_details_of_a_program_reach_it(service: httpx.Client) -> None:
    answer = ask(
        service, "astrology_reading", question="Should I stay?", details={"drawn": "The Star"}
    ).json()
    assert answer["details"] == {"drawn": "The Star"}


def test_a_search_is_that_of_the_handle_in_process(service: httpx.Client) -> None:
    found = service.post("/v1/search", json={"question": QUESTION, "index": "builddaily,sagedaily"}).json()
    own = quincunx.open_index(["builddaily", "sagedaily"]).search(QUESTION)
    assert [candidate["id"] for candidate in found["candidates"]] == [c.passage.id for c in own.candidates]
    assert found["generations"] == {"builddaily": 1, "sagedaily": 1}


def test_programs_and_indexes_are_listed(service: httpx.Client) -> None:
    programs = {program["name"]: program for program in service.get("/v1/programs").json()}
    assert programs["catalyst_precedent"]["details"] == ["market"]
    assert programs["chat_bridge"]["history"]
    assert "$defs" in programs["ticker_fit"]["output_schema"]
    assert [index["name"] for index in service.get("/v1/indexes").json()] == [
        "builddaily",
        "paiddaily",
        "sagedaily",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/ask/chat_bridge", {"question": ""}, 400, "empty_question"),
        ("POST", "/v1/ask/chat_bridge", {"question": "x" * 100_001}, 400, "bad_bound"),
        ("POST", "/v1/ask/chat_bridge", {"question": "x", "details": {"market": "y"}}, 400, "bad_usage"),
        ("POST", "/v1/ask/chat_bridge", {"question": "x", "settings": {"n": 0}}, 400, "bad_bound"),
        ("POST", "/v1/ask/chat_bridge", {"question": "x", "settings": {"where": "="}}, 400, "bad_filter"),
        ("POST", "/v1/ask/chat_bridge", {"question": "x", "budget": {"seconds": 0}}, 400, "bad_bound"),
        ("POST", "/v1/ask/chat_bridge", {"asked": "x"}, 422, "bad_request"),
        ("POST", "/v1/ask/chat_bridge", ["x"], 422, "bad_request"),
        ("POST", "/v1/ask/nobody", {"question": "x"}, 404, "unknown_program"),
        ("POST", "/v1/search", {"question": "x", "index": "nowhere"}, 404, "unknown_index"),
        ("POST", "/v1/search", {"question": "x", "index": "builddaily,builddaily"}, 400, "bad_bound"),
        ("POST", "/v1/ask/chat_bridge/batch", {"questions": [{"question": "x"}] * 33}, 400, "bad_bound"),
        ("GET", "/v1/nothing", None, 404, "unknown_path"),
        ("GET", "/v1/search", None, 405, "method_not_allowed"),
    ],
)
def test_errors_are_problems_with_a_code(
    service: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    response = service.request(method, path, json=body)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["request_id"] == response.headers["x-request-id"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(service: httpx.Client) -> None:
    response = service.post("/v1/search", content=b" " * (5 * 2**20))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    def pieces() -> Any:
        for _ in range(80):
            yield b" " * 2**16

    response = service.post("/v1/search", content=pieces())
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_other_hosts_and_origins_are_refused(service: httpx.Client) -> None:
    assert service.get("/readyz", headers={"host": "evil.example"}).json()["code"] == "bad_host"
    assert service.get("/readyz", headers={"host": "["}).json()["code"] == "bad_host"
    assert service.get("/readyz", headers={"origin": "https://evil.example"}).json()["code"] == "bad_origin"
    own = str(service.base_url).rstrip("/")
    assert service.get("/readyz", headers={"origin": own}).status_code == 200


def test_a_request_id_is_kept_where_it_is_harmless(service: httpx.Client) -> None:
    assert service.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert service.get("/healthz", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


def test_metrics_count_requests_stages_and_outcomes(service: httpx.Client) -> None:
    ask(service)
    text = service.get("/metrics").text
    assert 'quincunx_requests_total{method="POST",route="/v1/ask/{program}",status="200"}' in text
    assert 'quincunx_calls_total{outcome="answered",program="chat_bridge"}' in text
    assert 'quincunx_stage_seconds_count{stage="rerank"}' in text
    assert 'quincunx_index_generation{index="builddaily"} 1.0' in text


def test_the_log_names_requests_and_holds_no_texts(
    service: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "quincunx"):
        ask(service, question="Whatisthesecretword of Sage Daily?")
        # A line is written after its response.
        wait_until(lambda: any(record.name == "quincunx.requests" for record in caplog.records), 5)
    names = {record.name for record in caplog.records}
    assert {"quincunx.requests", "quincunx.calls"} <= names
    assert "secretword" not in repr([vars(record) for record in caplog.records])


def test_more_requests_than_may_wait_are_refused(canons: Path) -> None:
    with running(
        limits={"at_once": 1, "waiting": 1}, programs=["chat_bridge"], indexes=["builddaily"]
    ) as client:
        questions = {"questions": [{"question": QUESTION}] * 3}
        # More than may ever wait is taken where nothing else is in, one after the other.
        assert client.post("/v1/ask/chat_bridge/batch", json=questions).status_code == 200


def test_nothing_to_serve_is_said(home: Path) -> None:
    from quincunx.app.serve.service import Service
    from quincunx.app.serve.settings import ServeSettings

    with pytest.raises(quincunx.UsageError, match="nothing to serve"):
        Service(ServeSettings(lm="extractive")).load()


def test_openapi_describes_every_route(service: httpx.Client) -> None:
    described = service.get("/openapi.json").json()
    assert {"/v1/ask/{program}", "/v1/search", "/v1/programs", "/v1/indexes"} <= described["paths"].keys()
    TypeAdapter(dict[str, Any]).validate_python(described)


def test_a_connection_that_was_idle_takes_another_request(service: httpx.Client) -> None:
    """Five seconds, as servers have it by default, end while a client keeps the connection, and sends into nothing."""
    connection = http.client.HTTPConnection(service.base_url.host, service.base_url.port or 0, timeout=30)
    with closing(connection):
        for pause in (0, 6):
            time.sleep(pause)
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:1]) == (200, b"{")
