"""The playground while a model writes: the draft, sentences as they stand, stopping, what was dropped, refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, opened_browser
from ollama_server import Body, OllamaServer
from playground import IDLE, Playground
from running_service import running

from quincunx.retrieval.storage.home import HOME_VARIABLE

QUESTION = "What is Sage Daily?"
TRUE = "Sage Daily gives tarot and transit readings."
ALSO_TRUE = "Sage Daily is the sister site of Build Daily."
FALSE = "Sage Daily was founded in 1990 by Ada Lovelace in Vienna."


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


class Writer:
    """A model that writes its sentences one by one, each when it is let."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.let = threading.Semaphore(0)

    def __call__(self, body: Body) -> Iterator[str]:
        yield '{"sentences": ['
        for i, sentence in enumerate(self.sentences):
            yield ", " if i else ""
            yield '{"cites": [1], "text": ' + json.dumps(sentence)[:-1]
            self.let.acquire(timeout=30)
            yield '"}'
        yield '], "between": []}'


@pytest.fixture(scope="module")
def model() -> Iterator[OllamaServer]:
    with OllamaServer(num_ctx=40_960) as server:
        yield server


@pytest.fixture(scope="module")
def url(canons_folder: Path, model: OllamaServer) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(canons_folder))
        patch.setenv("OLLAMA_HOST", model.url)
        with running(lm="ollama/qwen3", programs=["chat_bridge"], indexes=["builddaily"]) as client:
            yield str(client.base_url)


@pytest.fixture
def writer(model: OllamaServer) -> Writer:
    writer = Writer()
    model.script = writer
    return writer


@pytest.fixture
def page(browser: Browser, url: str, writer: Writer) -> Playground:
    page = Playground(browser, url)
    page.open("#program=chat_bridge")
    return page


def test_draft_and_sentences_come_while_the_model_writes(page: Playground, writer: Writer) -> None:
    writer.sentences = [TRUE, ALSO_TRUE]
    page.begin(QUESTION)
    page.browser.wait(f"document.querySelector('.draft')?.textContent.includes({json.dumps(TRUE)})")
    assert page.sentences() == []
    assert page.browser.texts(".stages .now") == ["Asking the model"]
    writer.let.release()
    page.browser.wait(f"document.querySelector('.draft')?.textContent.includes({json.dumps(ALSO_TRUE)})")
    assert page.sentences() == [TRUE]
    assert page.browser.run("document.querySelector('#ask').disabled")
    page.browser.hover(".sentence")
    assert len(page.marked()) == 1  # evidence can be seen before the answer ends
    writer.let.release()
    page.browser.wait(IDLE)
    assert page.sentences() == [TRUE, ALSO_TRUE]
    assert page.browser.texts(".draft") == []
    said = page.browser.texts("#said")[0]
    assert said.index("Searching") < said.index(TRUE) < said.index(ALSO_TRUE) < said.index("2 sentences")


def test_stopping_frees_the_model_and_keeps_what_stands(
    page: Playground, writer: Writer, model: OllamaServer
) -> None:
    writer.sentences = [TRUE, *[ALSO_TRUE] * 500]
    model.disconnected.clear()
    page.begin(QUESTION)
    writer.let.release()
    page.browser.wait("document.querySelectorAll('.sentence').length === 1")
    page.browser.key("Escape")
    page.browser.wait(IDLE)
    assert page.sentences() == [TRUE]
    assert page.browser.texts(".ended p") == ["Stopped. What stands above was checked."]
    for _ in range(100):  # it notices at its next words that nobody listens
        writer.let.release()
        if model.disconnected.wait(0.02):
            break
    assert model.disconnected.is_set()


def test_what_was_dropped_is_told_with_its_rule(page: Playground, writer: Writer) -> None:
    writer.sentences = [TRUE, FALSE]
    writer.let.release(2)
    page.ask(QUESTION)
    assert page.sentences() == [TRUE]
    assert page.browser.texts("#tab-checks") == ["Checks (1 dropped)"]
    page.show("checks")
    assert page.browser.texts(".dropped .written") == [FALSE]
    assert page.browser.texts(".dropped .tag") != [""]
    assert page.browser.texts(".dropped li p:last-child") != [""]


def test_a_refusal_says_why_and_what_came_nearest(page: Playground, writer: Writer) -> None:
    writer.sentences = []
    page.ask(QUESTION)
    assert page.sentences() == []
    assert page.browser.texts(".turn .refusal p b") == ["No answer: "]
    assert page.browser.texts(".turn .refusal li b") == page.browser.texts("#panel-passages h3 bdi")[:3]


def test_tokens_are_told_beside_their_budget(page: Playground, writer: Writer) -> None:
    writer.sentences = [TRUE]
    writer.let.release()
    page.browser.run("document.querySelector('#set-tokens').value = '30000'")
    page.ask(QUESTION)
    page.show("times")
    assert any(text.endswith("out of at most 30000") for text in page.browser.texts(".pairs dd"))
