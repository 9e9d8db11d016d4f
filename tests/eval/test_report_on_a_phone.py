"""Both report pages on a screen of a phone, a narrow one and a desk, with ids and titles that are hard to lay out.

Invariants:
    1. Nothing runs off the edge: what is wider than the screen scrolls within itself, and shows that it does.
    2. The title of every candidate can be read whole.
    3. A text keeps its own direction, a passage without a title is called by its id.
    4. axe-core finds nothing serious, by day and night.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import DRAWN, LOADED, Browser, opened_browser, serious_findings
from odd_pages import TITLES, UNBROKEN, odd_optimisation, odd_report

from quincunx.eval.report import page
from quincunx.eval.report.optimised import render_optimization_page

PHONES = (320, 390)
WIDTHS = (*PHONES, 720, 721, 900, 901, 1280)
REPORT = odd_report()
HEADER = {"begun": "2026-11-30T10:00:00.000+00:00", "commit": "0123456789abcdef+", "quincunx": "1"}
ASKED = next(q for q in REPORT.questions if q.lost and q.answer is not None and q.answer.citations)


class TablesOutside(HTMLParser):
    """Counts the tables of a page, and those that lie in no scroller."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.tables = self.outside = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "div":
            self.open.append(("class", "scroll") in attrs)
        elif tag == "table":
            self.tables += 1
            self.outside += not any(self.open)

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self.open.pop()


@pytest.mark.parametrize(
    "html",
    [page.render_run_page(REPORT), render_optimization_page("run", HEADER, odd_optimisation())],
    ids=["evaluation", "optimisation"],
)
def test_a_page_fits_itself_to_the_screen_and_each_table_to_a_scroller(html: str) -> None:
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    found = TablesOutside(html)
    assert found.tables
    assert found.outside == 0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str, str]]:
    """By name: the file, what its address ends with, and when it is ready."""
    folder = tmp_path_factory.mktemp("pages")
    run, optimised = folder / "run.html", folder / "optimised.html"
    page.publish_page(run, page.render_run_page(REPORT))
    page.publish_page(optimised, render_optimization_page(f"optimise-{UNBROKEN}", HEADER, odd_optimisation()))
    return {
        "run": (run, "", DRAWN),
        "question": (run, f"#q={ASKED.id}", DRAWN),
        "optimisation": (optimised, "", LOADED),
    }


Pages = dict[str, tuple[Path, str, str]]

OFF_THE_EDGE = """
[...document.body.querySelectorAll("*")].filter((e) => !e.closest("svg, script, template, [hidden]"))
  .filter((e) => !e.parentElement.closest(".scroll, .orders .title"))
  .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.right > innerWidth + 1 || r.left < -1); })
  .map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40))
"""
SCROLLERS = """
[...document.querySelectorAll(".scroll")].filter((e) => e.clientWidth).map((e) => {
  const style = getComputedStyle(e), more = e.previousElementSibling;
  return {
    wider: e.scrollWidth > e.clientWidth + 1, scrolls: style.overflowX === "auto", shaded: style.backgroundImage.includes("gradient"),
    focusable: e.tabIndex === 0, told: Boolean(more && more.className === "more" && more.clientHeight),
  };
})
"""
TITLES_SHOWN = """
[...document.querySelectorAll(".orders .title")].map((e) => ({
  text: e.textContent, whole: e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 1,
  width: e.getBoundingClientRect().width, size: parseFloat(getComputedStyle(e).fontSize),
  inside: e.getBoundingClientRect().bottom <= e.closest("li").getBoundingClientRect().bottom + 1,
}))
"""


def shown(browser: Browser, pages: Pages, name: str, width: int) -> None:
    browser.resize(width, 844)
    path, address, ready = pages[name]
    browser.open(path, address, ready)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["run", "question", "optimisation"])
def test_nothing_runs_off_the_edge(browser: Browser, pages: Pages, name: str, width: int) -> None:
    shown(browser, pages, name, width)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run(OFF_THE_EDGE) == []
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["run", "question", "optimisation"])
def test_a_table_wider_than_a_phone_scrolls_and_shows_it(browser: Browser, pages: Pages, name: str) -> None:
    shown(browser, pages, name, 390)
    found: list[dict[str, Any]] = browser.run(SCROLLERS)
    assert found
    assert all(one["scrolls"] and one["shaded"] and one["focusable"] for one in found)
    wide = [one for one in found if one["wider"]]
    assert wide or name == "question"
    assert all(one["wider"] for one in found if one["told"])  # no hint where there is nothing more
    if name != "question":  # of a question's small tables, the shade alone tells
        assert all(one["told"] for one in wide)
    shown(browser, pages, name, 1280)
    assert not any(one["told"] for one in browser.run(SCROLLERS))


@pytest.mark.parametrize("width", PHONES)
def test_the_title_of_every_candidate_is_whole(browser: Browser, pages: Pages, width: int) -> None:
    shown(browser, pages, "question", width)
    titles: list[dict[str, Any]] = browser.run(TITLES_SHOWN)
    assert len(titles) == 2 * len(ASKED.candidates)
    assert all(one["whole"] and one["inside"] for one in titles)
    assert all(one["size"] >= 12 and one["width"] >= 80 for one in titles)
    names = {passage.id: passage.title for passage in REPORT.passages}
    wanted = {(names[c.passage] + " " + c.passage).strip() for c in ASKED.candidates}
    assert {one["text"] for one in titles} == wanted


def test_a_passage_without_a_title_is_called_by_its_id(browser: Browser, tmp_path: Path) -> None:
    blank = replace(REPORT, passages=tuple(replace(p, title=" \n") for p in REPORT.passages))
    page.publish_page(tmp_path / "blank.html", page.render_run_page(blank))
    browser.resize(390, 844)
    browser.open(tmp_path / "blank.html", f"#q={ASKED.id}")
    assert set(browser.texts(".orders .title")) == {c.passage for c in ASKED.candidates}


def test_each_text_keeps_its_direction(browser: Browser, pages: Pages) -> None:
    direction = "getComputedStyle(document.querySelector('#asked')).direction"
    browser.resize(390, 844)
    for title, wanted in ((TITLES[0], "ltr"), (TITLES[1], "rtl"), (TITLES[2], "rtl"), (UNBROKEN, "ltr")):
        question = next(q for q in REPORT.questions if q.text == title)
        browser.open(pages["run"][0], f"#q={question.id}")
        assert browser.run(direction) == wanted
    titles = "[...document.querySelectorAll('.orders .title bdi:first-child')]"
    found = browser.run(f"{titles}.map((e) => [e.textContent, getComputedStyle(e).direction])")
    assert {way for text, way in found if text in TITLES[1:3]} == {"rtl"}
    assert {way for text, way in found if text in (TITLES[0], TITLES[5])} == {"ltr"}


@pytest.mark.parametrize("name", ["run", "question", "optimisation"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper_by_day_and_night(
    browser: Browser, pages: Pages, name: str, scheme: str
) -> None:
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        shown(browser, pages, name, 390)
        paper = browser.run("getComputedStyle(document.documentElement).backgroundColor")
        assert (luminance(paper) < 0.5) == (scheme == "dark")
        for selector in ("h1", ".hint", "h2", ".fine"):
            words = browser.run(f"getComputedStyle(document.querySelector('{selector}')).color")
            dark, light = sorted((luminance(paper), luminance(words)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, selector
    finally:
        browser.send("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("name", ["run", "question", "optimisation"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(
    browser: Browser, pages: Pages, name: str, scheme: str, width: int
) -> None:
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        shown(browser, pages, name, width)
        assert serious_findings(browser) == []
    finally:
        browser.send("Emulation.setEmulatedMedia", features=[])


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
