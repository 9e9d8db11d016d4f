"""The playground under hostile texts: nothing of theirs runs, leads away, turns around or runs off the edge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import Browser, opened_browser, serious_findings
from playground import OFF_THE_EDGE, Playground
from running_service import running

from quincunx.app.serve.page_files import PAGE_PATHS
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.passages import Document
from quincunx.retrieval.storage.home import HOME_VARIABLE

RUN = "window.hacked = 1"
RTL = "\u202e"
"""Turns what follows it around, until it is ended or isolated."""
DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": "script",
        "title": f"<img src=x onerror='{RUN}'>",
        "text": f"<script>{RUN}</script> The gadget cuts wood. </p><svg onload='{RUN}'><a href='javascript:{RUN}'>gadget</a>",
        "metadata": {"url": f"javascript:{RUN}", "kind": f"<b onclick='{RUN}'>tool</b>"},
    },
    {
        "id": "data",
        "title": "Gadget [click](javascript:alert(1))",
        "text": "The gadget has a blade. [Read on](data:text/html,<script>alert(1)</script>) about the gadget.",
        "metadata": {"link": "JaVaScRiPt:alert(1)", "source": "data:text/html,x"},
    },
    {
        "id": "bidi",
        "title": f"gadget{RTL}gnp.exe",
        "text": f"{RTL}\u2066\u2067 The gadget was built in 1999. \u202d\u2068 It is a gadget of iron.",
        "metadata": {"kind": f"{RTL}loot"},
    },
    {
        "id": "huge",
        "title": "Gadget" * 400,
        "text": "The gadget weighs " + "w" * 6000 + " grams. The gadget is heavy.",
        "metadata": {"url": "https://safe.example/gadget?a=\"><script>window.hacked=1</script>"},
    },
    {
        "id": "marks",
        "title": "Gadget g" + "\u0310\u0352" * 80,
        "text": "🪵🪚 The gadget is z" + "\u0310\u0352\u0489" * 60 + " and saws 🪵. The gadget hums.",
        "metadata": {},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home: Path = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        build_index("builddaily", [Document(**document) for document in DOCUMENTS])
        with running(programs=["chat_bridge", "resource_search"]) as client:
            yield client


@pytest.fixture
def page(browser: Browser, client: httpx.Client) -> Playground:
    return Playground(browser, str(client.base_url))


def everything_opened(page: Playground) -> None:
    """Open every sentence in turn, every tab and every candidate."""
    page.browser.run("document.querySelectorAll('.turn .sentence').forEach((sentence) => sentence.click())")
    page.browser.run("document.querySelectorAll('.ranks button').forEach((button) => button.click())")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("program", ["chat_bridge", "resource_search"])
def test_hostile_passages_do_nothing(page: Playground, program: str, width: int) -> None:
    page.open(f"#program={program}", width=width)
    page.ask("What is the gadget?")
    everything_opened(page)
    assert len(page.sentences()) >= 3
    for tab in ("funnel", "checks", "times", "passages"):
        page.show(tab)
        assert page.browser.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.browser.run(OFF_THE_EDGE) == []
    assert page.browser.run("window.hacked") is None
    assert page.browser.run("document.querySelectorAll('script').length") == 2
    assert (
        page.browser.run(
            "document.querySelectorAll('img, iframe, object, embed, base, meta[http-equiv]').length"
        )
        == 0
    )
    attributes = page.browser.run(
        "[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on'))"
    )
    assert attributes == []
    links = page.browser.run("[...document.querySelectorAll('a')].map((a) => a.href)")
    assert all(re.match(r"https://safe\.example/|" + re.escape(page.url), link) for link in links), links
    outward = page.browser.run(
        "[...document.querySelectorAll('a[href^=https]')].map((a) => [a.rel, a.target])"
    )
    assert outward
    assert all(link == ["noopener noreferrer", "_blank"] for link in outward)
    assert page.complaints() == []


def test_texts_that_turn_around_turn_nothing_beside_them(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.ask("What is the gadget?")
    everything_opened(page)
    loose = page.browser.run(
        """(() => {
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
          while (walk.nextNode()) {
            if (!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(walk.currentNode.data)) continue;
            const held = walk.currentNode.parentElement.closest("bdi, .outside, code, .away");
            const kind = held && getComputedStyle(held).unicodeBidi;
            if (!["isolate", "plaintext", "isolate-override"].includes(kind) && !held?.matches(".away")) found.push(walk.currentNode.data);
          }
          return found;
        })()"""
    )
    assert loose == []
    # The number stands before the title, whatever the title does.
    for number, title in page.browser.run(
        "[...document.querySelectorAll('.passage h3')].map((h) => [...h.children].map((e) => e.getBoundingClientRect().left))"
    ):
        assert number < title


def test_a_quote_behind_characters_of_two_units_is_marked_whole(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.ask("Does the gadget hum?")
    hums = page.browser.run(
        "[...document.querySelectorAll('.sentence')].findIndex((e) => e.textContent.includes('hums'))"
    )
    page.browser.run(f"document.querySelectorAll('.sentence')[{hums}].focus()")
    assert page.marked() == ["The gadget hums."]


def test_what_a_link_brings_is_text(page: Playground) -> None:
    hostile = "%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E"
    page.open(f"#program={hostile}&question={hostile}&detail.drawn={hostile}&detail.__proto__=x")
    assert page.browser.run("document.querySelector('#question').value.startsWith('<img')")
    assert page.browser.run("window.hacked") is None
    page.ask("<img src=x onerror=window.hacked=1>")
    assert page.browser.run("[window.hacked, document.querySelectorAll('img').length]") == [None, 0]


def test_the_policy_holds_in_the_browser(page: Playground) -> None:
    page.open()
    blocked = page.browser.run(
        """(async () => {
          const violations = [];
          document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
          const attempts = [
            () => fetch("http://127.0.0.2:9/"),
            () => document.body.append(Object.assign(document.createElement("img"), { src: "http://127.0.0.2:9/x.png" })),
            () => document.body.setAttribute("style", "color: red"),
            () => document.body.append(Object.assign(document.createElement("iframe"), { src: "http://127.0.0.2:9/" })),
            () => { document.body.innerHTML = "<p>"; },
            () => document.body.append(Object.assign(document.createElement("script"), { textContent: "window.hacked = 1" })),
          ];
          for (const attempt of attempts) try { await attempt(); } catch { /* blocked */ }
          await new Promise((done) => setTimeout(done, 200));
          return [...new Set(violations), String(window.hacked)];
        })()"""
    )
    assert {
        "connect-src",
        "img-src",
        "style-src-attr",
        "frame-src",
        "require-trusted-types-for",
        "undefined",
    } <= set(blocked)


def test_a_page_in_a_frame_is_not_shown(page: Playground, client: httpx.Client) -> None:
    headers = client.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_axe_finds_nothing_serious_among_hostile_texts(page: Playground) -> None:
    page.open("#program=chat_bridge", width=390)
    page.ask("What is the gadget?")
    everything_opened(page)
    assert serious_findings(page.browser) == []


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_every_file_comes_with_the_policy_and_its_own_type(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    assert (response.headers["x-content-type-options"], response.headers["referrer-policy"]) == (
        "nosniff",
        "no-referrer",
    )
    kinds = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
        "/": "text/html",
    }
    assert response.headers["content-type"].startswith(kinds[path.rpartition(".")[2]])
    again = client.get(path, headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/..%2f__init__.py", "/page/%2e%2e/server.py"]
)
def test_nothing_but_the_page_is_sent(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_has_no_inline_script_or_style(client: httpx.Client) -> None:
    html = client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:|https?://", html)
