"""Whether an answer states what the reference says, and whether its claims are supported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quincunx.eval.metrics.reference_check import claims_supported, reference_stated
from quincunx.retrieval.passages import Passage

QUESTION = "which of the two keeps its data on disk?"
LINES = [
    "Meilisearch keeps its data on disk through LMDB.",
    "Typesense is a search server that holds the whole index in memory.",
]


@pytest.mark.parametrize(
    ("reference", "share"),
    [
        ("Meilisearch.", 1.0),
        ("Meilisearch, which keeps its data on disk; Typesense keeps the whole index in memory.", 1.0),
        ("Meilisearch keeps its data on disk. It costs 30 dollars a month.", 0.5),
        ("No; Typesense holds the index in memory.", 1.0),  # the no is told by what follows it
        ("Qdrant.", 0.0),
        ("Meilisearch never keeps its data on disk.", 0.0),
        ("Typesense keeps its data on disk through LMDB version 3.", 0.0),
        ("盘上。", 0.0),
        ("- ", 0.0),  # no sentence at all
    ],
)
def test_each_claim_of_the_reference_is_stated_or_not(reference: str, share: float) -> None:
    assert reference_stated(reference, LINES, QUESTION) == share


def test_a_refusal_states_nothing_and_a_verbatim_reference_is_stated_in_any_language() -> None:
    assert reference_stated("Meilisearch.", [], QUESTION) == 0
    assert reference_stated("丹佛野马队", ["赢得比赛的是丹佛野马队。"], "谁赢了?") == 1
    assert reference_stated("Yes.", ["Yes."], "is it free?") == 1
    assert reference_stated("Yes.", ["No."], "is it free?") == 0


@example([], " ")
@example(["Yes."], "> ")
@given(st.lists(st.text(max_size=40), max_size=3), st.text(min_size=1, max_size=60))
def test_the_share_is_from_0_to_1_whatever_is_written(lines: list[str], reference: str) -> None:
    assert 0 <= reference_stated(reference, lines, "?") <= 1


@given(st.sampled_from(LINES), st.permutations(LINES))
def test_what_stands_in_the_answer_word_for_word_is_stated(reference: str, lines: list[str]) -> None:
    assert reference_stated(reference, lines, QUESTION) == 1


def claim(text: str, *quotes: str) -> dict[str, Any]:
    return {"text": text, "citations": [{"passage_id": "p", "quote": quote} for quote in quotes]}


def test_a_claim_is_supported_by_what_it_cites_or_by_the_reference() -> None:
    text = "Green tea is steeped for two minutes."
    passages = {"p": Passage("p", "tea", "Tea", text, 0, len(text))}
    good, invented = (
        claim("Green tea is steeped two minutes.", text),
        claim("Green tea is steeped nine minutes.", text),
    )
    output = {"answer": "…", "claims": [good, invented]}
    assert claims_supported(output, "", passages, "how long?") == 0.5
    assert claims_supported(output, "Green tea is steeped for nine minutes.", passages, "how long?") == 1
    assert claims_supported({"claims": []}, "Nine.", passages, "how long?") is None
    assert claims_supported([{"entries": [good]}], "", passages, "how long?") == 1
