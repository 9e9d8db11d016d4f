"""Invariants of the check, whatever a model writes:

1. Every citation that is left names a given passage and quotes it verbatim.
2. Every claim that is left has a citation, every entry a claim.
3. Whatever was taken out is reported with its place and a reason.
4. An answer without citations is a refusal, and empty.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from quincunx.programs.check.claims import SupportCheck
from quincunx.programs.check.grounding import ground
from quincunx.signatures.catalyst_precedent import Precedent, PrecedentList
from quincunx.signatures.chat_bridge import ChatReply
from quincunx.signatures.evidence import Citation, Claim, Evidence
from quincunx.signatures.resource_search import ResourcePage, ResourcePages
from quincunx.signatures.ticker_fit import TickerFit, TickerShortlist

GIVEN = [
    Evidence(id="p1", title="AAA · Alpha", text="Alpha rose for six weeks. Alpha reports on Monday."),
    Evidence(id="p2", title="BBB · Beta", text="Beta fell after its report. Nobody expected that."),
]
QUOTES = [
    "Alpha rose for six weeks.",
    "Beta fell after its report.",
    "Gamma did nothing at all.",
    "Alpha",
    "",
]
citations = st.builds(
    Citation, passage_id=st.sampled_from(["p1", "p2", "p3", ""]), quote=st.sampled_from(QUOTES)
)
claims = st.builds(Claim, text=st.sampled_from(["So it is.", " "]), citations=st.lists(citations, max_size=3))
many = st.lists(claims, max_size=3)
ids = st.sampled_from(["p1", "p2", "p9"])
share = st.floats(0, 1)
outputs = st.one_of(
    st.builds(ChatReply, sentences=many),
    st.builds(
        TickerShortlist,
        tickers=st.lists(
            st.builds(TickerFit, ticker=st.sampled_from(["AAA", "BBB", "A", ""]), fit=share, reasons=many)
        ),
    ),
    st.builds(
        PrecedentList,
        precedents=st.lists(
            st.builds(
                Precedent, passage_id=ids, event=st.just("e"), likeness=share, alike=many, differences=many
            )
        ),
    ),
    st.builds(
        ResourcePages, pages=st.lists(st.builds(ResourcePage, passage_id=ids, title=st.just("lie"), why=many))
    ),
)


def parts(model: BaseModel) -> Iterator[BaseModel]:
    yield model
    for name in type(model).model_fields:
        value = getattr(model, name)
        for entry in value if isinstance(value, list) else []:
            yield from parts(entry)


@given(outputs)
def test_the_invariants_hold(output: BaseModel) -> None:
    texts = {passage.id: passage.text for passage in GIVEN}
    grounded = ground(output, GIVEN)
    left = list(parts(grounded.output))
    for part in left:
        if isinstance(part, Citation):
            assert part.quote in texts[part.passage_id]
            assert part in grounded.citations
            assert texts[part.passage_id][part.start : part.end] == part.quote
            assert part.title == {p.id: p.title for p in GIVEN}[part.passage_id]
        if isinstance(part, Claim):
            assert part.citations
        if isinstance(part, TickerFit):
            assert part.ticker in ("AAA", "BBB")
        if isinstance(part, ResourcePage):
            assert part.title == {p.id: p.title for p in GIVEN}[part.passage_id]
    stand = {(part.passage_id, part.quote) for part in left if isinstance(part, Citation)}
    missing = [
        part
        for part in parts(output)
        if isinstance(part, Citation) and (part.passage_id, part.quote) not in stand
    ]
    assert bool(grounded.dropped) or not missing
    assert all(dropped.where and dropped.reason for dropped in grounded.dropped)
    assert grounded.answered == any(isinstance(part, Claim) for part in left)
    if not grounded.answered:
        assert len(left) == 1
        assert grounded.citations == []


def claim(id: str, quote: str) -> Claim:
    return Claim(text="So it is.", citations=[Citation(passage_id=id, quote=quote)])


def test_each_fault_is_reported_at_its_place() -> None:
    output = TickerShortlist(
        tickers=[
            TickerFit(ticker="AAA", fit=0.5, reasons=[claim("p1", QUOTES[0]), claim("p1", QUOTES[1])]),
            TickerFit(ticker="ZZZ", fit=1.0, reasons=[claim("p2", QUOTES[1])]),
            TickerFit(ticker="BBB", fit=1.0, reasons=[claim("p7", QUOTES[1])]),
        ]
    )
    grounded = ground(output, GIVEN)
    assert isinstance(grounded.output, TickerShortlist)
    assert [fit.ticker for fit in grounded.output.tickers] == ["AAA"]
    assert [(dropped.where, dropped.reason) for dropped in grounded.dropped] == [
        ("tickers[0].reasons[1].citations[0]", "the quote is not found in passage 'p1'"),
        ("tickers[0].reasons[1]", "it has no citation that stands"),
        ("tickers[1]", "ticker 'ZZZ' stands in no passage that its supported reasons cite"),
        ("tickers[2].reasons[0].citations[0]", "passage 'p7' was not among those given"),
        ("tickers[2].reasons[0]", "it has no citation that stands"),
        ("tickers[2]", "none of its claims is supported"),
    ]


def test_a_page_must_be_one_that_its_reasons_cite() -> None:
    page = ResourcePage(passage_id="p2", title="Beta", why=[claim("p1", QUOTES[0])])
    grounded = ground(ResourcePages(pages=[page]), GIVEN)
    assert not grounded.answered
    assert "about passage 'p2', which none of its supported claims cites" in grounded.dropped[0].reason


@pytest.mark.parametrize("fit", [-0.1, 1.1, float("nan")])
def test_a_fit_outside_its_range_is_no_output_at_all(fit: float) -> None:
    with pytest.raises(ValueError, match="fit"):
        TickerFit(ticker="AAA", fit=fit, reasons=[])


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("See https://alpha.example/report.", True),
        ("See (https://alpha.example/report).", True),
        ("See https://evil.example/report.", False),
        ("See [this](http://evil.example).", False),
        ("See www.evil.example and https://alpha.example/report", False),
        ("See HTTPS://Alpha.example/report.", True),
        ("It is at home.example.", True),
        ("See evil.example/login.", False),
        ("See evil.com.", False),
        ("Write to me@evil.com.", False),
        ("[tea](evil.example/x)", False),
        ("![x](//evil.example/x.png)", False),
        ("hxxps://evil.example", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:\\\\evil.com", False),
        ("ｈｔｔｐｓ://evil.example", False),
        ("h\u2060ttps://evil.example", False),
        ("www\u200b.evil.com", False),
        ("https&#58;//evil.example", False),
        ("Use llama.cpp, next.js, setup.py or requirements.txt, e.g. in version 2.1.x.", True),
    ],
)
def test_a_link_stands_only_where_a_cited_passage_holds_it(text: str, stands: bool) -> None:
    passage = Evidence(
        id="p",
        title="",
        text="Alpha rose for six weeks: https://alpha.example/report, it says.",
        about={"url": "home.example"},
    )
    said = Claim(text=text, citations=[Citation(passage_id="p", quote="Alpha rose for six weeks")])
    assert ground(ChatReply(sentences=[said]), [passage]).answered == stands


@pytest.mark.parametrize("text", ["…", "...", " ", "—", "。", "\u200b", "🙂", "[]", "• …"])
def test_a_claim_without_a_letter_or_a_digit_says_nothing(text: str) -> None:
    cited = [Citation(passage_id="p1", quote=QUOTES[0])]
    grounded = ground(ChatReply(sentences=[Claim(text=text, citations=cited)]), GIVEN)
    assert not grounded.answered
    assert [dropped.rule for dropped in grounded.dropped] == ["empty"]


@pytest.mark.parametrize("text", ["6", "ja", "六", "หก", "ستة"])
def test_a_claim_with_one_says_something(text: str) -> None:
    cited = [Citation(passage_id="p1", quote=QUOTES[0])]
    grounded = ground(ChatReply(sentences=[Claim(text=text, citations=cited)]), GIVEN)
    assert "empty" not in [dropped.rule for dropped in grounded.dropped]


@pytest.mark.parametrize(
    "said", ["Alpha and the six weeks", "alpha and the six  weeks.", "ＡＬＰＨＡ and the six weeks"]
)
def test_a_claim_that_repeats_the_question_states_nothing_unless_a_passage_says_it_so(said: str) -> None:
    asked = SupportCheck("alpha and the six weeks", layers=())
    passage = Evidence(id="p", title="", text="Alpha rose for six weeks.")
    claim = Claim(text=said, citations=[Citation(passage_id="p", quote="Alpha rose for six weeks")])
    grounded = ground(ChatReply(sentences=[claim]), [passage], asked)
    assert [(dropped.rule, "repeats" in dropped.reason) for dropped in grounded.dropped] == [("empty", True)]
    assert not grounded.answered
    word_for_word = passage.model_copy(update={"text": "Alpha rose for six weeks. Alpha and the six weeks."})
    assert ground(ChatReply(sentences=[claim]), [word_for_word], asked).answered


@pytest.mark.parametrize("said", ["what lifted it", "what lifted it Alpha, six weeks"])
def test_so_does_one_that_repeats_the_question_alone_or_with_the_other_inputs(said: str) -> None:
    asked = SupportCheck("what lifted it", "Alpha, six weeks", layers=())
    claim = Claim(text=said, citations=[Citation(passage_id="p1", quote=QUOTES[0])])
    grounded = ground(ChatReply(sentences=[claim]), GIVEN, asked)
    assert [(dropped.rule, "repeats" in dropped.reason) for dropped in grounded.dropped] == [("empty", True)]
