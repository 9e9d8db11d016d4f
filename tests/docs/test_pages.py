"""Links lead somewhere, the reference of Python is complete, and the site is built without a request or a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, pages, prose

import quincunx
from quincunx.retrieval import errors

_LINK = re.compile(r"(?:\]\(|(?:src|srcset|href)=\")([^)\"\s]+)")
_BEHAVIOURS = 20


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_pages_outside_the_site_lead_to_files(page: str) -> None:
    links = [link.split("#")[0] for link in _LINK.findall(prose(ROOT / page))]
    inside = [link for link in links if link and "://" not in link]
    assert [link for link in inside if not (ROOT / link).exists()] == []


def test_the_readme_links_to_every_page_that_teaches() -> None:
    links = set(_LINK.findall(prose(ROOT / "README.md")))
    taught = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert taught - {"docs/index.md", "docs/changelog.md", "docs/contributing.md"} <= links


def test_the_reference_of_python_holds_every_public_name_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: quincunx\.(\w+)$", page, re.MULTILINE)
    public = {name for name in quincunx.__all__ if not hasattr(errors, name)}
    assert len(set(named)) == len(named)
    assert set(named) == public


def test_the_map_of_behaviours_names_twenty_and_files_that_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| `([^`]+)`(?:, `([^`]+)`)? \|$", page, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, _BEHAVIOURS + 1))
    files = [file for _, *named in rows for file in named if file]
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_or_name_in_backticks_is_there(page: Path) -> None:
    text = prose(page)
    files = re.findall(r"`((?:app|eval|programs|retrieval|signatures|tests|bench|docs)/[\w/.-]+\.\w+)`", text)
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme's own advertisement
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img|source)[^>]*(?:src|href)=\"?(https?://[^\s\">]+)", page.read_text()
        )
        assert loaded == [], page
