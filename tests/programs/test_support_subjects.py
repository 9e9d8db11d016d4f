"""What a claim is about, and what it compares: what is said of one thing is not told of its namesake, neighbour or contrast."""

from __future__ import annotations

import pytest

from quincunx.programs.check.support.cited import CitedSentence
from quincunx.programs.check.support.rules import check_support


def rule_of(claim: str, sentence: str, title: str, question: str = "") -> str | None:
    fault = check_support(claim, [CitedSentence(sentence, title)], question)
    return fault.rule if fault else None


@pytest.mark.parametrize(
    ("claim", "sentence", "title"),
    [
        ("The Pluto square lasts two years.", "The Neptune square lasts two years.", "Neptune square"),
        ("corvid-encoder-large is the lighter one.", "corvid-encoder-base is the lighter one.", "corvid-encoder-base"),
        ("An address is enough for Night Mail.", "An address is enough to join the Day Mail list.", "Day Mail list"),
        ("Yes, Rivelin keeps snapshots.", "Tarnock keeps snapshots.", "Tarnock"),
    ],
)  # fmt: skip
def test_what_is_said_of_one_is_not_told_of_its_namesake(claim: str, sentence: str, title: str) -> None:
    assert rule_of(claim, sentence, title, f"what of {claim}") == "other_subject"
    assert rule_of(sentence.replace("lasts", "takes"), sentence, title) is None


def test_a_subject_that_a_sentence_sets_apart_has_nothing_of_what_it_says() -> None:
    sentence = "Unlike the Five of Coins, the Two of Bells is a calm card."
    asked = "is the five of coins calm"
    assert rule_of("The Five of Coins is a calm card.", sentence, "Two of Bells", asked) == "other_subject"
    assert (
        rule_of("The Two of Bells is a calm card, unlike the Five of Coins.", sentence, "Two of Bells", asked)
        is None
    )


@pytest.mark.parametrize(
    ("question", "claim", "rule"),
    [
        ("what does the cloud build cost", "The cloud build costs nothing.", "unsupported_detail"),
        ("which licence has it", "Its licence is permissive.", "unsupported_detail"),
        ("is the dividend safe", "Its dividend is covered for three years.", "unsupported_detail"),
        ("where does it build", "It builds in the cloud.", None),
    ],
)
def test_an_attribute_that_nothing_cited_speaks_of_is_not_told(
    question: str, claim: str, rule: str | None
) -> None:
    assert (
        rule_of(claim, "It builds in the cloud, and its order book covers three years.", "Build", question)
        == rule
    )


def test_a_price_told_in_other_words_stands() -> None:
    assert (
        rule_of("It costs nothing.", "The editor is free for everybody.", "Editor", "what does it cost")
        is None
    )


def test_money_of_another_kind_is_named() -> None:
    assert rule_of("It costs fifty dollars.", "Fifty pages may be read.", "Pages") == "unsupported_detail"
    assert rule_of("It costs fifty dollars.", "It costs 50 USD.", "Pages") is None


@pytest.mark.parametrize(
    ("claim", "sentence", "rule"),
    [
        (
            "It answers more questions than Marlow does.",
            "It is a tool beside Marlow for questions.",
            "flipped",
        ),
        ("It is lighter than Marlow.", "It has 3 MB, and Marlow has 9 MB.", None),
        ("It is used rather than Marlow.", "It is used in place of Marlow.", None),
        ("No such affair ever lasts.", "Such affairs are rarely durable.", "flipped"),
        ("It never lasts.", "It does not last, and is rarely mourned.", None),
        ("Objects are pruned unless you turn that off.", "Pruning objects is off by default.", "flipped"),
        ("Objects are pruned once you turn that on.", "Pruning objects is off by default.", None),
    ],
)
def test_comparisons_and_exceptions_are_held_to_what_is_cited(
    claim: str, sentence: str, rule: str | None
) -> None:
    assert rule_of(claim, sentence, "Notes") == rule


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("It shows up in almost 20 percent of charts.", "It shows up in nearly one chart out of five."),
        (
            "Six days after the refusal it sold shares.",
            "It was refused on 12 June and sold shares on 18 June.",
        ),
        ("At most 5 PRs are open.", "At most five pull requests are open."),
        ("Windows refuses files over 4 GB.", "Windows refuses files above four gigabytes."),
        ("No, plain NATS keeps nothing.", "Core NATS keeps nothing."),
        ("WAL does not work there.", "Write-ahead logging does not work there."),
    ],
)
def test_honest_ways_to_say_the_same_stand(claim: str, sentence: str) -> None:
    assert rule_of(claim, sentence, "") is None
