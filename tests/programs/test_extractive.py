"""The stated rules of the extractive engine."""

from __future__ import annotations

from typing import Any

from five_programs import SPECS

from quincunx.programs.engines.extractive.rewording import queries, standalone
from quincunx.programs.sentences import BEARS, SLACK, Sentence, best, score_sentences
from quincunx.retrieval.models.profiles import shared_embedder
from quincunx.signatures.conversation import Turn
from quincunx.signatures.evidence import Evidence


def fill(program: str, given: Any, question: str) -> Any:
    rule = SPECS[program].fill
    assert rule is not None
    return rule(given, question)


def sentences(id: str, *scores: float, **about: str) -> list[Sentence]:
    passage = Evidence(id=id, title=f"Title {id}", text="", about=about)
    return [Sentence(passage, f"{id} says {place}.", place, score) for place, score in enumerate(scores)]


def test_best_keeps_bearing_sentences_near_the_best_one_in_their_order() -> None:
    given = sentences("a", 0.5, 0.9, 0.9 - SLACK, BEARS - 0.01, 0.8)
    assert [s.place for s in best(given, 3)] == [1, 2, 4]
    assert [s.place for s in best(given, 1)] == [1]
    assert best(sentences("a", BEARS - 0.01), 3) == []


def test_every_output_is_empty_when_nothing_bears() -> None:
    given = [sentences("a", 0.1, 0.2, ticker="AAA"), []]
    assert fill("chat_bridge", given, "q").sentences == []
    assert fill("ticker_fit", given, "q").tickers == []
    assert fill("catalyst_precedent", given, "q").precedents == []
    assert fill("resource_search", given, "q").pages == []
    assert fill("astrology_reading", given, "q").sentences == []


def test_a_shortlist_holds_ticker_pages_best_fit_first() -> None:
    given = [
        sentences("a", 0.4, ticker="AAA"),
        sentences("b", 0.6, ticker="BBB"),
        sentences("c", 0.9),
        sentences("d", 0.9, ticker="DDD", kind="catalyst"),
    ]
    assert [(fit.ticker, fit.fit) for fit in fill("ticker_fit", given, "q").tickers] == [
        ("BBB", 0.6),
        ("AAA", 0.4),
    ]


def test_a_precedent_names_what_is_alike_and_what_bears_least() -> None:
    (precedent,) = fill(
        "catalyst_precedent", [sentences("a", 0.6, 0.2, 0.5), sentences("b", 0.9, kind="ticker")], "q"
    ).precedents
    assert [claim.text for claim in precedent.alike] == ["a says 0.", "a says 2."]
    assert [claim.text for claim in precedent.differences] == ["a says 1."]
    assert (precedent.event, precedent.likeness) == ("Title a", 0.6)


def test_pages_keep_the_order_they_were_given_in() -> None:
    pages = fill(
        "resource_search", [sentences("a", 0.1), sentences("b", 0.4), sentences("c", 0.9)], "q"
    ).pages
    assert [page.passage_id for page in pages] == ["b", "c"]


def test_a_reading_is_about_the_subject_of_its_best_sentence() -> None:
    reading = fill("astrology_reading", [sentences("a", 0.5), sentences("b", 0.6, subject="The Star")], "q")
    assert reading.subject == "The Star"


def test_a_word_that_begins_several_titles_is_asked_back_and_a_whole_title_is_not() -> None:
    titled = [
        [Sentence(Evidence(id=id, title=title, text=""), "Said.", 0, 0.9)]
        for id, title in (("a", "Sage"), ("b", "Sage Daily"), ("c", "llama.cpp"), ("d", "LlamaIndex"))
    ]
    assert fill("chat_bridge", titled, "what is Sage?").follow_up == ""
    assert (
        fill("chat_bridge", titled, "which llama is it").follow_up == "Do you mean llama.cpp or LlamaIndex?"
    )
    assert fill("chat_bridge", titled, "anything else?").follow_up == ""


def test_what_speaks_against_a_ticker_and_what_followed_are_told_by_their_words() -> None:
    passage = Evidence(id="a", title="T", text="", about={"ticker": "AAA", "date": "2026-01-02"})
    said = [
        "It is tight.",
        "But one customer buys half.",
        "It had fallen before.",
        "AAA rose nine percent in a week.",
    ]
    given = [[Sentence(passage, text, place, 0.9 if place == 0 else 0.1) for place, text in enumerate(said)]]
    (fit,) = fill("ticker_fit", given, "q").tickers
    assert (fit.as_of, [claim.text for claim in fit.against]) == ("2026-01-02", [said[1]])
    (precedent,) = fill("catalyst_precedent", given, "q").precedents
    assert (precedent.date, [claim.text for claim in precedent.followed]) == ("2026-01-02", [said[3]])


def test_a_question_after_others_is_joined_to_the_one_before_and_clauses_become_queries() -> None:
    history = [Turn(question="What is Sage?", answer="x"), Turn(question="And Sage Daily?")]
    assert standalone("Who runs it?", history) == "And Sage Daily? Who runs it?"
    described = "a token unlock, crowded shorts and a weak market"
    assert queries(described, 2) == ["a token unlock", "crowded shorts"]
    assert queries("unlock", 3) == ["unlock"]


def test_sentences_are_scored_in_place_and_long_ones_too() -> None:
    passages = [
        Evidence(id="a", title="T", text="One cat. Two dogs!\nThree."),
        Evidence(id="b", title="", text="x " * 900),
    ]
    scored = score_sentences("a cat", passages, shared_embedder("embedded"))
    assert [s.text for s in scored[0]] == ["One cat.", "Two dogs!", "Three."]
    assert len(scored[1]) == 1
    assert scored[0][0].score > scored[0][1].score
