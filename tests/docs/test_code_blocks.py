"""The Python of README, CONTRIBUTING and docs/ runs as it stands.

The blocks of a page share their names and run in an empty folder with the demo's indexes. A block whose title is the name
of a file is written to that file. One with any other title is not run: the title says why.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pages import ROOT, Block, blocks, pages

from quincunx.retrieval.storage.home import HOME_VARIABLE

WITH_PYTHON = [page for page in pages() if any(block.language == "python" for block in blocks(page))]
IN_YOUR_APP = ROOT / "docs" / "in-your-app.md"
RunPage = Callable[[Path], dict[str, Any]]


@pytest.fixture
def run_page(
    canons_folder: Path, tmp_path: Path, forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunPage]:
    """Run a page in a folder and a home of its own; what it makes known is forgotten after the test."""
    monkeypatch.setenv(HOME_VARIABLE, str(shutil.copytree(canons_folder, tmp_path / "home")))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(tmp_path / "here")

    shown: list[str] = []

    def run(page: Path) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "__main__"}
        for block in blocks(page):
            if block.file is not None:
                Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                Path(block.file).write_text(block.code, encoding="utf-8")
                shown.append(Path(block.file).stem)
            if block.language == "python":
                code = _compiled(block)
                if not block.title:
                    exec(code, names)  # noqa: S102
        return names

    yield run
    for module in shown:
        sys.modules.pop(module, None)


def _compiled(block: Block) -> Any:
    """Compile a block so that an error names its line of the page."""
    return compile("\n" * (block.line - 1) + block.code, str(block.page), "exec", dont_inherit=True)


def test_the_pages_that_are_run_are_the_ones_that_teach() -> None:
    taught = {str(page.relative_to(ROOT)) for page in WITH_PYTHON}
    assert {"README.md", "CONTRIBUTING.md", "docs/in-your-app.md", "docs/your-own-program.md"} <= taught


@pytest.mark.parametrize(
    "page",
    [page for page in WITH_PYTHON if page != IN_YOUR_APP],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_python_of_a_page_runs(page: Path, run_page: RunPage) -> None:
    run_page(page)


def test_the_python_of_the_page_for_apps_runs_and_its_chat_endpoint_answers(run_page: RunPage) -> None:
    client = TestClient(run_page(IN_YOUR_APP)["app"])
    said = client.post("/chat", json={"question": "What is Sage Daily?"}).json()
    assert {citation["passage_id"] for citation in said["cited"]} == {"bd-sage-daily"}
    refused = client.post("/chat", json={"question": " "})
    assert (refused.status_code, refused.json()["detail"]) == (400, "empty_question")


def test_the_program_of_ones_own_takes_under_60_lines() -> None:
    (program,) = (b for b in blocks(ROOT / "docs" / "your-own-program.md") if b.title == "policy.py")
    assert len(program.code.splitlines()) < 60


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = {block.title for page in WITH_PYTHON for block in blocks(page) if block.language == "python"}
    assert all(reason.startswith("needs ") for reason in reasons if reason and "." not in reason)
