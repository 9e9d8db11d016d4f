"""Demos: short, and silent about what they are judged by."""

from __future__ import annotations

import dspy
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.optimise.demo_leaks import AROUND, LeakFilter, cap_demos, estimated_tokens
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
