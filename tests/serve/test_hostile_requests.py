"""Whatever is sent, the service answers by what it states, and its log holds neither keys nor texts.

1. No request made of the OpenAPI, rightly or wrongly, ends in an error that is not stated; each error is a problem.
2. What JSON or Unicode does not have, and what is too large, too deep or too long, is refused with a code.
3. Keys and what is asked never stand in the log.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from conftest import TORTURE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_service import running
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from quincunx.app.serve.access.keys import add_key
from quincunx.app.serve.application import create_app
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings

CASES = 5000 if TORTURE else 100
STATED = {502, 503, 504, 507}
"""Errors of the server that say what is not as it should be: a language model, an index, time or the disk."""
NOT_ASKED = "/v1/admin/reload"
"""Takes nothing that could be wrong, and half a second each time."""
LONGEST_ADDRESS = 60_000
"""Bytes of an address that the server reads."""
KNOWN = {"program": "chat_bridge", "index": "builddaily"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of keys, and a key in it for everything."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    return path, add_key(path, "all", ["ask", "search", "write", "admin"])[0]


@pytest.fixture(scope="module")
def hostile(
    canons_folder: Path, tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]
) -> Iterator[httpx.Client]:
    """A client, with the key, of a service whose index may be written."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    shutil.copytree(canons_folder / "indexes" / "builddaily", home / "indexes" / "builddaily")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINCUNX_HOME", str(home))
        with running(
            keys_file=str(key[0]), programs=["chat_bridge"], indexes=["builddaily"], limits={"seconds": 20}
        ) as client:
            client.headers["authorization"] = f"Bearer {key[1]}"
            yield client


def cases(aimed: bool) -> st.SearchStrategy[Any]:
    """Requests of every operation, right and wrong ones; the ``aimed`` name a program and an index that are there."""
    described = create_app(Service(ServeSettings())).openapi()
    schema = schemathesis.openapi.from_dict(described).exclude(path=NOT_ASKED)
    drawn: list[st.SearchStrategy[Any]] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        drawn += [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    def aim(case: Any) -> Any:
        for name in KNOWN.keys() & (case.path_parameters or {}).keys():
            case.path_parameters[name] = KNOWN[name]
        for name in KNOWN.keys() & (case.body if isinstance(case.body, dict) else {}).keys():
            if isinstance(case.body[name], str):
                case.body[name] = KNOWN[name]
        return case

    every = st.one_of(drawn)
    return every.map(aim) if aimed else every


@pytest.mark.torture
@pytest.mark.parametrize(
    ("aimed", "met"),
    [(False, {404, 422}), (True, {200, 400, 422})],
    ids=["anything", "what is there"],
)
def test_no_request_ends_in_an_error_that_is_not_stated(
    hostile: httpx.Client, aimed: bool, met: set[int]
) -> None:
    session = requests.Session()
    session.trust_env = False
    statuses: dict[int, int] = {}

    @given(case=cases(aimed))
    @settings(max_examples=CASES // 2, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        response = case.call(
            base_url=str(hostile.base_url).rstrip("/"),
            session=session,
            headers={"authorization": hostile.headers["authorization"]},
        )
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        if response.status_code < 400:
            case.validate_response(response, checks=[content_type_conformance, response_schema_conformance])
            return
        if len(str(response.request.url)) > LONGEST_ADDRESS and response.status_code == 400:
            return  # by the server itself, before anything is read as HTTP, unless it came in one piece
        problem = response.json()
        assert response.status_code < 500 or response.status_code in STATED, (case, problem)
        assert response.headers["content-type"] == ["application/problem+json"]
        assert problem["status"] == response.status_code
        assert problem["code"] not in ("internal", "quincunx_error")

    check()
    assert len(statuses.keys() & met) >= (len(met) if TORTURE else 1)  # a sample may miss some


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b"\xff{", 400),
        (b'{"question": "\xed\xa0\x80", "index": "builddaily"}', 400),
        (b'{"question": "\\ud800", "index": "builddaily"}', 400),
        (b'{"question": "x", "index": "\\udfff"}', 400),
        (b'{"\\ud800": "x"}', 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"k": NaN}}', 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"k": 1e999}}', 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"k": ' + b"9" * 5000 + b"}}", 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"k": ' + b"9" * 4000 + b"}}", 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"where": "' + b"(" * 900 + b'"}}', 400),
        (b'{"question": "x", "index": "builddaily", "settings": {"where": "a=\\u0000"}}', 400),
        (b'{"question": "\\u0000", "index": "builddaily"}', 200),
        (b'{"question": "NaN Infinity \\u202e \\ud83d\\ude00", "index": "builddaily"}', 200),
        (b'{"question": "' + b"((((" * 4000 + b'", "index": "builddaily"}', 400),
        (b'{"question": ' + DEEP.encode() + b"}", 400),
        (b'{"question": "x", "index": ' + b"[" * 500 + b"]" * 500 + b"}", 422),
    ],
)
def test_what_json_or_unicode_does_not_have_is_refused(
    hostile: httpx.Client, content: bytes, status: int
) -> None:
    response = hostile.post("/v1/search", content=content, headers={"content-type": "application/json"})
    assert response.status_code == status, response.text[:500]
    json.loads(response.text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "path", ["/v1/ask/%00", "/v1/ask/%ed%a0%80", "/v1/ask/..%2f..", "/v1/ask/" + "x" * 5000, "/v1/ask/a%0ab", "/v1/documents/%2e%2e"]
)  # fmt: skip
def test_odd_names_in_paths_are_unknown(hostile: httpx.Client, path: str) -> None:
    documents = {"documents": [{"id": "x", "text": "y"}]}
    response = hostile.post(path, json=documents if "documents" in path else {"question": "x"})
    assert response.status_code == 404
    assert response.json()["code"] in ("unknown_program", "unknown_index", "unknown_path")


def test_an_index_named_as_none_can_be_is_unknown(hostile: httpx.Client) -> None:
    for name in ("", ",", "builddaily,", "\0", "../builddaily", "x" * 10_000, "builddaily\n"):
        response = hostile.post("/v1/search", json={"question": "x", "index": name})
        assert (response.status_code, response.json()["code"]) == (404, "unknown_index"), name


SECRET = "Whatisthesecretword"


def test_neither_keys_nor_texts_stand_in_the_log(
    hostile: httpx.Client, key: tuple[Path, str], caplog: pytest.LogCaptureFixture
) -> None:
    def send(path: str, body: Any, **headers: str) -> None:
        sent = {"content-type": "application/json", **headers}
        hostile.post(path, content=json.dumps(body), headers=sent)

    with caplog.at_level(logging.DEBUG, "quincunx"), caplog.at_level(logging.DEBUG):
        for body in (
            {"question": SECRET},
            {"question": SECRET, "stream": True},
            {"question": SECRET, "details": {SECRET: SECRET}},
            {"question": SECRET, "settings": {"where": f"{SECRET}=1"}},
            {"question": SECRET, "settings": {"where": f"{SECRET}"}},
            {"question": SECRET, "settings": {"k": SECRET}},
            {"question": SECRET * 10_000},
            {"question": SECRET + "\ud800"},
            {SECRET: SECRET},
            [SECRET],
        ):
            send("/v1/ask/chat_bridge", body)
        send(f"/v1/ask/{SECRET}", {"question": SECRET})
        send(f"/{SECRET}", {})
        send("/v1/ask/chat_bridge/batch", {"questions": [{"question": SECRET}, {"question": ""}]})
        send("/v1/search", {"question": SECRET, "index": "builddaily"})
        send("/v1/search", {"question": SECRET, "index": SECRET})
        send("/v1/feedback", {"program": "chat_bridge", "question": SECRET, "thumb": "up"})
        send("/v1/feedback", {"program": SECRET, "question": SECRET, "thumb": SECRET})
        document = {"id": SECRET, "text": f"It is {SECRET}.", "metadata": {SECRET: SECRET}}
        hostile.put("/v1/documents/builddaily", json={"documents": [document]})
        hostile.put("/v1/documents/builddaily", json={"documents": [document, document]})
        hostile.delete("/v1/documents/builddaily", params={"id": SECRET})
        hostile.delete("/v1/documents/builddaily", params={"id": SECRET})
        send("/v1/search", {}, authorization=f"Bearer {key[1]}x")
        send("/v1/search", {}, authorization=f"Bearer {SECRET}")
        hostile.get("/v1/programs", params={"key": key[1], SECRET: SECRET})
        hostile.get("/healthz")
    logged = "".join(repr(vars(record)) + record.getMessage() for record in ours(caplog))
    assert "/v1/ask/{program}" in logged
    assert SECRET not in logged
    assert key[1] not in logged
    assert key[1].removeprefix("qx_") not in logged


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what the service logged, and not the client of the tests in the same process.

    The server's own line for each request holds its path; `quincunx serve` turns it off, see `test_reload`.
    """
    return [
        record
        for record in caplog.records
        if record.name.partition(".")[0] not in ("httpx", "httpcore") and record.name != "uvicorn.access"
    ]
