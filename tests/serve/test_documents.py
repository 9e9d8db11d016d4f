"""Documents are written and deleted over HTTP, whole or not at all, while others search."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_service import running

from quincunx.retrieval.storage.lock import lock_folder, unlock

INDEX = "/v1/documents/notes"
TEA = {
    "id": "tea",
    "title": "Tea",
    "text": "Tea is served at four in the glass room.",
    "metadata": {"kind": "drink"},
}


@pytest.fixture
def writable(notes: Path) -> Iterator[httpx.Client]:
    with running(allow_writes=True, limits={"documents": 3, "characters": 2000}) as client:
        yield client


def found(client: httpx.Client, question: str, **settings: Any) -> list[str]:
    body = {"question": question, "index": "notes", "settings": settings}
    passages = client.post("/v1/search", json=body).raise_for_status().json()["passages"]
    return [passage["document_id"] for passage in passages]


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_what_is_written_is_found_at_once_and_what_is_deleted_no_more(
    writable: httpx.Client, method: str
) -> None:
    written = writable.request(method, INDEX, json={"documents": [TEA]})
    assert written.status_code == 200
    assert written.json() == {
        "added": 1, "changed": 0, "unchanged": 0, "removed": 0, "passages": 2, "embedded": 1, "generation": 2,
        "notices": [],
    }  # fmt: skip
    assert found(writable, "When is tea served?")[0] == "tea"
    assert found(writable, "When is tea served?", where="kind=drink") == ["tea"]
    again = writable.request(method, INDEX, json={"documents": [TEA]}).json()
    assert (again["unchanged"], again["embedded"], again["generation"]) == (1, 0, 2)
    changed = writable.request(
        method, INDEX, json={"documents": [{**TEA, "text": "Tea is served at six."}]}
    ).json()
    assert (changed["changed"], changed["generation"]) == (1, 3)
    deleted = writable.delete(INDEX, params={"id": "tea"})
    assert (deleted.json()["removed"], deleted.json()["passages"]) == (1, 1)
    assert "tea" not in found(writable, "When is tea served?")


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("documents", "status", "code"),
    [
        ([], 422, "bad_request"),
        ([{**TEA, "id": ""}], 422, "bad_request"),
        ([{**TEA, "id": "x" * 1001}], 422, "bad_request"),
        ([{**TEA, "more": 1}], 422, "bad_request"),
        ([{**TEA, "id": f"n{i}"} for i in range(4)], 400, "bad_bound"),
        ([{**TEA, "text": "x" * 2001}], 400, "bad_bound"),
        ([{**TEA, "metadata": deep(40)}], 400, "bad_bound"),
        ([{**TEA, "text": " ", "title": ""}], 400, "bad_text"),
        ([{**TEA, "metadata": {"a": float("nan")}}], 400, "bad_text"),
        ([{**TEA, "metadata": {"a": "\ud800"}}], 400, "bad_text"),
        ([{**TEA, "metadata": {"\ud800": 1}}], 400, "bad_text"),
        ([{**TEA, "metadata": {"a": float("-inf")}}], 400, "bad_text"),
        ([{**TEA, "text": "\ud800"}], 400, "bad_text"),
        ([TEA, TEA], 400, "duplicate_id"),
    ],
)
def test_what_can_be_no_document_is_refused_and_nothing_is_written(
    writable: httpx.Client, documents: list[Any], status: int, code: str
) -> None:
    response = writable.put(INDEX, content=json.dumps({"documents": documents}), headers=JSON)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert writable.get("/v1/indexes").json() == [{"name": "notes", "generation": 1}]


JSON = {"content-type": "application/json"}


def test_odd_but_whole_texts_are_documents(writable: httpx.Client) -> None:
    odd: list[dict[str, Any]] = [
        {"id": "nul\0", "text": "A nul \0 in the middle."},
        {"id": "../../etc", "text": "\u202eright to left", "metadata": {"": [1e308, None, {"a": [[]]}]}},
        {"id": "ü#0-3", "title": "only a title", "metadata": {"file": {"kind": "x"}}},
    ]
    assert writable.put(INDEX, json={"documents": odd}).json()["added"] == 3
    assert writable.delete(INDEX, params={"id": [each["id"] for each in odd]}).json()["removed"] == 3


def test_an_unknown_id_deletes_nothing(writable: httpx.Client) -> None:
    response = writable.delete(INDEX, params={"id": ["lift.md", "nobody"]})
    assert (response.status_code, response.json()["code"]) == (400, "bad_corpus")
    assert writable.delete(INDEX).status_code == 422
    assert writable.get("/v1/indexes").json()[0]["generation"] == 1


def test_an_index_is_not_made_here(writable: httpx.Client, home: Path) -> None:
    response = writable.put("/v1/documents/other", json={"documents": [TEA]})
    assert (response.status_code, response.json()["code"]) == (404, "unknown_index")
    assert not (home / "indexes" / "other").exists()


def test_without_keys_nothing_is_written_unless_that_is_allowed(notes: Path) -> None:
    with running() as client:
        response = client.put(INDEX, json={"documents": [TEA]})
        assert (response.status_code, response.json()["code"]) == (403, "writing_is_off")
        assert client.delete(INDEX, params={"id": "lift.md"}).json()["code"] == "writing_is_off"


def test_an_index_that_another_process_writes_is_busy(writable: httpx.Client, home: Path) -> None:
    lock = lock_folder(home / "indexes" / "notes", wait=False)
    try:
        response = writable.put(INDEX, json={"documents": [TEA]})
    finally:
        unlock(lock)
    assert (response.status_code, response.json()["code"]) == (503, "writer_busy")
    assert int(response.headers["retry-after"]) >= 1
    assert writable.put(INDEX, json={"documents": [TEA]}).status_code == 200


def test_writes_that_come_at_once_follow_one_another_while_others_search(writable: httpx.Client) -> None:
    written: list[httpx.Response] = []
    ended = threading.Event()

    def write(number: int) -> None:
        document = {"id": f"n{number}", "text": f"Room {number} is on floor {number}."}
        written.append(writable.put(INDEX, json={"documents": [document]}))

    searches: list[list[str]] = []

    def search() -> None:
        while not ended.is_set():
            searches.append(found(writable, "On which floor is room 3?"))

    searching = threading.Thread(target=search)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    searching.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ended.set()
    searching.join()
    assert [response.status_code for response in written] == [200] * 6
    assert sorted(response.json()["generation"] for response in written) == [2, 3, 4, 5, 6, 7]
    assert searches
    assert len(found(writable, "On which floor is room 3?")) == 5
