"""A disk that takes no more: a write ends with a typed error and changes nothing, and searches go on."""

from __future__ import annotations

import resource
from pathlib import Path

import httpx
from service_process import service_process

NOTE = {"id": "note", "title": "Tea", "text": "Tea is served at four in the glass room. " * 400}
BYTES = 60_000
"""Where a file of the service ends; its index is larger, and its log smaller."""


def found(client: httpx.Client) -> tuple[str, dict[str, int]]:
    told = client.post("/v1/search", json={"question": "When is tea served?", "index": "notes"}).json()
    return told["passages"][0]["document_id"], told["generations"]


def test_a_write_that_the_disk_does_not_take_is_told_and_changes_nothing(notes: Path, tmp_path: Path) -> None:
    settings = tmp_path / "quincunx.toml"
    settings.write_text("[serve]\nallow_writes = true\n")
    with service_process(notes, tmp_path / "log", "--config", str(settings)) as service:
        pid, free = service.process.pid, resource.RLIM_INFINITY
        with service.client() as client:
            before = found(client)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (BYTES, free))
            for _ in range(3):
                refused = client.put("/v1/documents/notes", json={"documents": [NOTE]})
                assert (refused.status_code, refused.json()["code"]) == (507, "storage_failed")
                assert found(client) == before
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (free, free))
            assert client.put("/v1/documents/notes", json={"documents": [NOTE]}).status_code == 200
            assert found(client) == ("note", {"notes": 2})
