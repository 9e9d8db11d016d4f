"""The playground in a browser: it asks, streams, shows evidence and ranks, and is worked by mouse, touch and keys."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from browser import Browser, opened_browser, serious_findings
from five_programs import QUESTIONS
from playground import IDLE, OFF_THE_EDGE, READY, Playground

LOOKS = {
    "builddaily": ["chat_bridge", "resource_search"],
    "paiddaily": ["catalyst_precedent", "ticker_fit"],
    "sagedaily": ["astrology_reading"],
}
SITE_OF = {program: site for site, programs in LOOKS.items() for program in programs}
WIDTHS = [390, 1280]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture
def page(browser: Browser, service: httpx.Client) -> Playground:
    return Playground(browser, str(service.base_url))


def claims_in(value: object) -> list[str]:
    """Return the statements that an output holds, in its order."""
    if isinstance(value, dict):
        if "citations" in value:
            return [value["text"]]
        return [text for held in value.values() for text in claims_in(held)]
    return [text for held in value for text in claims_in(held)] if isinstance(value, list) else []


@pytest.mark.parametrize("program", QUESTIONS)
def test_every_program_is_asked_and_its_answer_shown_whole(
    page: Playground, service: httpx.Client, program: str
) -> None:
    page.open()
    page.choose(program)
    page.ask()
    answer = service.post(f"/v1/ask/{program}", json={"question": QUESTIONS[program]}).json()
    assert page.sentences() == claims_in(answer["output"])
    assert page.browser.run("document.documentElement.dataset.site") == SITE_OF[program]
    assert page.browser.texts("#tab-passages, #tab-funnel") == ["Passages 5", "20 → 5"]
    titles = [passage["title"] for passage in answer["passages"]]
    assert page.browser.texts("#panel-passages h3 bdi") == titles
    assert page.complaints() == []


def test_every_rank_of_every_candidate_is_told(page: Playground, service: httpx.Client) -> None:
    page.open("#program=chat_bridge")
    page.ask("What is Sage Daily?")
    page.show("funnel")
    answer = service.post("/v1/ask/chat_bridge", json={"question": "What is Sage Daily?"}).json()
    ranks = ("dense_rank", "lexical_rank", "fused_rank", "rerank_rank", "final_rank")
    ordered = sorted(answer["candidates"], key=lambda candidate: int(candidate["final_rank"]))
    told = [str(candidate[rank] or "–not returned") for candidate in ordered for rank in ranks]
    assert page.browser.texts(".ranks tbody tr:not(.more) td") == told
    kept = [passage["title"] for passage in answer["passages"]]
    assert page.browser.texts(".ranks .kept button") == kept
    assert page.browser.run("document.querySelectorAll('.bump g g').length") == 20
    page.browser.click(".ranks tbody button")
    (text,) = page.browser.texts(".ranks .more:not([hidden]) p.outside")
    assert text == ordered[0]["passage"]["text"]


def test_a_sentence_points_at_its_quote_by_mouse_and_by_focus(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.ask("What is Sage Daily?")
    first, second = page.sentences()[:2]
    assert page.marked() == []
    page.browser.hover(".sentence:nth-of-type(1)")
    assert page.marked() == [first]  # the extractive engine answers in the passages' own words
    page.browser.hover(".sentence:nth-of-type(2)")
    assert page.marked() == [second]
    page.browser.hover("#site")
    assert page.marked() == []
    page.browser.run("document.querySelector('.sentence').focus()")
    assert page.marked() == [first]


def test_an_opened_sentence_shows_its_quote_until_escape(page: Playground) -> None:
    page.open("#program=chat_bridge", width=390)
    page.ask("What is Sage Daily?")
    first = page.sentences()[0]
    page.browser.click_words(".sentence > bdi")
    assert page.browser.texts(".proof mark") == [first]
    assert page.browser.texts(".proof figcaption bdi")[:1] == ["Sage Daily"]
    page.browser.hover("#site")
    assert page.marked() == [first]  # stays pointed at as long as it is open
    page.browser.key("Escape")
    assert (page.browser.texts(".proof"), page.marked()) == ([], [])


@pytest.mark.parametrize(
    ("program", "score", "date"), [("ticker_fit", "fit", "as_of"), ("catalyst_precedent", "likeness", "date")]
)
def test_cards_sort_by_score_date_and_name(
    page: Playground, service: httpx.Client, program: str, score: str, date: str
) -> None:
    page.open(f"#program={program}")
    page.ask()
    output = service.post(f"/v1/ask/{program}", json={"question": QUESTIONS[program]}).json()["output"]
    entries = output.get("tickers") or output["precedents"]
    name = "ticker" if program == "ticker_fit" else "event"
    orders = {
        score: sorted(entries, key=lambda entry: -entry[score]),
        date: sorted(entries, key=lambda entry: entry[date], reverse=True),
        name: sorted(entries, key=lambda entry: entry[name]),
    }
    for order, wanted in orders.items():
        page.browser.click(f"[data-order={order}]")
        assert page.browser.texts(".card h4") == [entry[name] for entry in wanted]
        assert page.browser.texts(".sorting [aria-pressed=true]") == page.browser.texts(
            f"[data-order={order}]"
        )
    assert len(entries) > 2


def test_cards_are_laid_as_they_are_drawn(page: Playground) -> None:
    page.open("?site=sagedaily")
    page.browser.click("#details button:nth-of-type(2)")
    drawn = page.browser.run("document.querySelector('#detail-drawn').value")
    assert [part.split(":")[0] for part in drawn.split("; ")] == ["Past", "Present", "Future"]
    laid = page.browser.texts("#details .tarot b")
    assert [part.split(": ")[1].removesuffix(" reversed") for part in drawn.split("; ")] == laid
    page.ask("Should I stay in my job?")
    assert page.browser.texts(".reading .tarot b") == laid
    reversed_cards = page.browser.run("document.querySelectorAll('.reading .reversed').length")
    assert reversed_cards == drawn.count("reversed")


def test_a_conversation_is_remembered_until_a_new_one_is_begun(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.ask("What is Sage Daily?")
    page.ask("Who runs it?")
    assert page.browser.texts(".asked") == ["What is Sage Daily?", "Who runs it?"]
    page.show("checks")
    assert any("Sage Daily" in text for text in page.browser.texts("#panel-checks li"))
    page.browser.click("#afresh")
    assert page.browser.texts(".turn") == []
    page.ask("Who runs it?")
    page.show("checks")
    assert page.browser.texts("#panel-checks li")[-1:] == ["Who runs it?"]


def test_everything_is_done_by_keys_alone(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.browser.run("document.body.focus()")
    page.browser.key("/")
    page.browser.send("Input.insertText", text="What is Sage Daily?")
    page.browser.key("Enter")
    page.browser.wait(f"{IDLE} && document.querySelector('.turn .sentence') !== null")
    page.browser.run("document.querySelector('input[name=program]:checked').focus()")
    seen = []
    for _ in range(40):
        page.browser.key("Tab")
        where = page.browser.run(
            "(() => { const e = document.activeElement; if (e.className === 'sentence') return 'sentence';"
            " return e.id || e.tagName; })()"
        )
        seen.append(where)
        ring = page.browser.run("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none" or where == "sentence", where
        if where == "tab-passages":
            break
        if where == "sentence" and "opened" not in seen:
            seen.append("opened")
            page.browser.key("Enter")
            assert len(page.browser.texts(".proof mark")) == 1
            page.browser.key("Escape")
            assert page.browser.texts(".proof") == []
    assert {"sentence", "opened", "question", "ask", "example", "afresh", "tab-passages"} <= set(seen)
    page.browser.key("ArrowRight")
    assert page.browser.texts("[role=tab][aria-selected=true]") == ["20 → 5"]
    page.browser.key("Tab")
    assert page.browser.run("document.activeElement.id") == "panel-funnel"


def test_programs_are_chosen_by_arrow_keys(page: Playground) -> None:
    page.open("?site=builddaily#program=chat_bridge")
    page.browser.run("document.querySelector('input[name=program]:checked').focus()")
    page.browser.key("ArrowRight")
    assert (
        page.browser.run("document.querySelector('input[name=program]:checked').value") == "resource_search"
    )


def test_a_link_fills_the_form_and_asks_nothing(page: Playground) -> None:
    page.open("?site=sagedaily")
    page.browser.run("document.querySelector('#detail-drawn').value = 'The Star & The Moon'")
    page.browser.run("document.querySelector('#question').value = 'Should I stay? #1'")
    page.browser.click("#share")
    link = page.browser.run("location.href")
    page.open(link.removeprefix(page.url + "/"))
    shared = page.browser.run(
        "[document.querySelector('#question').value, document.querySelector('#detail-drawn').value]"
    )
    assert shared == ["Should I stay? #1", "The Star & The Moon"]
    assert page.browser.texts("#details .tarot b") == ["The Star", "The Moon"]
    page.browser.run("new Promise((done) => setTimeout(done, 300))")
    sent = [e["params"]["request"] for e in page.browser.events if e["method"] == "Network.requestWillBeSent"]
    assert {request["method"] for request in sent} == {"GET"}
    assert page.browser.texts(".turn") == []


def test_a_link_holds_no_conversation(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.ask("What is Sage Daily?")
    page.ask("Who runs it?")
    assert page.browser.run("location.hash") == "#program=chat_bridge&question=Who+runs+it%3F"


def test_the_switch_turns_the_light_and_is_remembered(page: Playground) -> None:
    page.open()
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.browser.run(paper)
    page.browser.click("#theme")
    dark = page.browser.run(paper)
    assert dark != light
    page.browser.visit(page.url, READY)
    assert page.browser.run(paper) == dark
    page.open(dark=True)
    assert page.browser.run(paper) == dark
    page.browser.click("#theme")
    assert page.browser.run(paper) == light


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("program", QUESTIONS)
def test_nothing_runs_off_the_edge_in_any_tab(page: Playground, program: str, width: int) -> None:
    page.open(f"?site={SITE_OF[program]}#program={program}", width=width)
    page.ask()
    for tab in ("funnel", "checks", "times", "passages"):
        page.show(tab)
        assert page.browser.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.browser.run(OFF_THE_EDGE) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("site", LOOKS)
def test_axe_finds_nothing_serious(page: Playground, site: str, width: int, dark: bool) -> None:
    page.open(f"?site={site}", width=width, dark=dark)
    assert serious_findings(page.browser) == []
    page.ask()
    page.browser.click_words(".sentence > bdi")
    for tab in ("funnel", "checks", "times", "passages"):
        page.show(tab)
        assert serious_findings(page.browser) == []


def test_a_problem_of_the_service_is_told_with_its_code(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.browser.run("document.querySelector('.settings').open = true")
    page.browser.run("document.querySelector('#set-where').value = '='")
    page.ask("What is Sage Daily?")
    assert "bad_filter" in page.browser.texts(".ended")[0]


def test_search_and_budget_are_sent_as_they_are_chosen(page: Playground) -> None:
    page.open("#program=chat_bridge")
    page.browser.run("document.querySelector('.settings').open = true")
    for name, value in {"k": "4", "n": "2", "seconds": "30"}.items():
        page.browser.run(f"document.querySelector('#set-{name}').value = '{value}'")
    page.ask("What is Sage Daily?")
    assert page.browser.texts("#tab-funnel") == ["4 → 2"]
    page.show("times")
    assert any(text.endswith("of at most 30 s") for text in page.browser.texts(".pairs dd"))
