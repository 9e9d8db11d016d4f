"""Where citations lead: the page or row, and the address with its fragment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.check.places import url_of_quote, with_place
from quincunx.retrieval.passages import Part
from quincunx.signatures.evidence import Evidence

PAGES = ((0, "page", 3), (20, "page", 4))
TEXT = "The first sentence. The second one."


@pytest.mark.parametrize(("start", "page"), [(0, 3), (20, 4), (24, 4)])
def test_a_citation_names_the_page_that_it_begins_on(start: int, page: int) -> None:
    read = Evidence(id="p", title="T", text=TEXT, parts=PAGES, path="hr/a b.pdf")
    citation = with_place(read.citation(start, len(TEXT)), read)
    assert (citation.page, citation.place) == (page, f"page {page}")
    assert citation.url == f"hr/a%20b.pdf#page={page}"


def test_a_passage_that_begins_later_names_its_own_page() -> None:
    read = Evidence(id="p", title="T", text=TEXT[20:], start=20, parts=PAGES[1:], path="a.pdf")
    assert with_place(read.citation(0, 5), read).page == 4


def test_what_has_no_parts_and_no_address_leads_nowhere() -> None:
    read = Evidence(id="p", title="T", text=TEXT)
    citation = with_place(read.citation(0, 5), read)
    assert (citation.page, citation.place, citation.url) == (None, "", "")


@pytest.mark.parametrize(
    ("address", "part", "url"),
    [
        ("https://a.b/c", None, "https://a.b/c#:~:text=Tea%20at%20four"),
        ("https://a.b/c#x", None, "https://a.b/c#x:~:text=Tea%20at%20four"),
        ("https://a.b/c.pdf", Part(0, "page", 2), "https://a.b/c.pdf#page=2"),
        ("wiki/a.html", None, "wiki/a.html#:~:text=Tea%20at%20four"),
        ("a.csv", Part(0, "row", 17), "a.csv#row=17"),
        ("a.md", None, "a.md"),
        ("a.py", Part(0, "line", 12), "a.py"),
        ("ä #1?.md", None, "%C3%A4%20%231%3F.md"),
        ("", None, ""),
    ],
)
def test_the_fragment_is_that_of_the_kind(address: str, part: Any, url: str) -> None:
    assert url_of_quote(address, part, "**Tea** at\nfour") == url


@given(st.text(min_size=1))
def test_a_text_fragment_says_the_quote_and_stays_one_address(quote: str) -> None:
    url = url_of_quote("https://a.b/c", None, quote)
    assert url.startswith("https://a.b/c")
    assert not any(char.isspace() for char in url)
    directive = url.partition("#:~:text=")[2]
    assert directive.count(",") <= 1
    assert urlsplit(url).netloc == "a.b"
