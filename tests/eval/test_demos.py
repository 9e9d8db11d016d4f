"""Demos: short, and silent about what they are judged by."""

from __future__ import annotations

import json

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import in_markers, scripted

import quincunx
from quincunx.eval.optimise.demo_leaks import AROUND, LeakFilter, cap_demos, estimated_tokens
from quincunx.eval.optimise.metric import Metric, Verdict
from quincunx.eval.optimise.student import LoggingMetric, TrialLog, make_student
from quincunx.signatures.evidence import Citation, Evidence


def demo(question: str, text: str, *quotes: str) -> dspy.Example:
    passages = [Evidence(id="a", title="A", text=text), Evidence(id="b", title="B", text=text)]
    citations = [Citation(passage_id="a", quote=quote) for quote in quotes]
    return dspy.Example(question=question, passages=passages, citations=citations).with_inputs("question")


LONG = "".join(f"Sentence {number} says little. " for number in range(200))


def test_a_passage_keeps_what_is_quoted_and_one_that_is_not_its_beginning() -> None:
    (short,) = cap_demos([demo("q", LONG, "Sentence 150 says little.")])
    quoted, other = (passage.text for passage in short.passages)
    assert "Sentence 150 says little." in quoted
    assert len(quoted) < 3 * AROUND
    assert other.startswith("Sentence 0 says little.")
    assert len(other) < 2 * AROUND
    assert cap_demos([short]) == [short]


@given(st.integers(0, 4000), st.integers(0, 6))
def test_demos_hold_the_cap_and_the_first_are_kept(most: int, count: int) -> None:
    demos = [demo(f"question {number}", "A short passage.", "short") for number in range(count)]
    kept = cap_demos(demos, most)
    assert sum(map(estimated_tokens, kept)) <= most
    assert [one.question for one in kept] == [one.question for one in demos[: len(kept)]]


@given(st.integers(0, 400), st.integers(0, 6), st.integers(1, 6))
def test_where_only_some_are_shown_any_so_many_of_those_that_are_kept_hold_the_cap(
    most: int, count: int, shown: int
) -> None:
    demos = [demo("question", "A short passage. " * number, "short") for number in range(count)]
    kept = cap_demos(demos, most, shown)
    longest = sorted(map(estimated_tokens, kept))[-shown:]
    assert sum(longest) <= most
    assert all(estimated_tokens(one) > most // shown for one in demos if one not in kept)


def test_a_demo_that_leaks_a_judged_question_is_left_out_and_named() -> None:
    asking, citing, fair = demo("judged?", "x y", "x"), demo("train?", "x y", "x"), demo("train too?", "x y")
    leaks = LeakFilter({"judged?": "q1"}, {"a": "q2"})
    assert leaks.apply([asking, citing, fair]) == [fair]
    told = " ".join(leaks.left_out)
    assert "it asks q1" in told
    assert "it cites a, which answers q2" in told


@pytest.mark.usefixtures("canons")
@pytest.mark.parametrize("teaches", [True, False])
@pytest.mark.parametrize("asked", ["What is Sage Daily?", "Who won the football match of 1923?"])
def test_what_becomes_a_demo_is_what_stood_the_check_and_no_refusal(teaches: bool, asked: str) -> None:
    false = "The moon is made of 77 cheeses."

    def reply(prompt: str) -> str:
        first = prompt.split("[1] ")[1].splitlines()[0]
        said = [{"text": false, "cites": [2]}]
        if "Sage Daily" in asked:
            said.insert(0, {"text": first, "cites": [1]})
        return json.dumps({"sentences": said})

    lm, _ = scripted(reply)
    log = TrialLog([], LeakFilter({}, {}), lambda: None)
    student = make_student(quincunx.load("chat_bridge"), log)
    student.teaches = teaches
    with dspy.context(lm=lm, trace=[]):
        answer = student(question=asked)
        traced = [
            (predictor, inputs["question"], [sentence.text for sentence in said.reply.sentences])
            for predictor, inputs, said in dspy.settings.trace
        ]
    assert answer.answered is ("Sage Daily" in asked)
    stood = [claim.text for claim in answer.output.sentences]
    assert len(stood) == answer.answered
    shown = [(student.program.predict, asked, stood if teaches else [*stood, false])]
    assert traced == ([] if teaches and not answer.answered else shown)


@pytest.mark.usefixtures("canons")
@pytest.mark.parametrize("rephrased", ["What does Sage Daily give?", "A sister site."])
def test_a_rephrasing_that_was_not_searched_for_becomes_no_demo(rephrased: str) -> None:
    def reply(prompt: str) -> str:
        if "standalone" in prompt:
            return in_markers("standalone", rephrased)
        first = prompt.split("[1] ")[1].splitlines()[0]
        return json.dumps({"sentences": [{"text": first, "cites": [1]}]})

    lm, _ = scripted(reply)
    student = make_student(quincunx.load("chat_bridge"), TrialLog([], LeakFilter({}, {}), lambda: None))
    student.teaches = True
    with dspy.context(lm=lm, trace=[]):
        before = [{"question": "What is Sage Daily?", "answer": "A sister site."}]
        answer = student(question="and what does Sage Daily give?", history=before)
        traced = [predictor for predictor, _, _ in dspy.settings.trace]
    assert answer.answered
    used = [] if rephrased == "A sister site." else [student.program.rephrase]
    assert traced == [*used, student.program.predict]


def test_an_answer_whose_demo_would_leak_or_teach_nothing_is_not_good_enough_for_one_and_its_score_stays() -> (
    None
):
    leaks = LeakFilter({"judged?": "q1"}, {"a": "q2"})
    log = TrialLog([], leaks, lambda: None)
    metric = LoggingMetric(Always(), log)
    gold, pred = dspy.Example(gold_id="t1"), dspy.Prediction()
    fair, leaking = (
        [(None, {"question": question}, dspy.Prediction(citations=[Citation(passage_id=id, quote="x")]))]
        for question, id in (("train?", "b"), ("train?", "a"))
    )
    assert [bool(metric(gold, pred, trace)) for trace in (None, [], fair, leaking)] == [
        True,
        False,
        True,
        False,
    ]
    assert metric(gold, pred, leaking).score == 1.0
    assert "it cites a, which answers q2" in " ".join(leaks.left_out)


class Always(Metric):
    """Everything is right."""

    def __init__(self) -> None:
        pass

    def __call__(self, *_: object) -> Verdict:
        return Verdict(score=1.0, feedback="", parts={}, threshold=0.5, failed=None, answered=True)
