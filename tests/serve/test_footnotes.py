"""An answer as prose with footnotes: the parts of an output are all there, and hostile text makes no link."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from quincunx import Citation, Claim, Item, Pointer
from quincunx.app.serve.dropin.footnotes import FootnotedText, plain, tells_early, without_footnotes
from quincunx.signatures.astrology_reading import Reading
from quincunx.signatures.chat_bridge import ChatReply
from quincunx.signatures.ticker_fit import TickerFit, TickerShortlist


def claim(text: str, *cited: str, link: str = "", place: str = "") -> Claim:
    citations = [
        Citation(
            passage_id=id, quote="q", title=id.upper(), link=link, url=link and f"{link}#{id}", place=place
        )
        for id in cited
    ]
    return Claim(text=text, citations=citations)


def answered(output: Any) -> Any:
    return SimpleNamespace(answered=True, refusal=None, output=output)


def laid_out(output: Any) -> str:
    return FootnotedText().finish(answered(output))


def test_a_source_has_one_number_wherever_it_is_cited() -> None:
    reply = ChatReply(sentences=[claim("One.", "b", "a"), claim("Two.", "a", "a"), claim("Three.", "c")])
    assert laid_out(reply) == "One. [1] [2] Two. [2] Three. [3]\n\nSources:\n- [1] B\n- [2] A\n- [3] C"


def test_places_of_one_passage_are_sources_of_their_own() -> None:
    reply = ChatReply(sentences=[claim("One.", "a", place="page 1"), claim("Two.", "a", place="page 2")])
    assert laid_out(reply).endswith("Two. [2]\n\nSources:\n- [1] A, page 1\n- [2] A, page 2")


def test_annotations_point_at_the_numbers_of_sources_with_an_address() -> None:
    written = FootnotedText()
    reply = ChatReply(
        sentences=[claim("Grüße 🙂.", "a", link="https://x.example/a"), claim("Two.", "b", link="ftp://x/b")]
    )
    text = written.tell(reply.sentences[0]) + written.finish(answered(reply))
    (annotation,) = written.annotations
    found = annotation["url_citation"]
    assert text[found["start_index"] : found["end_index"]] == "[1]"
    assert (found["url"], found["title"]) == ("https://x.example/a#a", "A")
    assert "ftp://" not in text


def test_entries_of_a_list_begin_with_their_facts_and_name_their_parts() -> None:
    fit = TickerFit(
        ticker="NYXO", fit=0.4, reasons=[claim("It fits.", "a")], against=[claim("It does not.", "b")]
    )
    assert laid_out(TickerShortlist(tickers=[fit])) == (
        "**NYXO** · fit 0.4\n\nFor it: It fits. [1]\n\nAgainst it: It does not. [2]\n\n"
        "How well archived pages fit a description. No investment advice.\n\nSources:\n- [1] A\n- [2] B"
    )


def test_a_bare_list_and_a_single_claim_are_laid_out_too() -> None:
    assert laid_out([claim("One.", "a"), claim("Two.", "b")]).startswith("One. [1] Two. [2]\n\n")
    assert laid_out(claim("One.", "a")) == "One. [1]\n\nSources:\n- [1] A"


def test_titles_that_are_pointed_to_are_named_once() -> None:
    class Found(Item):
        sentences: list[Claim]
        more: list[Pointer]

    pointing = Found(sentences=[claim("One.", "a")], more=[Pointer(passage_id="b", title="Bees")])
    assert laid_out(pointing) == "One. [1]\n\nSee also: Bees\n\nSources:\n- [1] A"
    pointers = [Pointer(passage_id="b", title="Sage"), Pointer(passage_id="c", title="Sage Daily")]
    reply = ChatReply(sentences=[], between=pointers)
    refused = SimpleNamespace(answered=False, refusal="It fits two.", output=reply)
    assert FootnotedText().finish(refused) == "It fits two.\n\nDo you mean Sage or Sage Daily?"  # type: ignore[arg-type]


def test_only_prose_without_facts_is_told_early() -> None:
    class Named(Item):
        name: str = ""
        sentences: list[Claim]

    early = [tells_early(output) for output in (ChatReply, Reading, TickerShortlist, Named)]
    assert early == [True, False, False, False]


def test_an_output_that_is_a_list_is_not_told_early() -> None:
    assert not tells_early(list[Claim])


sentences = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(sentences, st.sampled_from("abc")), min_size=1, max_size=5), st.integers(0, 5))
def test_however_much_was_told_before_the_text_and_its_annotations_are_the_same(
    drawn: list[tuple[str, str]], told: int
) -> None:
    claims = [claim(f"{i}: {text}", id, link="https://x.example") for i, (text, id) in enumerate(drawn)]
    reply = ChatReply(sentences=claims)
    whole, streamed = FootnotedText(), FootnotedText()
    text = whole.finish(answered(reply))
    pieces = [streamed.tell(said) for said in claims[:told]]
    assert "".join([*pieces, streamed.finish(answered(reply))]) == text
    assert streamed.annotations == whole.annotations
    for annotation in whole.annotations:
        found = annotation["url_citation"]
        assert text[found["start_index"]] == "["
        assert text[found["end_index"] - 1] == "]"


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](https://evil.example/?q=1)",
        "[click](javascript:alert(1))",
        "[1]: https://evil.example",
        "[a][b] and [b]: https://evil.example",
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "<https://evil.example>",
        "a\n\n[1]: https://evil.example",
        "[a](<https://evil.example>)",
        "[[1](https://evil.example)](https://evil.example)",
        "![a\\](https://evil.example)",
        "\\[click](https://evil.example)",
        "&lt;img src=x&gt;",
        "[a [b] c](https://evil.example)",
        "\\\\[click](https://evil.example)",
        "\\![click](https://evil.example)",
    ],
)
def test_hostile_text_makes_no_link_no_image_and_no_html(hostile: str) -> None:
    rendered = MarkdownIt("commonmark").render(laid_out(ChatReply(sentences=[claim(hostile, hostile)])))
    for tag in ("<a ", "<img", "<script"):
        assert tag not in rendered


def test_usual_text_stays_as_it_is() -> None:
    for text in ("pip install quincunx[serve]", "a < b and c > d", "xs[0] = f(x)", "(see [2])", "2 <3"):
        assert plain(text) == text


@given(
    st.lists(st.tuples(st.sampled_from(["One.", "Two [x].", "Three: 3"]), st.sampled_from("abc")), min_size=1)
)
def test_an_answer_that_comes_back_as_history_loses_its_footnotes(drawn: list[tuple[str, str]]) -> None:
    reply = ChatReply(sentences=[claim(text, id, link="https://x.example") for text, id in drawn])
    assert without_footnotes(laid_out(reply)) == reply.answer
