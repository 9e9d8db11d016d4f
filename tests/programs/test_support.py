"""The check of support: what a claim says beyond, against or beside what it cites, and what it says of its own evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.check.support.amounts import read_amounts, read_days
from quincunx.programs.check.support.cited import Case, CitedSentence, Fault
from quincunx.programs.check.support.details import find_unsupported_detail
from quincunx.programs.check.support.layers import LAYERS, Layer
from quincunx.programs.check.support.polarity import find_flipped
from quincunx.programs.check.support.rules import check_support
from quincunx.programs.check.support.similarity import (
    LEAST_SUPPORT,
    TokenSupport,
    find_low_support,
    support_model,
)
from quincunx.programs.check.support.subjects import find_mixed_passages, find_other_subject
from quincunx.retrieval.models.cache import CachedReranker, RowFile
from quincunx.retrieval.models.late_interaction import load_minilm_late_interaction
from quincunx.retrieval.text.sentences import read_sentences

GOLD = Path(__file__).parents[2] / "eval" / "gold"


def whole_sentences() -> list[CitedSentence]:
    found = []
    for path in sorted(GOLD.glob("*/corpus.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            document = json.loads(line)
            about = {name: str(value) for name, value in document["metadata"].items()}
            for span in read_sentences(document["text"]):
                text = document["text"][span.start : span.end]
                found.append(CitedSentence(text, document["title"], about, document["_id"]))
    return found


SENTENCES = whole_sentences()


def cite(*texts: str, title: str = "") -> list[CitedSentence]:
    return [CitedSentence(text, title) for text in texts]


def rule_of(claim: str, cited: Sequence[CitedSentence], question: str = "") -> str | None:
    fault = check_support(claim, cited, question)
    return fault.rule if fault else None


POOL = cite("PgBouncer listens on port 6432 unless another port is set.", title="PgBouncer")


# --- numbers


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The trip takes twelve days.", "The trip takes 12 days."),
        ("The trip takes 12.0 days.", "The trip takes twelve days."),
        ("A dozen ships were lost.", "Twelve ships were lost."),
        ("There are 1,000 seats.", "There are a thousand seats."),
        ("It grew by 4%.", "It grew by four percent."),
        ("It grew by 4 per cent.", "It grew by 4 percent."),
        ("It weighs half of that, or 0.5.", "It weighs half of that."),
        ("Page updated on 4 March 2026.", "Page updated on 2026-03-04."),
        ("It fell on the 4th of March.", "It fell on 4 March."),
        ("It costs $47.", "It costs 47 dollars."),
        ("It costs £1.5 million.", "It costs 1.5 million pounds."),
        ("It returns in 24 months.", "It returns in two years."),
        ("It lasts 14 days.", "It lasts a fortnight."),
        ("A third of the shares is short.", "33 percent of the shares is short."),
        ("The orb is eight and a half degrees.", "The orb is 8.5 degrees."),
        ("Its twenty-first birthday was quiet.", "Its 21st birthday was quiet."),
        ("It stood between 88 and 92 dollars.", "It stood between $88 and $92."),
        ("Profit was 12 cents over the past year.", "Profit was twelve cents over the last year."),
    ],
)
def test_a_number_may_be_spelt_in_any_way(claim: str, sentence: str) -> None:
    assert check_support(claim, cite(sentence), "") is None


@pytest.mark.parametrize(
    ("claim", "sentence", "named"),
    [
        ("The trip takes thirteen days.", "The trip takes 12 days.", "thirteen"),
        ("It takes five days.", "It takes five weeks.", "five"),
        ("It grew by 40%.", "It grew by four percent.", "40"),
        ("It grew by 600 million barrels.", "It grew by 600 thousand barrels.", "600 million"),
        ("It costs 47 euros.", "It costs 47 dollars.", "47"),
        ("A chunk has three hundred characters.", "A chunk has three hundred words.", "three hundred"),
        ("It fell on 20 March 2020.", "It rose on 2 March 2020 and fell on 20 May 2020.", "20 March"),
        ("It fell 19 percent.", "It fell 29 percent on 19 September.", "19"),
        ("Guests ask forty questions.", "Guests ask twenty questions and take forty turns.", "forty"),
    ],
)
def test_another_number_unit_or_day_is_named(claim: str, sentence: str, named: str) -> None:
    fault = check_support(claim, cite(sentence), "")
    assert fault is not None
    assert fault.rule == "unsupported_detail"
    assert named in fault.reason


def test_a_number_of_the_question_is_no_news_only_where_the_question_says_it() -> None:
    sentence = cite("Combustion reaches about eight degrees.")
    assert rule_of("At 4 degrees it is combust.", sentence, "mercury is 4 degrees off, what now") is None
    assert rule_of("At 4 degrees it is combust.", sentence, "how many degrees?") == "unsupported_detail"


@given(st.integers(13, 10**7), st.sampled_from(["percent", "days", "dollars", "words", "cards"]))
def test_one_more_is_another_number(number: int, unit: str) -> None:
    cited = cite(f"There were {number:,} {unit} left.")
    assert rule_of(f"In the end {number} {unit} were left.", cited) is None
    assert rule_of(f"In the end {number + 1} {unit} were left.", cited) == "unsupported_detail"


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_date_is_the_same_in_numbers_and_in_words(day: date) -> None:
    words = f"{day:%d %B %Y}".lstrip("0")
    assert read_days(f"On {words} it rained.") == {(day.month, day.day)}
    assert read_days(f"On {day} it rained.") == {(day.month, day.day)}
    assert all(any(a.states(b) for b in read_amounts(str(day))) for a in read_amounts(words))


# --- names


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Data of Postgres is kept.", "PostgreSQL keeps data."),
        ("The Postgres server keeps data.", "PostgreSQL keeps data."),
        ("Here Velmora's chips sell well.", "The chips of Velmora sell well."),
        ("A WAL is written first.", "A write-ahead log is written first."),
        ("The all MiniLM L6 v2 model is small.", "all-MiniLM-L6-v2 is small."),
        ("The SQLITE file is small.", "An SQLite file is small."),
        ("Old Egyptian priests wrote it.", "Priests of old Egypt wrote it."),
    ],
)
def test_a_name_may_be_spelt_in_any_way(claim: str, sentence: str) -> None:
    assert find_unsupported_detail(Case(claim, cite(sentence), "")) is None


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Interrupts in LangChain wait.", "Interrupts in LangGraph wait."),
        ("Readers take the Ace of Pentacles as energy.", "Readers take the Ace of Wands as energy."),
        ("Polnara usually rallies in spring.", "AGVN usually rallies in spring."),
        ("In fact FENQ is sold short.", "BRZO is sold short."),
        ("Torvane's float is small.", "The float of Gulverne is small."),
    ],
)
def test_another_name_is_no_detail_of_the_evidence(claim: str, sentence: str) -> None:
    assert rule_of(claim, cite(sentence)) == "unsupported_detail"


def test_title_and_metadata_are_evidence_of_names_and_dates() -> None:
    cited = [CitedSentence("It rose 9 percent.", "BRZO · Brazzo Eyewear", {"date": "2026-03-04"})]
    assert check_support("In March 2026 shares of Brazzo rose 9 percent.", cited, "") is None


# --- subjects


def test_a_claim_on_what_was_asked_is_not_supported_by_a_page_on_something_else() -> None:
    question = "google colab kicks me out, how many hours is a free session"
    claim = "A free session on Google Colab lasts for up to 4 hours."
    assert rule_of(claim, POOL, question) is not None
    for sentence in SENTENCES:
        if sentence.title == "PgBouncer":
            assert rule_of(claim, [sentence], question) is not None
            # Nor where the number happens to stand there.
            close = CitedSentence(f"{sentence.text} Idle ones close after 4 hours.", sentence.title)
            assert rule_of(claim, [close], question) == "other_subject"


@pytest.mark.parametrize("others", [["Twine"], ["Keycloak"], ["Twine", "Keycloak"]])
def test_every_member_of_a_list_needs_support(others: list[str]) -> None:
    claim = "Twine, Keycloak, and Cohere Rerank are hosted services that order candidate texts by relevance to a query."
    question = "hm but won't our api key land in the repo then"
    rerank = next(sentence for sentence in SENTENCES if sentence.title == "Cohere Rerank")
    first = [next(sentence for sentence in SENTENCES if sentence.title == other) for other in others]
    assert rule_of(claim, [rerank, *first], question) is not None
    assert (
        rule_of("Cohere Rerank is a hosted service that orders candidate texts by relevance.", [rerank])
        is None
    )


def test_the_asker_s_own_things_may_stand_in_the_claim() -> None:
    cited = cite("Renovate opens pull requests that raise outdated dependencies.", title="Renovate")
    claim = "Like Dependabot but for your projects, Renovate opens pull requests."
    assert check_support(claim, cited, "like dependabot but elsewhere") is None


def test_properties_of_two_passages_are_not_mixed() -> None:
    cited = [
        CitedSentence("The Page of Wands brings exciting news or an eager pupil.", "Page of Wands"),
        CitedSentence("Old manuals gave the Page of Swords the role of spy or lookout.", "Page of Swords"),
    ]
    true = (
        "The Page of Wands brings exciting news, while old manuals gave the Page of Swords the role of spy."
    )
    mixed = (
        "Old manuals gave the Page of Wands the role of spy, while the Page of Swords brings exciting news."
    )
    assert find_mixed_passages(Case(true, cited, "")) is None
    fault = find_mixed_passages(Case(mixed, cited, ""))
    assert fault is not None
    assert fault.rule == "mixed_passages"


# --- words that turn the sense


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Write-ahead logging works over a network.", "Write-ahead logging does not work over a network."),
        ("The first run never needs the network.", "The first run needs the network."),
        ("The card doesn't keep its place.", "The card keeps its place."),
        ("The stock fell 11 percent on the day.", "The stock rose 11 percent on the day."),
        ("The fee is lower for short trips.", "The fee is higher for short trips."),
        ("Courage comes after craft.", "Courage comes before craft."),
        ("Insult wounds it more than silence.", "Silence wounds it more than insult."),
        ("Hidden files are searched by ripgrep.", "Hidden files are skipped by ripgrep."),
        ("A bullish reading fits the chart.", "A bearish reading fits the chart."),
        ("The relief lasted more than one session.", "The relief lasted less than one session."),
        ("Macros are unsupported in this build.", "Macros are supported in this build."),
        ("You cannot cancel.", "A subscription may be cancelled at any time."),
        ("It is enjoyed and not mourned.", "It is mourned and not enjoyed."),
    ],
)
def test_a_turned_sense_is_flipped(claim: str, sentence: str) -> None:
    assert rule_of(claim, cite(sentence)) == "flipped"


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("All modules work in Bun.", "Most modules work in Bun."),
        ("The shares always rally in spring.", "The shares usually rally in spring."),
        ("Every reader hears a caution.", "Some readers hear a caution."),
        ("It is the only card that stays good.", "It is one of few cards that stay good."),
        ("It is the fastest server for search.", "It is a fast server for search."),
        ("A second run never changes files.", "A second run seldom changes files."),
    ],
)
def test_a_strong_quantifier_is_not_put_in(claim: str, sentence: str) -> None:
    assert rule_of(claim, cite(sentence)) == "flipped"


@pytest.mark.parametrize(
    ("claim", "sentence", "question"),
    [
        (
            "No, a daily card is not meant as a forecast.",
            "Tradition does not treat the daily card as a forecast.",
            "",
        ),
        ("Only in 2023 was it back.", "It was not back until 2023.", ""),
        ("Nobody has a retrograde Sun.", "Sun and Moon are never retrograde at birth.", ""),
        ("The extension is called vector.", "The extension is called vector, not pgvector.", ""),
        ("Craft comes after courage.", "Courage comes before craft.", ""),
        ("It will not start without a key.", "A key is required at start.", ""),
        ("It is dearer than gas.", "It is more expensive than gas.", ""),
        (
            "Every hit shows the proxy.",
            "An application sees the proxy in its hits.",
            "why does every hit show the proxy",
        ),
        ("All modules work.", "All modules work, most of them fast.", ""),
    ],
)
def test_the_same_sense_in_other_words_is_not_flipped(claim: str, sentence: str, question: str) -> None:
    assert find_flipped(Case(claim, cite(sentence), question)) is None


# --- what holds for every claim


@given(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES))
def test_a_quoted_sentence_always_stands(sentence: CitedSentence, other: CitedSentence) -> None:
    assert check_support(sentence.text, [other, sentence], other.text) is None
    assert check_support(sentence.text.rstrip(".").upper(), [sentence], "") is None


def test_no_rule_finds_fault_with_a_sentence_beside_itself() -> None:
    rules = (find_unsupported_detail, find_other_subject, find_mixed_passages, find_flipped)
    for sentence in SENTENCES:
        case = Case(sentence.text, [sentence], "")
        assert [rule(case) for rule in rules] == [None] * len(rules), sentence.text


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("服务器不需要进程。", "服务器需要一个进程。"),
        ("ฐานข้อมูลเก็บไฟล์เดียว", "ฐานข้อมูลนี้เก็บไว้ในไฟล์เดียวเสมอ"),
        (
            "Die Karte zeigt einen Neubeginn im Vertrauen.",
            "Der Narr steht für einen Anfang voller Vertrauen.",
        ),
        ("Der Kurs fiel nach 12 Tagen.", "Der Kurs fiel nach zwölf Tagen, am 3. Mai."),
        ("Le serveur garde les données.", "The server keeps the data."),
        ("费用是12元。", "费用是十二元，2024年起。"),
    ],
)
def test_nothing_is_dropped_where_the_language_cannot_be_read(claim: str, sentence: str) -> None:
    assert check_support(claim, cite(sentence), "?", layers=("details", "polarity")) is None


def test_a_larger_number_can_be_told_in_any_language() -> None:
    assert (
        rule_of("Der Kurs fiel um 43 Prozent.", cite("Der Kurs fiel in 11 Tagen um 34 Prozent."))
        == "unsupported_detail"
    )


@given(st.text(), st.lists(st.text(), max_size=3), st.text())
def test_any_text_is_judged(claim: str, texts: list[str], question: str) -> None:
    fault = check_support(claim, [CitedSentence(text, text) for text in texts], question)
    assert fault is None or re.search(r"\w", fault.reason)


def test_only_the_layers_asked_for_are_checked() -> None:
    cited = cite("The stock rose 11 percent.")
    claim = "The stock fell 12 percent."
    faults = [check_support(claim, cited, "", layers={layer}) for layer in LAYERS]
    assert [fault and fault.rule for fault in faults] == ["unsupported_detail", "flipped", None]
    assert check_support(claim, cited, "", layers=()) is None


# --- the model


class Constant:
    """A support model with one score for everything."""

    def __init__(self, name: str, score: float) -> None:
        self.name = name
        self.score = score

    def __call__(self, claim: str, sentences: Sequence[str]) -> float:
        return self.score


def test_a_score_below_the_model_s_bound_is_named_with_it() -> None:
    name, least = next(iter(LEAST_SUPPORT.items()))
    case = Case("Cats sleep.", cite("Dogs bark."), "")
    fault = find_low_support(case, Constant(name, least - 0.01))
    assert fault == Fault(
        "low_support", f"it scores {least - 0.01:.2f} of the {least:.2f} at least that support takes"
    )
    assert find_low_support(case, Constant(name, least)) is None
    assert find_low_support(case, Constant("without a row", -9.0)) is None


def test_a_score_of_support_is_remembered_beside_those_of_the_second_stage(tmp_path: Path) -> None:
    reranker = load_minilm_late_interaction()
    claim, sentences = (
        "SQLite stores its data in one file.",
        ["A database is one file.", "Wool is washed cold."],
    )
    alone = TokenSupport(reranker)(claim, sentences)
    file = RowFile(tmp_path / "scores.sqlite")
    for remembering in (CachedReranker(reranker, file=file), CachedReranker(reranker, file=file)):
        model = TokenSupport(reranker, remembering)
        assert model(claim, sentences) == pytest.approx(alone, abs=1e-6)
        assert model(claim, sentences[:1]) != model(claim, sentences[1:])
        missed = remembering.memory.misses
        assert model(claim, sentences) == pytest.approx(alone, abs=1e-6)
        assert remembering.memory.misses == missed == 3


def test_token_vectors_put_a_paraphrase_above_another_subject() -> None:
    model = support_model(load_minilm_late_interaction())
    assert isinstance(model, TokenSupport)
    assert model.name in LEAST_SUPPORT
    sentence = "A whole SQLite database is kept in one ordinary file."
    near = model("SQLite stores all of its data in a single file.", [sentence])
    far = model("Red wine comes out of wool with cold water.", [sentence])
    assert far < LEAST_SUPPORT[model.name] < near
    assert model(sentence, [sentence]) == pytest.approx(1.0, abs=1e-3)
    assert support_model(None) is None
    similarity: Layer = "similarity"
    fault = check_support("Red wine comes out of wool.", cite(sentence), "", layers=[similarity], model=model)
    assert fault is not None
    assert fault.rule == "low_support"


@pytest.mark.parametrize("claim", ["As the passage says.", "So the page states.", "Yes.", "It says so."])
def test_a_claim_that_only_points_to_what_it_cites_is_as_near_as_can_be(claim: str) -> None:
    cited = [CitedSentence("Returns are accepted for 30 days after delivery.", "Returns")]
    assert check_support(claim, cited, "How long?", model=Far()) is None
    assert check_support("Letters take two days.", cited, "How long?", model=Far()) is not None


class Far:
    """A model to which all is far from all; it bears the name of one that has a bound."""

    name = next(iter(LEAST_SUPPORT))

    def __call__(self, claim: str, sentences: Sequence[str]) -> float:
        return 0.0
