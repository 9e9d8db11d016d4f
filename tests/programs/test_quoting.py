"""Quotes are found through typography and found nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.check.quotes import QuoteFault, check_quote, find_quote, neutralise, restore

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


PAGE = """# Support

## Which port does it listen on?

Port 8080.

Can I pay?
----------

No. Ask **first thing**, the depot opens at 18:00 sharp.

| Item | Fee |
|---|---|
| Parcel | 4 euro |
| *Pallet* | `40 euro` |

- Sundays
- [ ] open days

> Refunds reach your
> account within a week, see the [returns form](https://shop.example/r "R") first.[^1]

The ware-
house is on-
site, R&amp;D is **un**able to ~~read~~ \\*stars\\*, 2*3 is not 23 and snake_case is <b>one word</b><br>here.

1. Pack the lamp
2. Print the label

Paid in
12. Then it left.
"""


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("Port 8080.", "Port 8080."),
        ("port 8080", None),
        ("Port 8080", "Port 8080."),
        ("No.", "No."),
        ("4 euro", "4 euro"),
        ("40 euro", "`40 euro`"),
        ("Pallet", "*Pallet*"),
        ("Sundays", "Sundays"),
        ("open days", "open days"),
        ("Parcel 4 euro", "Parcel | 4 euro"),
        ("Refunds reach your account within a week", "Refunds reach your\n> account within a week"),
        ("> Refunds reach your\n> account within a week", "Refunds reach your\n> account within a week"),
        ("see the returns form first", 'see the [returns form](https://shop.example/r "R") first'),
        (
            "see the [returns form](https://shop.example/r) first",
            'see the [returns form](https://shop.example/r "R") first',
        ),
        ("The warehouse is on-site", "The ware-\nhouse is on-\nsite"),
        ("The ware-house is on-site", "The ware-\nhouse is on-\nsite"),
        ("R&D is unable to read", "R&amp;D is **un**able to ~~read"),
        ("R&amp;D is **un**able", "R&amp;D is **un**able"),
        ("is one word here", "is <b>one word</b><br>here"),
        ("Pack the lamp Print the label", "Pack the lamp\n2. Print the label"),
        ("Ask first thing, the depot", "Ask **first thing**, the depot"),
        ("listen on? Port 8080.", "listen on?\n\nPort 8080."),
    ],
)
def test_marks_are_looked_through_and_the_quote_is_the_passages_own(quote: str, stands: str | None) -> None:
    assert find_quote(quote, PAGE) == stands


@pytest.mark.parametrize(
    ("quote", "rule"),
    [
        ("first thing", "too_short"),
        ("18:00", "too_short"),
        ("Which port does it listen on?", "heading_only"),
        ("## Which port does it listen on?", "heading_only"),
        ("Can I pay?", "heading_only"),
        ("Support", "too_short"),
        ("is able to read", "no_such_quote"),
        ("able to read stars", "no_such_quote"),
        ("house is on-site", "no_such_quote"),
        ("23 is not 23", "no_such_quote"),
        ("Paid in Then it left", "no_such_quote"),
        ("see the shop first", "no_such_quote"),
        ("opens at 18", "no_such_quote"),
        ("Port 8081.", "no_such_quote"),
    ],
)
def test_what_does_not_stand_is_told_by_its_rule(quote: str, rule: str) -> None:
    fault = check_quote(quote, PAGE)
    assert isinstance(fault, QuoteFault)
    assert fault.rule == rule
    assert fault.reason


def test_a_whole_sentence_of_one_word_stands_and_a_word_of_a_sentence_does_not() -> None:
    assert find_quote("Yes.", "Yes.") == "Yes."
    assert find_quote("Yes.", "Yes. Indeed so.") == "Yes."
    assert find_quote("Indeed", "Yes. Indeed so.") is None


def test_a_value_of_the_metadata_stands_whole() -> None:
    assert find_quote("published", "Orders leave soon.", ["Shipping", "published"]) == "published"
    assert find_quote("publish", "Orders leave soon.", ["published"]) is None


def test_a_sentence_over_a_line_of_dashes_is_no_heading() -> None:
    assert find_quote("Orders ship in two days.", "Orders ship in two days.\n---\nNext.") is not None


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("the ofﬁce opens early", "The door: the of\u00adfice opens early."),
        ("cafe\u0301 opens at nine", "The café opens at nine."),
        ("Ｔｈｅ ｏｆｆｉｃｅ ｏｐｅｎｓ", "The office opens."),
        ("运费由客户承担。", "客户可以退货，**运费**由客户承担。"),
        ("ลูกค้าสามารถคืนสินค้า", "> ลูกค้าสามารถ\u200bคืนสินค้าได้"),
        ("शिपिंग का खर्च", "ग्राहक। *शिपिंग* का खर्च ग्राहक देगा।"),
        ("نعم، خلال ثلاثين يوما", "هل؟ نعم، خلال ثلاثين يوما."),
        ("送料はお客様の負担", "返品。送料は、**なし**。送料はお客様の負担です。"),
    ],
)
def test_quotes_are_found_in_any_script_and_form(quote: str, text: str) -> None:
    assert find_quote(quote, text) is not None


MARKED = [
    "**",
    "*",
    "_",
    "`",
    "~~",
    "> ",
    "- ",
    "1. ",
    "\n",
    "\n\n",
    " ",
    "| ",
    "-\n",
    "[",
    "](u)",
    "<b>",
    "</b>",
    "<br>",
    "\\",
    "# ",
]
WORDS = ["un", "able", "five", "5", "12", ",", ".", "运费", "x", "&amp;"]


@given(st.lists(st.sampled_from([*MARKED, *WORDS]), max_size=25).map("".join), st.data())
def test_no_letter_or_digit_is_leapt_over_and_words_stay_whole(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    quote = text[start : data.draw(st.integers(start, len(text)))]
    found = find_quote(quote, text)
    assert found is None or found in text

    def characters(text: str) -> str:
        text = re.sub(r"\]\(u\)|</?b>|<br>", "", text).replace("&amp;", "&")
        return "".join(re.findall(r"\w", re.sub(r"(?m)^[ >]*\d{1,9}\. ", "", text))).replace("_", "")

    def begun(stretch: str) -> str:
        """Without the number of a list that it begins with, whole or in part."""
        return characters(re.sub(r"^\W*\d{1,9}\. ", "", stretch)).removeprefix("1")

    if found is not None:
        assert begun(quote) in characters(text)
        assert begun(found) == begun(quote)


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


SOME_WORDS = st.lists(st.text(alphabet="ab1.,-+漢", min_size=1, max_size=4), min_size=6, max_size=12)


@given(SOME_WORDS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_quote_is_found_alike_whether_or_not_a_line_of_the_passage_is_cut(
    words: list[str], start: int, first: int, last: int
) -> None:
    text = " ".join(words)
    quote = " ".join(words[start : start + 4])[first : -last or None]
    # With a word that is cut at a line end, each letter may have a cut before it.
    assert check_quote(quote, text) == check_quote(quote, f"{text}\nwell-\nknown")
