"""An index that is published anew under a running service is taken up without a failed request."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from running_service import running

from quincunx.retrieval.index.manage import update_index

QUESTION = "Which colour is the zorbulated lighthouse?"


def write_note(folder: Path, colour: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "lighthouse.md"
    path.write_text(f"# Lighthouse\n\nThe zorbulated lighthouse is {colour}.\n", "utf-8")
    return path


def search(client: httpx.Client) -> dict[str, Any]:
    response = client.post(
        "/v1/search", json={"question": QUESTION, "index": "builddaily", "settings": {"n": 1}}
    )
    found = response.raise_for_status().json()
    assert isinstance(found, dict)
    return found


def test_requests_go_on_while_an_index_is_published_and_each_answers_from_one_generation(
    home_of_canons: Path, tmp_path: Path
) -> None:
    update_index("builddaily", write_note(tmp_path / "notes", "red"))
    with running(programs=["chat_bridge"], indexes=["builddaily"]) as client, ThreadPoolExecutor(3) as pool:
        first = search(client)["generations"]["builddaily"]
        done = threading.Event()

        def keep_asking() -> list[dict[str, Any]]:
            found = [search(client)]
            while not done.is_set():
                found.append(search(client))
            return found

        asking = [pool.submit(keep_asking) for _ in range(3)]
        try:
            update_index("builddaily", write_note(tmp_path / "notes", "green"))
            last = search(client)
        finally:
            done.set()
        told = {
            (found["generations"]["builddaily"], found["passages"][0]["text"].split()[-1])
            for asked in asking
            for found in asked.result()
        }
        # The text that is told is that of the generation that is named.
        assert told <= {(first, "red."), (first + 1, "green.")}
        assert (first, "red.") in told
        assert last["generations"]["builddaily"] == first + 1
        metrics = client.get("/metrics").text
        assert f'quincunx_index_generation{{index="builddaily"}} {first + 1}.0' in metrics
        assert [index["generation"] for index in client.get("/v1/indexes").json()] == [first + 1]
