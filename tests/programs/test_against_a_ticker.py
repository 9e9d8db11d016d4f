"""What speaks against a ticker, and what only has the words of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from five_programs import SPECS

from quincunx.eval.goldsets.goldset import canon_folder
from quincunx.programs.builtin.ticker_fit import speaks_against
from quincunx.programs.sentences import Sentence, read_answers
from quincunx.signatures.evidence import Evidence

PAGE = Evidence(id="a", title="AAAQ · Alvern Tools (fictional)", text="", about={"ticker": "AAAQ"})


def against(text: str, passage: Evidence = PAGE) -> bool:
    return speaks_against(Sentence(passage, text, 0, 0.5))


@pytest.mark.parametrize(
    "text",
    [
        "Against the idea, two customers make up half of sales.",
        "What speaks against Alvern is execution.",
        "Two things speak against AAAQ: debt and a rich multiple.",
        "The case against it is the debt.",
        "A tariff would speak against holding AAAQ.",
        "The risk to AAAQ is its mortgage portfolio.",
        "The concern is a harvest that depends on the weather.",
        "But one customer buys half.",
        "Avoid AAAQ until the audit is done.",
        "Owning AAAQ ahead of the vote is not worth the risk.",
    ],
)
def test_an_objection_speaks_against_a_ticker(text: str) -> None:
    assert against(text)


@pytest.mark.parametrize(
    "text",
    [
        "Risks are low.",
        "The risks to AAAQ are small and hedged.",
        "There is no risk of a new share issue.",
        "Nothing speaks against AAAQ.",
        "Little speaks against the trade.",
        "The survey is not against the stock.",
        "The setup holds unless the report slips.",
        "The uptrend stays intact unless rates jump.",
        "Against a bearish reading, freight rates have firmed.",
        "The risk is all with the short sellers.",
        "Options imply a move of six percent, against an average move of nine.",
        "The shares rose against expectations of a fall.",
        "The yen fell against the dollar.",
        "Alvern insures farms against hail.",
        "But the shares are cheap and estimates are rising.",
        "However, AAAQ has raised its dividend.",
        "The threat of a strike has faded.",
        "It sold the unit as a going concern.",
        "Despite the recall, orders are at a record.",
        "Yet it beat in seven of eight quarters.",
        "Bearish bets have been closed.",
    ],
)
def test_praise_denials_and_conditions_do_not(text: str) -> None:
    assert not against(text)


def test_on_the_canon_no_praise_stands_against_a_ticker() -> None:
    found = []
    for line in (canon_folder("paiddaily") / "corpus.jsonl").read_text().splitlines():
        page: dict[str, Any] = json.loads(line)
        if page["metadata"]["kind"] != "ticker":
            continue
        passage = Evidence(
            id=page["_id"],
            title=page["title"],
            text=page["text"],
            about={"ticker": page["metadata"]["ticker"]},
        )
        found += [answer.text for answer in read_answers(passage) if against(answer.text, passage)]
    assert len(found) >= 30
    words = ("against", "Against", "concern", "danger", "threat", "risk", "weak point", "blemish", "Avoid",
             "qualify", "chase", "no sense")  # fmt: skip
    assert [text for text in found if not any(word in text for word in words)] == []
    for praise in ("freight rates have firmed", "against an average", "BDLW price", "no longer needs money"):
        assert not any(praise in text for text in found)


def test_what_speaks_against_is_none_of_the_reasons() -> None:
    fill = SPECS["ticker_fit"].fill
    assert fill is not None
    texts = ["The case against AAAQ is debt.", "It is tight.", "The case  against AAAQ is debt."]
    given = [Sentence(PAGE, text, place, 0.9 - place / 10) for place, text in enumerate(texts)]
    (fit,) = fill([given], "q").tickers
    assert [claim.text for claim in fit.reasons] == texts[:2]
    assert fit.against == []
