"""What one answer is worth: a number, a yes or no, and words.

1. A failure is told apart from a score of 0, and a right refusal scores 1.
2. Feedback names each gold document and the stage at which it was lost.
3. Each part counts by its weight, alone too.
"""

from __future__ import annotations

from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from quincunx.eval.goldsets.goldset import GoldQuestion
from quincunx.eval.optimise.metric import Metric, Target, Verdict, example_of
from quincunx.programs.answer import Answer
from quincunx.programs.budget import Usage
from quincunx.programs.check.claims import Dropped
from quincunx.programs.spec import DEFAULT_METRIC, GENERIC_PARTS
from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.passages import Candidate, Passage
from quincunx.signatures.evidence import Citation

QUESTION = GoldQuestion("q", "how long does tea keep", {"answer": "About a year."}, gold={"tea": 2, "tin": 1})
NONE = GoldQuestion("u", "who won the chess game", {"answerable": False})


class Said(BaseModel):
    title: str


def passage(id: str) -> Passage:
    return Passage(f"{id}#0", id, id.title(), f"{id} keeps for about a year.", 0, 30)


HELD = Target(QUESTION, (passage("tea"), passage("tin")))
TARGETS = {"q": HELD, "u": Target(NONE)}


def answer(
    *cited: str, given: tuple[str, ...] = ("tea", "rain"), found: tuple[str, ...] = (), **more: Any
) -> Answer:
    passages = [passage(id) for id in given]
    candidates = [
        Candidate(passage(id), None, 0.0, rank, 1.0, rank, 1.0, final_rank=rank)
        for rank, id in enumerate([*given, *found], start=1)
    ]
    citations = [Citation(passage_id=f"{id}#0", quote="keeps for about a year") for id in cited]
    output = Said(title="About a year." if cited else "")
    told = {
        "program": "chat_bridge", "answered": bool(cited), "refusal": None if cited else "nothing", "output": output,
        "citations": citations, "dropped": [], "passages": passages, "candidates": candidates,
        "engine": "test", "usage": Usage(1, 0, None, None),
    }  # fmt: skip
    return Answer(**{**told, **more})


def judged(pred: dspy.Prediction, id: str = "q", **options: Any) -> Verdict:
    example = example_of(TARGETS[id].question, {"question": TARGETS[id].question.text})
    return Metric("chat_bridge", TARGETS, **options)(example, pred, None, "predict", None)


def test_a_full_answer_is_true_and_a_failure_is_no_zero() -> None:
    full = judged(answer("tea"))
    assert (float(full.score), bool(full), full.failed) == (1.0, True, None)
    nothing = judged(answer())
    assert (nothing.score, bool(nothing), nothing.failed) == (0.0, False, None)
    failed = judged(dspy.Prediction(code="bad_reply", message="no form"))
    assert (failed.score, bool(failed), failed.failed) == (0.0, False, "bad_reply")
    assert "no form" in failed.feedback


def test_a_refusal_is_right_where_nothing_answers_and_only_there() -> None:
    assert judged(answer(), "u").score == 1.0
    wrong = judged(answer("tea"), "u")
    assert wrong.score == 0.0
    assert "should" in wrong.feedback or "right reply was a refusal" in wrong.feedback
    assert (
        "It refused although a passage that it was given answers the question." in judged(answer()).feedback
    )
    empty = judged(answer(given=("rain",)))
    assert "It refused; no passage that it was given answers the question." in empty.feedback


@pytest.mark.parametrize(
    ("pred", "words"),
    [
        (answer("tea"), "Gold tea was found and cited."),
        (answer("rain"), "Gold tea was among the passages given, but was not cited."),
        (
            answer("rain", given=("rain",), found=("tea",)),
            "Gold tea was found at rank 2, below the passages given.",
        ),
        (answer("rain", given=("rain",)), "Gold tea was not found by the search."),
        (answer("rain"), "It cites rain#0, which does not answer the question."),
        (
            answer(
                "tea", dropped=[Dropped("answer", "no_such_quote", "the quote is not in the passage", "x")]
            ),
            "Taken out by the check at answer: the quote is not in the passage (no_such_quote).",
        ),
        (answer("rain"), "A right answer: About a year."),
    ],
)
def test_feedback_names_what_was_missed_and_where(pred: Answer, words: str) -> None:
    assert words in judged(pred).feedback


def test_gold_that_is_in_no_passage_is_not_blamed_on_the_search() -> None:
    metric = Metric("chat_bridge", {"q": Target(QUESTION)})
    verdict = metric(example_of(QUESTION, {"question": "x"}), answer("rain", given=("rain",)))
    assert "Gold tea is not in the index." in verdict.feedback


def test_parts_count_by_their_weights_and_alone() -> None:
    half = answer("tea", "rain")
    assert judged(half, weights={"citation_precision": 1}).score == 0.5
    assert judged(half, weights={"citation_recall": 1}).score == 1.0
    assert judged(half, weights={"citation_precision": 3, "citation_recall": 1}).score == 0.625
    assert judged(half, weights={"overlap": 1}).score == 1.0
    dropped = answer("tea", dropped=[Dropped("answer", "no_such_quote", "x", "x")])
    assert judged(dropped, weights={"kept": 1}).score == 0.5


def test_an_answer_that_cites_no_gold_is_worth_nothing_whatever_it_says() -> None:
    wrong = judged(answer("rain"))
    assert wrong.score == 0.0
    assert wrong.parts["overlap"] == wrong.parts["kept"] == 1.0


@given(st.dictionaries(st.sampled_from(sorted(DEFAULT_METRIC)), st.floats(0.01, 9), min_size=1))
def test_a_score_lies_between_0_and_1_whatever_the_weights(weights: dict[str, float]) -> None:
    for pred in (answer("tea"), answer("rain"), answer("tea", "rain"), answer()):
        assert 0 <= judged(pred, weights=weights).score <= 1


def test_unknown_parts_and_weights_of_nothing_are_refused() -> None:
    with pytest.raises(BoundError, match=f"unknown part.*charm.*{GENERIC_PARTS[0]}"):
        Metric("chat_bridge", {}, {"charm": 1})
    for weights in ({"kept": 0.0}, {"kept": -1.0, "overlap": 2.0}):
        with pytest.raises(BoundError, match="weights"):
            Metric("chat_bridge", {}, weights)
    with pytest.raises(BoundError, match="threshold"):
        Metric("chat_bridge", {}, threshold=1.5)
