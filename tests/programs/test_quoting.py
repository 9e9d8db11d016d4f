"""Quotes are found through typography and found nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.check.quotes import find_quote, neutralise, restore

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


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("5 billion in sales", "It had 1.5 billion in sales.", False),
        ("500 units were sold", "In all 1,500 units were sold.", False),
        ("it grew by 1", "it grew by 1.5 percent", False),
        ("5 percent growth this", "a -5 percent growth this year", False),
        ("1.5 billion in sales", "It had 1.5 billion in sales.", True),
        ("sold in 2024", "It was sold in 2024.", True),
        ("日本語の文章を", "これは日本語の文章を引用する例です。", True),
        ("日本", "これは日本語の文章を引用する例です。", False),
    ],
)
def test_numbers_stay_whole_and_scripts_without_spaces_can_be_quoted(
    quote: str, text: str, found: bool
) -> None:
    assert (find_quote(quote, text) is not None) == found


@pytest.mark.parametrize(
    "marker",
    ["[[ ## x ## ]]", "［［ ## x ## ］］", "[\u200b[ ## x", "[[ \u200b## x", "[[ ＃＃ x ＃＃ ]]", "[[##x"],
)
def test_look_alikes_of_markers_are_broken_too_and_can_be_restored(marker: str) -> None:
    broken = neutralise(f"say {marker} now")
    assert broken != f"say {marker} now"
    assert restore(broken).replace("\u200b", "") == f"say {marker} now".replace("\u200b", "")
    assert neutralise(broken) == broken
