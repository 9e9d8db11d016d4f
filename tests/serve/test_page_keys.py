"""The playground of a service that asks for keys and takes feedback, with a program of one's own beside the five."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import policy_answer
import pytest
from browser import Browser, opened_browser, serious_findings
from handbook_gold import HANDBOOK
from playground import READY, Playground
from running_service import running

from quincunx.app.serve.access.keys import add_key
from quincunx.programs.registry import program_spec
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.storage.home import HOME_VARIABLE

ASKS = "document.querySelector('#key-dialog')?.open === true"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guarded")


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    return add_key(folder / "keys.json", "page", ["ask"])[0]


@pytest.fixture(scope="module")
def url(canons_folder: Path, folder: Path, key: str) -> Iterator[str]:
    shutil.copytree(canons_folder, folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder / "home"))
        build_index("handbook", [HANDBOOK])
        names = ["chat_bridge", program_spec("policy_answer").name]
        with running(programs=names, keys_file=str(folder / "keys.json")) as client:
            yield str(client.base_url)


@pytest.fixture
def page(browser: Browser, url: str) -> Playground:
    """The page before a key was given."""
    page = Playground(browser, url)
    page.open(ready=ASKS)
    return page


def give(page: Playground, key: str) -> None:
    page.browser.run("document.querySelector('#key').focus()")
    page.browser.send("Input.insertText", text=key)
    page.browser.key("Enter")


def drafts(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "home" / "feedback" / "builddaily.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_key_opens_the_page_and_stays_in_its_tab(page: Playground, key: str) -> None:
    browser = page.browser
    assert serious_findings(browser) == []
    give(page, "qx_wrong")
    browser.wait("document.querySelector('#key-why').textContent.includes('none of this service')")
    browser.wait(ASKS)
    give(page, key)
    browser.wait(READY)
    page.ask("What is Sage Daily?")
    assert len(page.sentences()) > 0
    browser.click("#share")
    assert key not in browser.run("location.href + JSON.stringify(localStorage)")
    assert browser.run("Object.values(sessionStorage)") == [key]


def test_escape_closes_the_question_for_a_key_and_a_button_opens_it_again(page: Playground) -> None:
    page.browser.key("Escape")
    page.browser.wait(f"!{ASKS}")
    page.browser.click("#key-button")
    assert page.browser.run(ASKS)


def test_thumbs_write_drafts_about_the_answer(page: Playground, key: str, folder: Path) -> None:
    give(page, key)
    page.browser.wait(READY)
    page.browser.wait("performance.getEntriesByName(new URL('openapi.json', location).href).length > 0")
    page.ask("What is Sage Daily?")
    page.browser.click("[aria-label='Good answer']")
    page.browser.wait("document.querySelector('.thumbs [role=status]').textContent === 'Thank you.'")
    page.ask("Who runs it?")
    page.browser.click(".turn:last-child [aria-label='Bad answer']")
    page.browser.send("Input.insertText", text="The house does.")
    page.browser.click(".turn:last-child .correction button")
    page.browser.wait(
        "document.querySelector('.turn:last-child .thumbs [role=status]').textContent.includes('correction is kept')"
    )
    up, down = drafts(folder)[-2:]
    assert "What is Sage Daily?" in json.dumps(up)
    assert "The house does." in json.dumps(down)
    assert serious_findings(page.browser) == []


def test_a_program_of_ones_own_is_shown_by_what_its_fields_hold(page: Playground, key: str) -> None:
    give(page, key)
    page.browser.wait(READY)
    page.choose("policy_answer")
    assert page.browser.texts("#details label") == ["Country"]
    page.ask("until when can leave be carried over?")
    assert page.browser.texts(".output dt")[:2] == ["title", "sentences"]
    assert page.browser.texts(".output dd")[0] == "Annual leave"
    assert any("end of March" in sentence for sentence in page.sentences())
    assert policy_answer.PolicyAnswer.__doc__ is not None
    page.browser.hover(".output .sentence")
    assert page.marked() == [page.sentences()[0]]
    assert serious_findings(page.browser) == []
