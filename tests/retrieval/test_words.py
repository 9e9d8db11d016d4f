"""What the lexical stage finds, whatever the script, the form of the letters and the spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import Hashing

from quincunx.retrieval.index.build import build
from quincunx.retrieval.index.lexical.vocabulary import Vocabulary
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher, SearchResult
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.text.normal_form import PLAIN, normal_form, normal_text
from quincunx.retrieval.text.words import NAME, indexed_words, searched_words

FILLER = [
    Document(f"filler{i}", "", f"Something else, part {i}, was said there in {1900 + i}.") for i in range(30)
]


def lexical(
    folder: Path, texts: Mapping[str, str | Document], question: str
) -> tuple[list[str], SearchResult]:
    """Return the ids that the lexical stage alone finds in an index of these documents and some others."""
    documents = [d if isinstance(d, Document) else Document(id, "", d) for id, d in texts.items()]
    build(folder, [*documents, *FILLER], Hashing())
    searcher = Searcher(folder, Hashing(), None)
    found = searcher.search(question, SearchSettings(dense_weight=0))
    return [passage.id for passage in found.lexical], found


LETTERS = [
    "e",
    "\u0301",
    "ﬁ",
    "Ａ",
    "\u00ad",
    "각",
    "\u1100",
    "\u1161",
    "\u11a8",
    "क",
    "\u093c",
    "ি",
    " ",
    "\n",
    "“",
    "—",
]
LETTERS += [
    "が",
    "か",
    "\u3099",
    "ｶ",
    "ﾞ",
    "\u200b",
    "a",
    "9",
    "ก",
    "ำ",
    "`",
    "\u0327",
    "ß",
    "İ",
    "😀",
    "\u0e31",
    "ㄅ",
]


@given(st.lists(st.sampled_from(LETTERS), max_size=30).map("".join) | st.text(max_size=30))
def test_the_normal_form_is_that_of_the_whole_text_and_every_character_has_its_origin(text: str) -> None:
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    shown = unicodedata.normalize("NFKC", visible).translate(PLAIN)
    form = normal_form(text)
    assert normal_text(text) == form.text.strip() == " ".join(shown.split())
    assert len(form.text) == len(form.starts) == len(form.ends)
    for at, (start, end) in enumerate(zip(form.starts, form.ends, strict=True)):
        assert form.text[at] in normal_form(text[start:end]).text
    assert normal_text(normal_text(text)) == normal_text(text)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Le café était fermé.", "cafe\u0301"),
        ("Le cafe\u0301 était fermé.", "café"),
        ("Le café était fermé.", "CAFE"),
        ("The ﬁnal oﬃce.", "office"),
        ("Ｔｈｅ ｏｆｆｉｃｅ opens.", "office"),
        ("The of\u00adfice opens.", "office"),
        ("The office opens.", "of\u200bfice"),
        ("Die Straße ist lang.", "STRASSE"),
        ("Διακοπές στην Αθήνα", "ΑΘΗΝΑ"),
        ("Ёлка стоит.", "елка"),
        ("أَحْمَدُ كتب الرسالة", "احمد"),
        ("ग्राहक तीस दिनों के भीतर सामान वापस कर सकते हैं।", "ग्राहकों ग्राहक"),
        ("שָׁלוֹם לכולם", "שלום"),
        ("배송비는 고객이 부담합니다.", "배송비"),
        ("運費由客戶承擔。", "運費由誰承擔？"),
        ("猫が好きです。", "猫"),
        ("私は猫", "猫"),
        ("返品はサーバーへ", "ｻｰﾊﾞｰ"),
        ("ลูกค้าสามารถคืนสินค้าได้", "สินค้า"),
        ("ລູກຄ້າສາມາດສົ່ງສິນຄ້າຄືນໄດ້", "ສິນຄ້າ"),
        ("ဖောက်သည်များသည် ပစ္စည်းများကို ပြန်ပို့နိုင်သည်။", "ပစ္စည်း"),
        ("អតិថិជនអាចប្រគល់ទំនិញវិញ", "ទំនិញ"),
        ("iPhone手机壳很好", "手机"),
    ],
)
def test_words_are_found_in_any_script_and_form(tmp_path: Path, written: str, asked: str) -> None:
    other = {"zh": "会员在生日当月可以领取优惠券。", "th": "เปิดทุกวันตอนเช้า", "de": "Der Laden öffnet früh."}
    found, _ = lexical(tmp_path / "index", {"wanted": written, **other}, asked)
    assert found[0] == "wanted"


UNSPACED = "运费由客户承担会员在生日当月可以领取优惠券返品はサーバーลูกค้าสามารถคืนสินค้า"


@given(st.lists(st.sampled_from(UNSPACED), min_size=1, max_size=12).map("".join), st.data())
def test_any_piece_of_text_without_spaces_is_found(text: str, data: st.DataObject) -> None:
    text = unicodedata.normalize("NFC", text)
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))]
    held = list(indexed_words("", text, {}))
    for word in searched_words(piece):
        if word.endswith("*"):
            assert any(other.startswith(word[:-1]) for other in held)
        else:
            assert word in held


@pytest.mark.parametrize(
    ("title", "text", "metadata", "question"),
    [
        ("NOW", "It trades in a range.", {}, "What is the setup of NOW before its report?"),
        ("IT", "It trades in a range.", {}, "$IT options"),
        ("Notes", "Trades in a range.", {"ticker": "ALL"}, "What about ALL?"),
        ("Notes", "Trades in a range.", {"symbols": ["QQ", "SO"]}, "what about so"),
        ("The Who", "A band of London.", {}, "When did The Who form?"),
        ("Staff", "Ask Will Smith about the keys.", {}, "Where is Will?"),
        ("Health", "The WHO advises rest.", {}, "What does the WHO say?"),
        ("Shipping", "Orders to the US take nine days.", {}, "how long to the US"),
        ("Desk", "Call IT when the screen is dark.", {}, "Do I call IT first?"),
    ],
)
def test_a_stop_word_that_is_a_name_of_the_corpus_counts(
    tmp_path: Path, title: str, text: str, metadata: dict[str, Any], question: str
) -> None:
    plain = {
        f"p{i}": f"It is now all so, we will be about {i} of us; who can say what it has." for i in range(9)
    }
    wanted = Document("wanted", title, text, metadata)
    found, _ = lexical(tmp_path / "index", {**plain, "wanted": wanted}, question)
    assert found[0] == "wanted"


@pytest.mark.parametrize(
    "question", ["What is it?", "IS IT ALL?", "Will it be on?", "Who Are They", "It is now. We are on."]
)
def test_a_question_of_stop_words_alone_is_searched_by_them(question: str) -> None:
    assert [word for word in searched_words(question) if not word.startswith(NAME)]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("retunrs", "returns"),
        ("delivry", "delivery"),
        ("heirophant", "hierophant"),
        ("sqaure", "square"),
        ("warrenty", "warranty"),
        ("adress", "address"),
        ("shiping", "shipping"),
    ],
)
def test_a_misspelt_word_finds_the_page_of_the_word_it_was_meant_for(
    tmp_path: Path, asked: str, word: str
) -> None:
    texts = {
        "wanted": "Returns, the delivery, the hierophant, a square, a warranty, an address, shipping.",
        "other": "The depot is open on weekdays.",
    }
    found, result = lexical(tmp_path / "index", texts, f"what about {asked}")
    assert found == ["wanted"]
    assert word in result.near_words[asked]


@pytest.mark.parametrize("asked", ["xyzzyq", "2027", "sku99", "vat", "Straßenbahnhaltestelle", "snake_cose"])
def test_no_word_is_near_to_numbers_short_words_and_words_of_their_own(tmp_path: Path, asked: str) -> None:
    texts = {"a": "In 2026 the sku98 cost a cat, and snake_case was used.", "b": "The depot opens."}
    _, result = lexical(tmp_path / "index", texts, asked)
    assert result.near_words == {}


def test_a_word_that_the_index_holds_is_searched_for_as_it_is(tmp_path: Path) -> None:
    texts = {"form": "The form is blue.", "from": "The farm is red."}
    found, result = lexical(tmp_path / "index", texts, "the form")
    assert found == ["form"]
    assert result.near_words == {}


EDITS = st.sampled_from(["put in", "left out", "changed", "swapped"])
WORDS = ["returns", "delivery", "warranty", "customers", "shipping", "invoice", "weekday"]


@given(st.sampled_from(WORDS), EDITS, st.data())
def test_one_edit_of_a_word_leads_back_to_it(word: str, edit: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("qxz"))
    misspelt = {
        "put in": word[:at] + letter + word[at:],
        "left out": word[:at] + word[at + 1 :],
        "changed": word[:at] + letter + word[at + 1 :],
        "swapped": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    }[edit]
    assert word in [misspelt, *Vocabulary(WORDS).near(misspelt, {**dict.fromkeys(WORDS, 1)}.__getitem__)]


def test_words_that_no_passage_holds_any_more_are_near_to_nothing() -> None:
    held = {"return": 0, "retire": 3}
    assert Vocabulary(held).near("retirn", held.__getitem__) == ["retire"]
