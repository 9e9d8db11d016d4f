"""The page of an evaluation run. What must hold:

1. Whatever the texts, the JSON in the page reads back equal, and no text becomes markup.
2. Every figure of the run stands in the page, without its script too.
3. A reader of the path finds a whole page, the old or the new.
4. In a browser: every control does its work, by mouse and by key, without an error or a request.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, opened_browser
from hypothesis import given, settings
from hypothesis import strategies as st

from quincunx.eval.metrics import records as data
from quincunx.eval.report import page
from quincunx.eval.report.charts import delta_chart, latency_chart, quantile
from quincunx.eval.report.example import example
from quincunx.eval.report.optimised import part_means
from quincunx.eval.report.packing import pack, script_json
from quincunx.retrieval.errors import StorageError

FILTERS: dict[str, Callable[[data.QuestionRecord], bool]] = {
    "all": lambda q: True,
    "lost": lambda q: bool(q.lost),
    "regressed": lambda q: q.delta is not None and q.delta < 0,
    "refused": lambda q: q.refused is True,
    "wrong": lambda q: q.refused is False and (not q.answerable or q.reached[-1] is False),
    "undeclined": lambda q: q.refused is False and not q.answerable,
    "unanswered": lambda q: q.refused is True and q.answerable,
    "failed": lambda q: q.status == "failed",
    "different": lambda q: q.delta is not None and q.delta != 0,
}
HOSTILE = (
    "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>&lt;\u2028\u2029]]><!--"
)
TEXTS = st.one_of(
    st.text(st.characters(codec=None)),
    st.lists(st.sampled_from([*"<>&'\"/{}%\0\r\n\ud800\udc00", HOSTILE])).map("".join),
)


class Reader(HTMLParser):
    """What a browser makes of a page: its tags, its visible text, its data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.text, self.data, self._inside = "", "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))
        self._inside = "data" if ("id", "data") in attrs else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, text: str) -> None:
        if self._inside == "data":
            self.data += text
        elif self._inside not in ("script", "style"):
            self.text += text


def worded(text: str) -> data.Report:
    """A small run that holds a text wherever it can."""
    mean = data.Mean(0.5, 0.4, 0.6, 2)
    candidate = data.CandidateRecord(text, 1, None, 1, 1, 1, 1)
    answer = data.AnswerRecord(
        (text,),
        "",
        (data.CitationRecord(text, text),),
        (data.DroppedRecord(text, text, text),),
        (data.Judgement(text, text, text),),
        (data.CheckValue(text, 0.5),),
    )
    lost = data.LostGold(text + "lost", (None,), text, text, text)
    question = data.QuestionRecord(
        text, text, text, text, text, "failed", text, text, True, False, ((0.5,),), 0.0, (0.1,), (True,),
        (data.Gold(text, 1),), (lost,), (candidate,), answer, text,
    )  # fmt: skip
    return data.Report(
        text, "answers", ((text, text),), data.Counts(1, 0, 1, 0), (data.FunnelStep(text, 1, 1),), (text,), (text,),
        (data.StageRow(text, (mean,)),), text, (question,), (data.PassageRecord(text, text, text),),
        (data.ComparisonRecord(text, text, text, 0.0, 0.0, 0.0, None, None, 0, 1, 0, text),), (text, text), (text,),
        5, data.Refusals(1, 0, 0, 0), (data.RefusalReason(text, 1, 0),), (data.RuleCount(text, 1, 1),), (data.CheckRecord(text, text, mean),), (text,),
        losses=(data.LossCount(text, 1, 1, text),),
    )  # fmt: skip


@given(TEXTS)
@settings(max_examples=60)
def test_whatever_the_texts_the_data_reads_back_equal_and_no_tag_breaks_out(text: str) -> None:
    report = worded(text)
    html = page.render_run_page(report)
    html.encode()
    read, plain = Reader(html), Reader(page.render_run_page(worded("plain")))
    assert read.tags == plain.tags
    assert json.loads(read.data) == json.loads(json.dumps(pack(report)))
    assert not set("<>&\u2028\u2029") & set(read.data)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_for_a_script_says_the_same(value: object) -> None:
    assert json.loads(script_json(value)) == json.loads(json.dumps(value))
    script_json(value).encode()


def test_hostile_text_is_shown_as_it_is() -> None:
    read = Reader(page.render_run_page(worded(HOSTILE)))
    assert read.text.count(HOSTILE) >= 15
    assert ("img", ["src", "onerror"]) not in read.tags


def test_a_passage_stands_once_and_is_a_number_elsewhere() -> None:
    packed = json.loads(script_json(pack(example(2, passages=30))))
    candidate = dict(zip(packed["fields"]["Candidate"], packed["questions"][0][-3][0], strict=True))
    assert packed["fields"]["Question"][-3:] == ["candidates", "answer", "reference"]
    assert (
        packed["passages"][candidate["passage"]][0]
        == example(2, passages=30).questions[0].candidates[0].passage
    )
    unknown = replace(example(1, passages=30).questions[0], gold=(data.Gold("elsewhere[3:9]", 2),))
    packed = json.loads(script_json(pack(replace(example(1, passages=30), questions=(unknown,)))))
    assert packed["questions"][0][packed["fields"]["Question"].index("gold")] == [["elsewhere[3:9]", 2]]


def test_every_figure_stands_in_the_page_without_its_script() -> None:
    report = example(400, passages=60)
    words = re.sub(r"\s+", " ", Reader(page.render_run_page(report)).text)
    shown, time = latency_chart(report), page.time
    assert shown is not None
    assert report.refusals is not None
    wanted = [report.name, *report.notes, *(part for fact in report.facts for part in fact)]
    wanted += [f"{getattr(report.counts, name):,}" for name in ("attempted", "scored", "failed", "skipped")]
    wanted += [f"{step.count:,} of {step.n:,}" for step in report.funnel]
    means = [cell for row in report.table for cell in row.cells] + [check.value for check in report.checks]
    wanted += [f"{mean.mean:.3f}" for mean in means] + [
        f"{mean.low:.3f} to {mean.high:.3f}" for mean in means
    ]
    wanted += [f"n {cell.n:,}, {cell.failed:,} failed" for row in report.table for cell in row.cells]
    wanted += [
        "+0.041",
        "+0.019 to +0.063",
        "< 0.0001",
        "0.0009",
        "−0.007",
        "−0.021 to +0.007",
        "0.3121",
        "0.6242",
    ]
    wanted += [str(n) for c in report.comparisons for n in (c.wins, c.ties, c.losses)]
    wanted += [c.verdict for c in report.comparisons] + ["4,311", "187", "53", "251", "4,498"]
    wanted += [time(seconds) for row in shown.rows for seconds in (row.p50, row.p95, row.longest)]
    bars = delta_chart(report)
    wanted += [
        f"▲ {bars.gains} better",
        f"= {bars.same} the same",
        f"▼ {bars.losses} worse",
        f"{bars.unscored} not",
    ]
    assert [text for text in wanted if text not in words] == []


def test_charts_count_each_question_once() -> None:
    report = example(400, passages=60)
    bars, times = delta_chart(report), latency_chart(report)
    assert times is not None
    known = [q.delta for q in report.questions if q.delta is not None]
    assert (bars.gains, bars.losses) == (sum(d > 0 for d in known), sum(d < 0 for d in known))
    assert bars.gains + bars.same + bars.losses + bars.unscored == 400
    assert bars.gains_path.count("M") == bars.gains
    assert sum(bin.count for bin in times.bins) == times.total.n == len(known)
    assert quantile([1.0, 2.0, 4.0], 0.5) == 2.0
    assert quantile([0.0, 10.0], 0.95) == pytest.approx(9.5)


def test_parts_of_a_metric_are_compared_over_the_questions_that_have_them_twice() -> None:
    def told(**parts: float) -> dict[str, Any]:
        return {"score": 0.0, "parts": parts, "failed": None}

    scores = {
        "before": {"a": told(overlap=0.2, kept=1.0), "b": told(overlap=0.4), "c": told(overlap=1.0)},
        "after 3": {"a": told(overlap=0.6), "b": told(overlap=0.8, kept=0.5), "c": told()},
    }
    [part] = part_means({"seed": 3, "scores": scores})
    assert (part.name, part.n) == ("overlap", 2)
    assert [part.before, part.after] == pytest.approx([0.3, 0.7])
    assert part_means({"seed": 4, "scores": {}}) == []


def test_a_run_of_nothing_has_a_page() -> None:
    empty = replace(
        worded("x"), questions=(), passages=(), table=(), funnel=(), comparisons=(), checks=(), refusals=None
    )
    assert "[]" in Reader(page.render_run_page(empty)).data
    assert latency_chart(empty) is None


def test_a_report_that_does_not_fit_together_is_refused() -> None:
    report = worded("x")
    with pytest.raises(ValueError, match="finite"):
        data.Mean(float("nan"), None, None, 0)
    with pytest.raises(ValueError, match="one of measures"):
        replace(report, primary="y")
    with pytest.raises(ValueError, match="an id of its own"):
        replace(report, questions=report.questions * 2)
    with pytest.raises(ValueError, match="one row a stage"):
        replace(report, stages=("x", "y"))


def test_the_page_is_whole_or_the_old_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    page.publish_page(path, page.render_run_page(worded("first")))
    assert path.read_text() == page.render_run_page(worded("first"))

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"report\.html"):
        page.publish_page(path, page.render_run_page(worded("second")))
    assert path.read_text() == page.render_run_page(worded("first"))
    assert os.listdir(tmp_path) == ["report.html"]


def test_the_page_forbids_itself_everything_but_its_own_style_and_script() -> None:
    html = page.render_run_page(worded("x"))
    assert "content=\"default-src 'none'; style-src 'sha256-" in html
    assert not re.search(r"""(src|href|action)=["'](?!data:,)""", html)
    scripts = "".join((page.FOLDER / name).read_text() for name in page.SCRIPTS)
    for way_out in (
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "fetch(",
        "XMLHttpRequest",
        "eval(",
        "import(",
    ):
        assert way_out not in scripts


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened_browser(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[data.Report, Path]:
    """A run of 5,000 questions, and its page."""
    report, path = example(5000), tmp_path_factory.mktemp("report") / "report.html"
    page.publish_page(path, page.render_run_page(report))
    return report, path


def test_five_thousand_questions_open_fast(
    browser: Browser, big: tuple[data.Report, Path], record_property: Callable[[str, object], None]
) -> None:
    seconds = browser.open(big[1])
    record_property("load_seconds", seconds)
    record_property("megabytes", big[1].stat().st_size / 1e6)
    assert seconds < 4
    assert big[1].stat().st_size < 15e6
    assert browser.run("document.querySelectorAll('#rows tr').length") == 50
    assert browser.complaints() == []


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_counts_and_shows_what_it_says(
    browser: Browser, big: tuple[data.Report, Path], name: str
) -> None:
    report, path = big
    browser.open(path)
    browser.click(f"#filter-{name}")
    fitting = [question.id for question in report.questions if FILTERS[name](question)]
    assert browser.texts(f"#filter-{name} span") == [f"{len(fitting):,}"]
    assert browser.texts("#rows td:first-child") == fitting[:50]
    assert browser.texts("#place") == [f"1 to {min(50, len(fitting)):,} of {len(fitting):,}"]
    browser.click("#next-page")
    assert browser.texts("#rows td:first-child") == fitting[50:100]
    assert browser.run("location.hash") == ("" if name == "all" else f"#show={name}")
    assert browser.complaints() == []


def test_a_column_sorts_both_ways_with_what_was_not_measured_last(
    browser: Browser, big: tuple[data.Report, Path]
) -> None:
    report, path = big
    browser.open(path)
    taken = {q.id: sum(s for s in q.seconds if s is not None) for q in report.questions if q.seconds}
    unknown = [question.id for question in report.questions if not question.seconds]
    for turn in (1, -1):
        browser.click('[data-key="time"] button')
        wanted = [*sorted(taken, key=lambda id: turn * taken[id]), *unknown]
        assert browser.texts("#rows td:first-child") == wanted[:50]
        direction = browser.run("document.querySelector('[data-key=time]').getAttribute('aria-sort')")
        assert direction == ("ascending" if turn == 1 else "descending")
    browser.run(f"location.hash = '#sort=time&down=1&q={unknown[-1]}'")
    browser.wait("document.querySelector('#asked') !== null")
    assert browser.texts(".bar-top .hint") == ["5,000 of 5,000"]
    assert any("language_model: the engine did not answer" in text for text in browser.texts(".notes"))


def test_search_finds_words_and_counts_on_every_filter(
    browser: Browser, big: tuple[data.Report, Path]
) -> None:
    report, path = big
    browser.open(path)
    browser.key("/")
    browser.send("Input.insertText", text="Dividend hedge")
    found = [q for q in report.questions if all(word in q.text.lower() for word in ("dividend", "hedge"))]
    for name, fits in FILTERS.items():
        assert browser.texts(f"#filter-{name} span") == [f"{sum(map(fits, found)):,}"]
    assert browser.texts("#rows td:first-child") == [question.id for question in found[:50]]
    browser.send("Input.insertText", text=" no such word")
    assert browser.texts("#rows tr") == []
    browser.click("#clear")
    assert len(browser.texts("#rows tr")) == 50


def test_a_question_shows_both_orders_the_loss_the_answer_and_its_quotes(
    browser: Browser, big: tuple[data.Report, Path]
) -> None:
    report, path = big
    titles = {passage.id: passage.title for passage in report.passages}
    lost = [q for q in report.questions if q.lost and not q.refused]
    question = lost[0]
    assert question.answer is not None
    browser.open(path)
    browser.click("#filter-lost")
    browser.click(f"#rows tr[data-place='{[q for q in report.questions if q.lost].index(question)}']")
    assert browser.texts("#asked") == [question.text]
    for column, rank in ((1, "fused_rank"), (3, "final_rank")):
        ordered = sorted(question.candidates, key=lambda candidate: int(getattr(candidate, rank)))
        shown = browser.texts(f".orders > div:nth-child({column}) .title")
        assert shown == [f"{titles[candidate.passage]} {candidate.passage}" for candidate in ordered]
    gold = question.gold[0].id
    assert [text.split(" ")[-1] for text in browser.texts(".orders li.gold .title")] == [gold, gold]
    (what,) = browser.texts(".lost")
    for text in (
        question.lost[0].diagnosis,
        question.lost[0].advice,
        str(question.lost[0].displaced_by),
        "not found",
    ):
        assert text in what
    given = sorted(question.candidates, key=lambda candidate: candidate.final_rank or 0)[:5]
    assert browser.texts("details[open] summary .fine") == [candidate.passage for candidate in given]
    assert browser.texts("mark") == [citation.quote for citation in question.answer.citations]
    assert set(question.answer.lines) <= set(browser.texts(".answer p"))
    figures = [f"{value:.3f}" for row in question.values for value in row if value is not None]
    assert browser.texts("#detail .pair section:first-child td") == figures
    browser.click(".lost .title")
    assert browser.run("document.activeElement.closest('details').open") is True
    browser.key("Escape")
    assert browser.run("document.querySelector('#detail').hidden")
    assert browser.run("document.activeElement.querySelector('td').textContent") == question.id
    browser.run("history.back()")
    browser.wait("!document.querySelector('#detail').hidden")
    assert browser.complaints() == []


def test_the_keys_move_open_and_close(browser: Browser, big: tuple[data.Report, Path]) -> None:
    report, path = big
    browser.open(path, "#show=regressed")
    regressed = [q.id for q in report.questions if FILTERS["regressed"](q)]
    at = "document.activeElement.querySelector('td').textContent"
    for key, place in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0), ("j", 1)):
        browser.key(key)
        assert browser.run(at) == regressed[place]
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.key("Enter")
    assert browser.run("location.hash") == f"#show=regressed&q={regressed[1]}"
    browser.key("j")
    assert browser.run("location.hash") == f"#show=regressed&q={regressed[2]}"
    browser.key("Escape")
    assert browser.run("location.hash") == "#show=regressed"
    for _ in range(50):
        browser.key("j")
    assert browser.texts("#place") == [f"51 to 100 of {len(regressed):,}"]


def test_light_and_dark(browser: Browser, big: tuple[data.Report, Path]) -> None:
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    for scheme, first, second in (("light", 252, 22), ("dark", 22, 252)):
        browser.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        browser.open(big[1])
        browser.run("localStorage.clear()")
        browser.open(big[1])
        assert browser.run(paper).startswith(f"rgb({first},")
        browser.click("#theme")
        assert browser.run(paper).startswith(f"rgb({second},")
        browser.key("d")
        assert browser.run(paper).startswith(f"rgb({first},")
    browser.run("localStorage.clear()")
    browser.send("Emulation.setEmulatedMedia", features=[])
    assert browser.complaints() == []


def test_hostile_text_stays_text_in_the_browser(browser: Browser, tmp_path: Path) -> None:
    page.publish_page(tmp_path / "hostile.html", page.render_run_page(worded(HOSTILE)))
    browser.open(tmp_path / "hostile.html")
    browser.click("#rows tr")
    assert browser.texts("#asked") == [HOSTILE]
    assert browser.texts("mark") == [HOSTILE]
    assert str(browser.run("document.title")).startswith("</script><script>document.title='broken'")
    assert browser.run("document.images.length") == 0
    assert browser.complaints() == []
