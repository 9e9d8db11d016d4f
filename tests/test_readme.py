"""The README's Python is run as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from quincunx.retrieval.storage.home import HOME_VARIABLE

README = Path(__file__).parents[1] / "README.md"


def test_the_python_of_the_readme_runs(
    canons_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A home of its own, since the README builds an index and saves a program.
    monkeypatch.setenv(HOME_VARIABLE, str(shutil.copytree(canons_folder, tmp_path / "home")))
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "returns.md").write_text(
        "# Returns\n\n## How long\n\nGoods can be sent back within 30 days of delivery, unopened.\n\n"
        "## Who pays\n\nThe shop pays for the way back when the goods were faulty.\n"
    )
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(README), "exec", dont_inherit=True), namespace)  # noqa: S102
    app: Any = namespace["app"]
    client = TestClient(app)
    said = client.post("/chat", json={"question": "What is Sage Daily?"}).json()
    assert {citation["passage_id"] for citation in said["cited"]} == {"bd-sage-daily"}
    refused = client.post("/chat", json={"question": " "})
    assert (refused.status_code, refused.json()["detail"]) == (400, "empty_question")
