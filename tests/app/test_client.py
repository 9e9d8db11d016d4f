"""A client gets of a service what a call in process gives: answers, streams, searches and errors, of the same types."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from five_programs import QUESTIONS, SPECS
from misbehaving_server import Reply, misbehaving
from pydantic import TypeAdapter
from running_service import running

import quincunx
from quincunx.app.as_json import answer_as_json, event_as_json, search_as_json
from quincunx.app.client.answers import IndexListing, RankedDocument
from quincunx.app.client.from_json import answer_from_json, event_from_json, needs_schemas, search_from_json
from quincunx.app.client.output_view import ServedOutput, view_output
from quincunx.app.render.answers import answer_lines
from quincunx.programs.events import Done, Failed
from quincunx.retrieval.errors import ServiceUnreachableError, UsageError
from quincunx.retrieval.handle import SearchHandle

QUESTION = "What is Sage Daily?"
NOTHING_FITS = "What is the boiling point of tungsten?"
UNKNOWN_FIELD = quincunx.SearchSettings(where="nowhere=1")
BUSY = {"code": "overloaded", "detail": "too much waits", "request_id": "r1"}


@pytest.fixture
def client(service_address: str, canons: Path) -> Iterator[quincunx.Client]:
    with quincunx.Client(service_address, seconds=60) as made:
        yield made


def answered(program: str, question: str = QUESTION, **inputs: Any) -> quincunx.Answer:
    answer: quincunx.Answer = quincunx.load(program, lm="extractive")(question=question, **inputs)
    return answer


def schema_of(program: str) -> dict[str, Any]:
    output: Any = SPECS[program].output_type
    return TypeAdapter(output).json_schema(mode="serialization")


def over_the_wire(value: Any) -> Any:
    return json.loads(json.dumps(value))


def unused_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def same(a: quincunx.Answer, b: quincunx.Answer) -> bool:
    left, right = dict(a), dict(b)
    for fields in (left, right):
        del fields["search"], fields["seconds"]
        fields.pop("id", None)
    return left == right and a.search.candidates == b.search.candidates


@pytest.mark.parametrize("program", QUESTIONS)
@pytest.mark.parametrize("fits", [True, False])
def test_an_answer_comes_back_from_json_as_it_was(program: str, fits: bool, canons: Path) -> None:
    answer = answered(program, QUESTIONS[program] if fits else NOTHING_FITS)
    back = answer_from_json(over_the_wire(answer_as_json(answer)), {})
    assert same(back, answer)
    assert (type(back), type(back.output)) == (type(answer), type(answer.output))
    assert back.record() == answer.record()
    assert back.search.generations == answer.search.generations
    assert back.search.passages == tuple(answer.passages)
    assert answer_as_json(back) == answer_as_json(answer)


def test_a_refusal_comes_back_from_json_as_it_was(canons: Path) -> None:
    answer = answered("chat_bridge", NOTHING_FITS)
    assert not answer.answered
    assert same(answer_from_json(over_the_wire(answer_as_json(answer)), {}), answer)


def test_a_search_comes_back_from_json_with_its_passages_and_candidates(canons: Path) -> None:
    settings = quincunx.SearchSettings(k=6, n=2, neighbours=1)
    found = SearchHandle("builddaily").search("What is Sage Dailly?", settings)
    back = search_from_json(over_the_wire(search_as_json("builddaily", found, settings)))
    assert (back.question, back.n, back.near_words) == (found.question, found.n, found.near_words)
    assert back.candidates == found.candidates
    assert back.passages == found.passages


def test_the_events_of_a_stream_come_back_from_json_as_they_were(canons: Path) -> None:
    async def told() -> list[Any]:
        program = quincunx.load("chat_bridge", lm="extractive")
        return [event async for event in program.stream(question=QUESTION)]

    *events, done = asyncio.run(told())
    assert {event.type for event in events} == {"status", "passages", "token", "sentence", "citation"}
    assert [event_from_json(over_the_wire(event_as_json(event)), {}) for event in events] == events
    back = event_from_json(over_the_wire(event_as_json(done)), {})
    assert isinstance(back, Done)
    assert same(back.answer, done.answer)


@pytest.mark.parametrize("program", QUESTIONS)
def test_the_output_of_a_program_that_is_not_known_here_is_a_view_of_its_fields(
    program: str, canons: Path
) -> None:
    answer = answered(program, QUESTIONS[program])
    schema = schema_of(program)
    told = {**over_the_wire(answer_as_json(answer)), "program": "somebody_elses"}
    assert needs_schemas(told)
    view = answer_from_json(told, {"somebody_elses": schema}).output
    assert isinstance(view, ServedOutput)
    assert view == view_output(told["output"], schema)
    assert list(answer_lines(view)) == list(answer_lines(answer.output))
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        _ = view.nothing


def test_a_view_has_claims_and_computed_fields_as_attributes(canons: Path) -> None:
    answer = answered("chat_bridge")
    schema = schema_of("chat_bridge")
    view = view_output(over_the_wire(answer_as_json(answer))["output"], schema)
    assert view.answer == answer.output.answer
    assert view.sentences == answer.output.sentences


@pytest.mark.parametrize("program", QUESTIONS)
def test_a_service_answers_as_the_program_in_process(program: str, client: quincunx.Client) -> None:
    answer = client.ask(program, QUESTIONS[program])
    assert answer.id
    assert same(answer, answered(program, QUESTIONS[program]))


def test_what_is_given_with_a_question_reaches_the_service(client: quincunx.Client) -> None:
    before = quincunx.Turn(question=QUESTION, answer="A site with tarot readings.")
    settings = quincunx.SearchSettings(k=8, n=2, where="site=builddaily")
    answer = client.ask("chat_bridge", "Who runs it?", history=[before], settings=settings)
    assert same(
        answer,
        quincunx.load("chat_bridge", lm="extractive", settings=settings)(
            question="Who runs it?", history=[before]
        ),
    )
    drawn = client.ask("astrology_reading", "Should I stay?", details={"drawn": "The Star"})
    assert drawn.details == {"drawn": "The Star"}


def test_a_setting_that_a_service_does_not_take_is_refused_by_name(client: quincunx.Client) -> None:
    with pytest.raises(quincunx.UsageError, match="'lexical_weight'"):
        client.search("builddaily", QUESTION, quincunx.SearchSettings(lexical_weight=2))


def test_a_stream_ends_with_the_same_answer(client: quincunx.Client) -> None:
    events = list(client.stream("chat_bridge", QUESTION))
    assert [event.type for event in events][:2] == ["status", "passages"]
    done = events[-1]
    assert isinstance(done, Done)
    assert same(done.answer, client.ask("chat_bridge", QUESTION))


def test_a_stream_that_fails_says_so_in_its_last_event(client: quincunx.Client) -> None:
    (event,) = client.stream("chat_bridge", " ")
    assert isinstance(event, Failed)
    assert event.code == "empty_question"


def test_a_batch_keeps_the_order_and_its_failures(client: quincunx.Client) -> None:
    first, failed, last = client.batch(
        "astrology_reading",
        [
            "What does the Star mean?",
            "",
            {
                "question": "Should I stay?",
                "drawn": "The Star",
                "budget": quincunx.Budget(seconds=30),
            },
        ],
    )
    assert isinstance(failed, Failed)
    assert failed.code == "empty_question"
    assert isinstance(first, quincunx.Answer)
    assert isinstance(last, quincunx.Answer)
    assert last.details == {"drawn": "The Star"}
    with pytest.raises(quincunx.UsageError, match="list of texts"):
        client.batch("chat_bridge", "What is Sage?")


def test_a_batch_is_searched_and_bounded_as_it_is_told(client: quincunx.Client) -> None:
    narrow = quincunx.SearchSettings(k=4, n=2)
    answers = client.batch("chat_bridge", [QUESTION, "What is Sage?"], settings=narrow)
    assert [len(answer.passages) for answer in answers if isinstance(answer, quincunx.Answer)] == [2, 2]
    failed, answered_in_time = client.batch(
        "chat_bridge",
        [QUESTION, {"question": QUESTION, "budget": quincunx.Budget(seconds=30)}],
        budget=quincunx.Budget(seconds=1e-6),
    )
    assert isinstance(failed, Failed)
    assert failed.code == "deadline_exceeded"
    assert isinstance(answered_in_time, quincunx.Answer)


def test_a_service_searches_as_a_search_in_process(client: quincunx.Client) -> None:
    found = client.search("builddaily", QUESTION, quincunx.SearchSettings(n=3))
    own = SearchHandle("builddaily").search(QUESTION, quincunx.SearchSettings(n=3))
    assert (found.passages, found.candidates) == (own.passages, own.candidates)
    assert found.generations == own.generations


def test_documents_are_ranked_by_their_places(client: quincunx.Client) -> None:
    ranked = client.rerank(
        "capital of France", ["Berlin is a city.", "Paris is the capital of France."], top_n=1
    )
    assert [(type(entry), entry.index) for entry in ranked] == [(RankedDocument, 1)]
    assert 0 <= ranked[0].relevance <= 1


def test_a_service_lists_its_programs_and_indexes(client: quincunx.Client) -> None:
    assert {entry.name for entry in client.programs()} == set(QUESTIONS)
    assert IndexListing("builddaily", 1) in client.indexes()


def test_feedback_on_an_answer_is_taken(home_of_canons: Path) -> None:
    with running() as service, quincunx.Client(str(service.base_url), seconds=60) as client:
        answer = client.ask("chat_bridge", QUESTION)
        assert client.feedback(answer, "down", corrected_answer="A site.").startswith("f-")
        with pytest.raises(quincunx.ServiceError, match="no answer of this id") as told:
            client.feedback("nobody", "up")
    assert (told.value.code, told.value.status, told.value.exit_status) == ("unknown_answer", 404, 1)
    assert told.value.request_id


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (quincunx.EmptyQuestionError, lambda client: client.ask("chat_bridge", " ")),
        (quincunx.UnknownProgramError, lambda client: client.ask("nobody?", QUESTION)),
        (quincunx.UnknownIndexError, lambda client: client.search("nowhere", QUESTION)),
        (quincunx.FilterError, lambda client: client.ask("chat_bridge", QUESTION, settings=UNKNOWN_FIELD)),
    ],
)
def test_errors_are_of_the_class_that_they_have_in_process(
    kind: type[quincunx.QuincunxError], asked: Callable[[quincunx.Client], Any], client: quincunx.Client
) -> None:
    with pytest.raises(kind) as told:
        asked(client)
    assert str(told.value)


def test_the_async_client_answers_streams_and_searches_alike(
    client: quincunx.Client, service_address: str
) -> None:
    async def asked() -> tuple[Any, ...]:
        async with quincunx.AsyncClient(service_address, seconds=60) as other:
            answers = await asyncio.gather(*(other.ask("chat_bridge", QUESTION) for _ in range(3)))
            events = [event async for event in other.stream("chat_bridge", QUESTION)]
            found = await other.search("builddaily", QUESTION)
            ranked = await other.rerank("Paris", ["Berlin", "Paris"])
            (failed,) = await other.batch("chat_bridge", [""])
            listed = await other.programs(), await other.indexes()
        return answers, events, found, ranked, failed, listed

    answers, events, found, ranked, failed, listed = asyncio.run(asked())
    assert all(same(answer, client.ask("chat_bridge", QUESTION)) for answer in answers)
    assert same(events[-1].answer, answers[0])
    assert found.candidates == client.search("builddaily", QUESTION).candidates
    assert ranked == client.rerank("Paris", ["Berlin", "Paris"])
    assert failed.code == "empty_question"
    assert listed == (client.programs(), client.indexes())


def test_a_request_that_was_turned_away_is_made_again_after_as_long_as_the_service_says() -> None:
    ready = [{"name": "builddaily", "generation": 3}]
    with misbehaving(Reply(503, BUSY, {"retry-after": "1"}), Reply(200, ready)) as server:
        begun = time.monotonic()
        assert quincunx.Client(server.address).indexes() == [IndexListing("builddaily", 3)]
        assert time.monotonic() - begun >= 1
    assert len(server.requests) == 2


def test_a_service_that_stays_busy_ends_as_its_error() -> None:
    with (
        misbehaving(Reply(429, BUSY, {"retry-after": "0"})) as server,
        pytest.raises(quincunx.OverloadedError, match="too much waits"),
    ):
        quincunx.Client(server.address).indexes()
    assert len(server.requests) == 4


def test_no_longer_is_waited_than_the_client_may_take() -> None:
    with misbehaving(Reply(429, BUSY, {"retry-after": "30"})) as server:
        begun = time.monotonic()
        with pytest.raises(quincunx.OverloadedError):
            quincunx.Client(server.address, seconds=3).indexes()
        assert time.monotonic() - begun < 20
    assert len(server.requests) == 1


def test_feedback_is_sent_once_whatever_comes_of_it() -> None:
    with misbehaving(Reply(503, BUSY, {"retry-after": "0"})) as server:
        with pytest.raises(quincunx.OverloadedError):
            quincunx.Client(server.address).feedback("a", "up")
        with pytest.raises(quincunx.OverloadedError):
            asyncio.run(quincunx.AsyncClient(server.address).feedback("a", "up"))
    assert len(server.requests) == 2


def test_a_stream_that_breaks_off_is_not_begun_again() -> None:
    begun = b'event: status\ndata: {"type": "status", "stage": "retrieving"}\n\n'
    with misbehaving(Reply(200, begun, breaks_off=True)) as server:
        events = quincunx.Client(server.address).stream("chat_bridge", QUESTION)
        assert next(events).type == "status"
        with pytest.raises(quincunx.ServiceError):
            next(events)
    assert len(server.requests) == 1


def test_a_stream_that_ends_before_its_answer_is_an_error() -> None:
    with (
        misbehaving(Reply(200, b": still at work\n\n")) as server,
        pytest.raises(quincunx.ServiceError, match="ended before its answer"),
    ):
        list(quincunx.Client(server.address).stream("chat_bridge", QUESTION))


def test_what_is_no_service_is_said_to_be_none() -> None:
    with misbehaving(Reply(200, b"<html>"), Reply(500, b"<html>")) as server:
        client = quincunx.Client(server.address)
        with pytest.raises(quincunx.ServiceError, match="is no service of quincunx"):
            client.indexes()
        with pytest.raises(quincunx.ServiceError, match="status 500") as told:
            client.indexes()
    assert told.value.status == 500


@pytest.mark.parametrize("told", [{"hello": 1}, [1], "hello", None])
def test_a_reply_of_another_form_is_an_error_of_the_service(told: Any) -> None:
    event = f"data: {json.dumps(told)}\n\n".encode()
    with misbehaving(*[Reply(200, told)] * 6, Reply(200, event)) as server:
        client = quincunx.Client(server.address)
        for ask in (
            client.programs,
            lambda: client.ask("chat_bridge", QUESTION),
            lambda: client.batch("chat_bridge", [QUESTION]),
            lambda: client.search("builddaily", QUESTION),
            lambda: client.rerank("q", ["d"]),
            lambda: client.feedback("a", "up"),
            lambda: list(client.stream("chat_bridge", QUESTION)),
        ):
            with pytest.raises(quincunx.ServiceError, match="not of a form that is known here"):
                ask()


def test_an_error_without_a_class_keeps_its_code_status_and_request() -> None:
    problem = {"code": "not_heard_of", "detail": "it is late", "request_id": "r7", "status": 418}
    with misbehaving(Reply(418, problem)) as server, pytest.raises(quincunx.ServiceError) as told:
        quincunx.Client(server.address).indexes()
    assert str(told.value) == "it is late"
    assert (told.value.code, told.value.status, told.value.request_id) == ("not_heard_of", 418, "r7")


def test_where_no_service_answers_the_error_names_the_address_and_the_remedy() -> None:
    address = unused_address()
    with pytest.raises(quincunx.ServiceUnreachableError, match=f"{address}.*quincunx serve"):
        quincunx.Client(address, seconds=10).indexes()
    with pytest.raises(quincunx.ServiceUnreachableError, match=address):
        asyncio.run(quincunx.AsyncClient(address, seconds=10).indexes())


def test_a_service_that_is_silent_for_longer_than_may_be_waited_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(quincunx.DeadlineExceededError, match=r"0\.3 s"):
            quincunx.Client(address, seconds=0.3).indexes()


def test_the_key_and_the_address_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving(Reply(200, [])) as server:
        monkeypatch.setenv("QUINCUNX_SERVER", server.address)
        monkeypatch.setenv("QUINCUNX_API_KEY", "qx-1")
        quincunx.Client().indexes()
        quincunx.Client(key="qx-2").indexes()
    headers = [{name.lower(): value for name, value in each.items()} for _, each, _ in server.requests]
    assert [each["authorization"] for each in headers] == ["Bearer qx-1", "Bearer qx-2"]


@pytest.mark.parametrize("address", ["", "127.0.0.1:8765", "ftp://here", "http://[", "http://"])
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUINCUNX_SERVER", address or "nowhere")
    with pytest.raises(quincunx.UsageError, match=r"the address of a service"):
        quincunx.Client()


@pytest.mark.parametrize("password", ["secret", "sec@ret", "sec:ret"])
def test_a_password_of_the_address_is_in_no_message(password: str) -> None:
    address = unused_address().replace("://", f"://me:{password}@")
    with pytest.raises(ServiceUnreachableError, match="at http://127") as met:
        quincunx.Client(address, seconds=2).programs()
    with pytest.raises(UsageError) as refused:
        quincunx.Client(address.replace("http", "ftp"))
    assert "sec" not in str(met.value) + str(refused.value)
