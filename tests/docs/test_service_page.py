"""docs/service.md tells the service as it is: its curl lines are run, what they are shown to answer is compared, its tables are complete.

What is shown of an answer is a part of it: a field that is left out may be anything, ``…`` stands for anything, and for the rest of a
text or a list at their end.
"""

from __future__ import annotations

import ast
import json
import logging
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from metric_labels import metric_labels
from pages import ROOT, Block, blocks, pages
from pydantic import BaseModel
from running_service import running
from service_process import wait_until

from quincunx.app.serve.log import JsonLines
from quincunx.app.serve.problems import problem_of
from quincunx.app.serve.settings import ServeSettings, read_settings
from quincunx.retrieval import errors
from quincunx.retrieval.storage.home import HOME_VARIABLE

PAGE = ROOT / "docs" / "service.md"
HERE = "http://127.0.0.1:8765"
SHOWN = "shortened"
FROM_HTTP = {(404, "unknown_path"), (405, "method_not_allowed"), (422, "bad_request"), (500, "internal")}
"""What `tell_problems` makes of errors that are none of quincunx."""


@pytest.fixture(scope="module")
def address(canons_folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        with running() as client:
            yield str(client.base_url).rstrip("/")


def calls(page: Path) -> Iterator[tuple[Block, str, Block | None]]:
    """Yield each curl line of a page, and the block under it that shows the answer."""
    found = list(blocks(page))
    for block, following in zip(found, [*found[1:], None], strict=False):
        if block.language == "sh" and not block.title:
            for line in block.code.replace("\\\n", "").splitlines():
                if line.startswith("curl "):
                    shows = following is not None and following.title.endswith(SHOWN)
                    yield block, line, following if shows else None


CALLS = [(page, *call) for page in pages() for call in calls(page)]


def fits(shown: Any, real: Any) -> bool:
    """Whether what is shown is a part of what was answered."""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and fits(part, real[name]) for name, part in shown.items()
        )
    if isinstance(shown, list):
        cut = bool(shown) and shown[-1] == "…"
        kept = shown[:-1] if cut else shown
        counts = len(kept) < len(real) if cut else len(kept) == len(real)
        return counts and all(map(fits, kept, real))
    if isinstance(shown, str) and shown.endswith("…"):
        return isinstance(real, str) and real.startswith(shown.removesuffix("…").rstrip())
    return bool(shown == real)


def lines_fit(shown: str, real: str) -> bool:
    """Whether the lines that are shown come in the answer, in their order."""
    coming = iter(real.splitlines())
    return all(
        any(
            line.startswith(wanted.removesuffix("…").rstrip()) if wanted.endswith("…") else line == wanted
            for line in coming
        )
        for wanted in shown.splitlines()
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    ("page", "block", "line", "shown"),
    CALLS,
    ids=[f"{page.name}:{block.line} {line[:60]}" for page, block, line, _ in CALLS],
)
def test_a_curl_line_that_is_shown_answers_what_is_shown(
    address: str, page: Path, block: Block, line: str, shown: Block | None
) -> None:
    assert HERE in line
    command = [*shlex.split(line.replace(HERE, address)), "--noproxy", "*"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout
    if shown is None:
        assert '"urn:quincunx:problem:' not in done.stdout
    else:
        is_json = shown.language == "json"
        fit = (
            fits(json.loads(shown.code), json.loads(done.stdout))
            if is_json
            else lines_fit(shown.code, done.stdout)
        )
        assert fit, done.stdout[:3000]


def test_the_page_shows_an_answer_a_stream_a_batch_a_search_a_rerank_and_an_error() -> None:
    lines = " ".join(line for page, _, line, shown in CALLS if page == PAGE and shown is not None)
    assert all(
        part in lines for part in ("chat_bridge --json", '"stream": true', "/batch", "/v1/search", "nobody")
    )


def table(head: str) -> list[list[str]]:
    """Return the rows of the table of the page whose first column is called so."""
    (found,) = re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in found.splitlines()]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def defaults(settings: BaseModel, before: str = "") -> dict[str, Any]:
    """Return every setting with its default, those of a table in it by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in settings:
        found |= (
            defaults(value, f"{before}{name}.") if isinstance(value, BaseModel) else {before + name: value}
        )
    return found


def test_the_table_of_settings_is_complete_and_tells_the_defaults() -> None:
    told = {codes(name)[0]: json.loads(codes(default)[0]) for name, default, _ in table("setting")}
    assert told == json.loads(json.dumps(defaults(ServeSettings())))


def test_the_settings_file_that_is_shown_is_one(tmp_path: Path) -> None:
    (shown,) = (block for block in blocks(PAGE) if block.title == "quincunx.toml")
    path = tmp_path / shown.title
    path.write_text(shown.code, "utf-8")
    assert read_settings(path, {}) != ServeSettings()


def own_problems() -> set[tuple[int, str]]:
    """Return status and code of each problem that the service itself raises."""
    found = set()
    for path in (ROOT / "app" / "serve").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                match node.func.id, given:
                    case "Problem", [int(status), str(code), *_]:
                        found.add((status, code))
                    case "_unknown", [str(code), *_]:
                        found.add((401, code))
    return found


def typed_problems() -> set[tuple[int, str]]:
    """Return status and code of each error of quincunx that has a status of its own."""
    found = set()
    for name in errors.__all__:
        kind = getattr(errors, name)
        error = kind.__new__(kind)
        problem = problem_of(error)
        found.add((problem.status_code, problem.code))
    return {(status, code) for status, code in found if status != 500}


def test_the_table_of_errors_is_complete() -> None:
    told = [(int(status), code) for status, named, _ in table("status") for code in codes(named)]
    assert len(set(told)) == len(told)
    assert set(told) == own_problems() | typed_problems() | FROM_HTTP


def test_the_table_of_metrics_is_complete() -> None:
    assert {codes(name)[0]: codes(labels) for name, labels, _ in table("metric")} == metric_labels()


def test_the_line_of_the_log_that_is_shown_has_the_fields_of_one(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    (shown,) = (block for block in blocks(PAGE) if block.title == "a line of the log")
    with caplog.at_level(logging.INFO, "quincunx.requests"):
        httpx.post(f"{address}/v1/ask/chat_bridge", json={"asked": "x"}, trust_env=False)
        # A line is written after its response.
        wait_until(lambda: any(record.name == "quincunx.requests" for record in caplog.records), 5)
    (record,) = (record for record in caplog.records if record.name == "quincunx.requests")
    real, told = json.loads(JsonLines().format(record)), json.loads(shown.code)
    assert set(told) - {"request_id"} == set(real) - {"request_id"}
    assert [told[name] for name in ("route", "status", "method")] == [
        real[name] for name in ("route", "status", "method")
    ]


@pytest.mark.parametrize(
    ("shown", "real", "fit"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        (["x", "…"], ["x", "y"], True),
        (["x"], ["x", "y"], False),
        ("begin…", "beginning", True),
        ("begin…", "end", False),
    ],
)
def test_the_comparison_sees_what_does_not_fit(shown: Any, real: Any, fit: bool) -> None:
    assert fits(shown, real) is fit


def test_the_comparison_of_lines_sees_a_wrong_order() -> None:
    assert lines_fit("a\nb…", "a\nx\nbc\n")
    assert not lines_fit("b\na", "a\nb\n")
