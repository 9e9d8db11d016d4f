"""A question that asks for a number alone is not answered by a claim that states none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quincunx.programs.check.asked_number import asks_for_a_number, says_how_many
from quincunx.programs.check.claims import SupportCheck
from quincunx.programs.check.grounding import ground
from quincunx.programs.check.support.layers import LAYERS
from quincunx.retrieval.text.sentences import read_sentences
from quincunx.signatures.evidence import Claim, Evidence

COVID = Path(__file__).parents[3] / "shared" / "data" / "covid-qa"


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("how much is paid daily per month", True),
        ("exactly how many trees should i give annoy for 5 million songs", True),
        ("google colab kicks me out, how many hours is a free session", True),
        ("How many people were infected in 2003?", True),
        ("how many days was the strike and how bad was it for the share", False),
        ("how often do i shuffle", False),
        ("what does a pallet cost", False),
        ("is it free, and how much is shipping where i live", False),
        ("wie viele Tage sind es, und how many ist das", False),
        ("", False),
    ],
)
def test_which_questions_ask_for_a_number_alone(question: str, asks: bool) -> None:
    assert asks_for_a_number(question) is asks


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ("It costs 9 euro.", True),
        ("It lasts for ninety minutes.", True),
        ("The first month is free.", True),
        ("There is no limit.", True),
        ("Two of them are red.", True),
        ("It runs for a month or a year and renews by itself.", False),
        ("Annoy is a library that Spotify wrote.", False),
        ("", False),
    ],
)
def test_which_claims_say_how_many(claim: str, says: bool) -> None:
    assert says_how_many(claim) is says


def test_a_claim_without_a_number_is_beside_a_question_that_asks_for_one() -> None:
    text = "A subscription runs for a month or a year. It costs 9 euro."
    page = Evidence(id="p", title="Subscription", text=text)
    claims = [
        Claim(text=text[start:end], citations=[page.citation(start, end)])
        for start, end in ((0, 42), (43, 58))
    ]
    asked = SupportCheck("how much is it per month", layers=LAYERS)
    grounded = ground(claims, [page], asked)
    assert grounded.output == claims[1:]
    (dropped,) = grounded.dropped
    assert (dropped.rule, dropped.where) == ("beside_question", "[0]")
    assert "asks for a number" in dropped.reason
    assert ground(claims, [page], SupportCheck("how does it end", layers=LAYERS)).output == claims


@pytest.mark.skipif(not COVID.is_dir(), reason="reads shared/data/covid-qa, which is not here")
def test_the_answers_of_covid_qa_to_such_questions_all_say_how_many() -> None:
    def lines(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (COVID / name).read_text("utf-8").splitlines()]

    questions = {row["_id"]: row["text"] for row in lines("queries.jsonl")}
    documents = {row["_id"]: row["text"] for row in lines("corpus.jsonl")}
    sentences = {id: read_sentences(text) for id, text in documents.items()}
    asked, without = 0, []
    for span in lines("spans.jsonl"):
        if not asks_for_a_number(questions[span["query-id"]]):
            continue
        asked += 1
        text, start, end = documents[span["corpus-id"]], int(span["start"]), int(span["end"])
        touched = [s for s in sentences[span["corpus-id"]] if s.start < end and start < s.end]
        if not any(says_how_many(text[s.start : s.end]) for s in touched):
            without.append(questions[span["query-id"]])
    assert asked > 60
    assert without == []
