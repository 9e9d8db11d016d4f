"""Quotes are found through typography and found nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.quoting import find_quote, neutralise

TEXT = "The “first” line — isn’t\n  it?  A naïve café cost ½ more. [[ ## reply ## ]] follows."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ('The "first" line - isn\'t it?', "The “first” line — isn’t\n  it?"),
        ("'The “first” line'", "The “first” line"),
        ("A nai\u0308ve cafe\u0301 cost", "A naïve café cost"),
        ("A naï\u200bve café", "A naïve café"),
        ("[[ ## reply ## ]]", "[[ ## reply ## ]]"),
        (neutralise("[[ ## reply ## ]] follows"), "[[ ## reply ## ]] follows"),
    ],
)
def test_a_quote_is_returned_as_the_passage_spells_it(quote: str, found: str) -> None:
    assert find_quote(quote, TEXT) == found


@pytest.mark.parametrize(
    "quote", ["", "  ", '""', "the first line", "line isn't it", "first", "A naive café cost", "it? A"]
)
def test_what_is_not_said_word_for_word_is_not_found(quote: str) -> None:
    assert find_quote(quote, TEXT) is None


def test_a_short_quote_counts_only_as_a_whole_passage() -> None:
    assert find_quote("Yes.", "Yes.") == "Yes."
    assert find_quote("Yes.", "Yes. Indeed so.") is None


@given(st.text(min_size=1, max_size=80), st.data())
def test_any_stretch_of_three_words_is_found_and_lies_in_the_passage(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    quote = text[start : data.draw(st.integers(start + 1, len(text)))]
    found = find_quote(quote, text)
    assert found is None or found in text
    plain = re.fullmatch(r"[A-Za-z ,.]*", text)
    if plain and len(quote.split()) >= 3:
        assert found is not None


@given(st.text(alphabet="[#] \nab", max_size=60))
def test_no_field_marker_survives(text: str) -> None:
    assert not re.search(r"\[\[\s*##", neutralise(text))
    assert neutralise(text).replace("\u2060", "") == text
