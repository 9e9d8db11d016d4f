"""The names and numbers of a claim: each stands in what it cites, in any spelling, or the question said it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .amounts import MONTHS, Amount, is_unit, read_amounts, read_days
from .cited import Case, Fault
from .claim_words import FUNCTION_WORDS, IRREGULAR, Word, is_english, read_words, stem, word_parts, word_set

_CHINESE_NUMBER = re.compile("[一二三四五六七八九十百千万億亿兩两]")
_LARGEST_SPELT = 12
"""Up to here, another language's number words, which are not known here, may stand for a number in digits."""
_ENDINGS = word_set(
    """
    s es an n ian ish ese ic al sql ql db js io lang
    """
)
"""What a short form leaves out, and what makes another word of a name: Postgres and PostgreSQL, Egypt and Egyptian."""
_YEARS = range(1000, 3000)
_RATIO = re.compile(r"\b(\w+)(?: \w+)? (?:in|of|out of)(?: every)? (\w+)\b", re.IGNORECASE)

VERBS = word_set(
    """
    is are was were has had have does did do can could will would may might must should shall cannot isn't
    wasn't doesn't didn't won't can't hasn't rose fell went gave kept held made began came took won lost sold
    bought said told wrote ran built sent found left grew drew broke sank shrank hid led paid met cut put set
    hit usually always never often also only still already now then
    """
)
_ABSTRACT = re.compile(r"(tion|sion|ment|ness|ity|ing|ism|ance|ence|ship|hood|ics|ery)$")
_UNCOUNTED = word_set(
    """
    money water fire air earth time work love luck death life growth speed trust fear hope joy grief anger pride courage
    craft wealth health power energy strength wisdom truth beauty faith peace war news data software hardware code text
    memory storage traffic demand supply volume revenue profit cash debt credit interest trading research advice help
    nature order chaos change light darkness solitude silence rain snow wind food drink sleep rest travel music art
    history law trade labour labor effort progress success failure damage loss gain weight heat cold dust paper wood
    metal gold silver oil gas coal sugar salt milk bread public management access support output input latency caching
    everyone everybody people buying selling nobody somebody
    """
)
"""Nouns that stand before a verb without an article, and are no names."""


def find_unsupported_detail(case: Case) -> Fault | None:
    """Return the first number or name of a claim that neither what it cites nor the question holds."""
    amount = _unsupported_amount(case)
    if amount:
        return Fault("unsupported_detail", f"{_spelt(amount)} does not stand in what it cites")
    day = _other_day(case)
    if day:
        shown = f"{day[1]:g} {MONTHS[int(day[0]) - 1].capitalize()}"
        return Fault("unsupported_detail", f"the day {shown!r} does not stand in what it cites")
    for word in names(case.words):
        if not (is_named(word, case.evidence_words) or _is_asked(word, case)):
            return Fault("unsupported_detail", f"the name {word.text!r} does not stand in what it cites")
    if case.is_english:
        first = _name_at_the_start(case)
        if first:
            return Fault("unsupported_detail", f"the name {first.text!r} does not stand in what it cites")
    return None


def names(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the names among the words of a text: distinctive words, and capitalised ones within an English sentence."""
    text = " ".join(word.text for word in words)
    capitalised = sum(word.text[0].isupper() for word in words)
    # Headlines and shouts capitalise everything, German every noun.
    telling = capitalised <= 0.6 * len(words) and is_english(text)
    for word in words:
        if text.isupper() or word.lower in ("i", "i'm", "i've", "ok") or is_unit(word.lower):
            continue
        is_amount = bool(read_amounts(word.text.capitalize()))
        if word.is_distinctive and not word.text[0].isdigit() and not is_amount:
            yield word
        elif word.text[0].isupper() and telling:
            is_plain = word.initial or is_amount or word.lower in FUNCTION_WORDS or word.lower in MONTHS
            if not is_plain:
                yield word


def is_named(word: Word, among: Sequence[Word]) -> bool:
    """Tell whether a name stands among words in any spelling: case, hyphens, plural, short form, first letters."""
    forms = _forms(word.lower)
    for other in among:
        others = _forms(other.lower) | {form for piece in word_parts(other.lower) for form in _forms(piece)}
        if forms & others or any(_is_short_form(mine, its) for mine in forms for its in others):
            return True
    pieces = word_parts(word.lower)
    if len(pieces) > 1:
        return all(len(piece) < 2 or is_named(_as_word(piece), among) for piece in pieces)
    return word.text.removesuffix("s").isupper() and _is_initials(word.lower, among)


def _is_asked(word: Word, case: Case) -> bool:
    """Tell whether the question names this, or a telling part of it: "minilm" for ``all-MiniLM-L6-v2``."""
    asked = read_words(case.question)
    return is_named(word, asked) or any(
        len(piece) > 3 and is_named(_as_word(piece), asked)
        for piece in word_parts(word.text)[: 2 + 2 * word.is_distinctive]
    )


def _as_word(text: str) -> Word:
    return Word(text, False, False, "")


def _forms(word: str) -> set[str]:
    joined = "".join(word_parts(word))
    return {word, joined, stem(joined)}


def _is_short_form(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and long.startswith(short) and long[len(short) :] in _ENDINGS


def _is_initials(letters: str, among: Sequence[Word]) -> bool:
    initials = "".join(piece[0] for word in among for piece in word_parts(word.lower))
    return len(letters) > 1 and letters.removesuffix("s") in initials


def _name_at_the_start(case: Case) -> Word | None:
    """Return a first word that is a name and stands nowhere: a bare noun before its verb or with a possessive ``'s``.

    What a sentence begins with in small letters may be a name as well: "mypy".
    """
    words = case.told
    if len(words) < 3:
        return None
    first, second = words[:2]
    is_subject = (
        first.possessive
        or second.lower in VERBS
        or second.lower in IRREGULAR
        or second.lower.endswith("ed")
        or (first.text.islower() and second.text.islower() and second.lower.endswith("s"))
    )
    is_word = (
        first.lower in FUNCTION_WORDS
        or first.lower in _UNCOUNTED
        or first.lower.endswith("s")
        or bool(_ABSTRACT.search(first.lower))
        or bool(read_amounts(first.text))
    )
    if not is_subject or is_word or first.is_distinctive or second.before != " ":
        return None
    known = is_named(first, case.evidence_words) or is_named(first, read_words(case.question))
    return None if known else first


def _unsupported_amount(case: Case) -> Amount | None:
    claimed = [amount for amount in read_amounts(case.claim) if amount.is_sure]
    asked = read_amounts(case.question)
    known = [*case.evidence_amounts]
    for amount in claimed:
        if _counts_other_things(amount, known) or _is_other_money(amount, known, asked):
            return amount
        if any(amount.states(other) for other in known) or any(_repeats(amount, other) for other in asked):
            continue
        if not case.is_english and not _can_be_told(amount, case):
            continue
        if _is_derived(amount, known, asked, case):
            continue
        return amount
    return None


def _counts_other_things(amount: Amount, known: Sequence[Amount]) -> bool:
    """Tell whether what is cited counts the same things with another number, and other things with this one."""
    counted = stem(amount.noun)
    if not counted or amount.noun in FUNCTION_WORDS or not amount.noun.isalpha():
        return False
    same = [other for other in known if stem(other.noun) == counted and other.is_sure]
    stated = [other for other in known if amount.states(other)]
    return bool(same and stated) and all(
        other.noun.isalpha() and other.noun not in FUNCTION_WORDS and stem(other.noun) != counted
        for other in stated
    )


def _is_other_money(amount: Amount, known: Sequence[Amount], asked: Sequence[Amount]) -> bool:
    """Tell whether an amount is money, and neither what is cited nor the question speaks of that money."""
    return amount.is_money and not any(other.measures == amount.measures for other in (*known, *asked))


def _other_day(case: Case) -> tuple[float, float] | None:
    """Return a day of the claim where what is cited has that day of another month, or another day of that month."""
    known = {day for text in (*case.sentences, *case.context, case.question) for day in read_days(text)}
    for month, day in read_days(case.claim) - known:
        if any(month == its_month or day == its_day for its_month, its_day in known):
            return month, day
    return None


def _repeats(amount: Amount, asked: Amount) -> bool:
    """Tell whether the question says this amount itself, with its unit where the claim has one."""
    return amount.states(asked) and (amount.unit is None or asked.unit is not None or amount.values[0] > 12)


def _can_be_told(amount: Amount, case: Case) -> bool:
    """Tell whether a number can be missed where number words of the language are not known."""
    if amount.is_month or amount.is_spelt or amount.values[0] <= _LARGEST_SPELT:
        return False
    return bool(case.evidence_amounts) and not any(map(_CHINESE_NUMBER.search, case.sentences))


def _is_derived(amount: Amount, known: Sequence[Amount], asked: Sequence[Amount], case: Case) -> bool:
    """Tell whether a number follows from others in one step: a product, a ratio, a year and years, or a list's length."""
    value = amount.values[0]
    sure = [
        other
        for other in known
        if other.unit not in ("day of the month", "calendar year") and not other.is_month
    ]
    if amount.is_month or amount.unit == "day of the month":
        return False
    if value in _YEARS:
        years = [inner for other in (*known, *asked) for inner in other.values if inner in _YEARS]
        spans = [inner for other in known for inner in other.values if other.unit == "year"]
        return not read_days(case.claim) and any(abs(value - year) in spans for year in years)
    if amount.unit == "percent" and any(
        abs(ratio * 100 - value) < 0.5 for text in case.sentences for ratio in _ratios(text)
    ):
        return True
    days = [day for text in case.sentences for day in read_days(text)]
    if amount.unit == "day" and any(
        month == its_month and abs(day - its_day) == value
        for month, day in days
        for its_month, its_day in days
    ):
        return True
    pairs = [(one.values[0], other.values[0], one.unit) for one in sure for other in sure if one is not other]
    if amount.unit and any(
        abs(one * other - value) < 1e-6 and unit == amount.unit for one, other, unit in pairs
    ):
        return True
    if re.search(rf"{re.escape(amount.shown)} times (?:as|more|the)", case.claim):
        return any(other and abs(one / other - value) < 1e-6 for one, other, _ in pairs)
    if re.search(rf"\bout of (?:the )?{re.escape(amount.shown)}\b", case.claim):
        return False
    return amount.unit is None and any(value == _list_length(text) for text in case.sentences)


def _ratios(text: str) -> list[float]:
    """Return the shares that a text tells as one number of another: "one chart out of five" is 0.2."""
    found = [(read_amounts(one), read_amounts(other)) for one, other in _RATIO.findall(text)]
    return [
        one[0].values[0] / other[0].values[0] for one, other in found if one and other and other[0].values[0]
    ]


def _list_length(sentence: str) -> int:
    """Return how many things a sentence lists: "A, B and C" are three."""
    commas = re.search(r"((?:[^,;.]+, )+)[^,;.]+? (?:and|or) ", sentence)
    return commas[1].count(", ") + 2 if commas else 0


def _spelt(amount: Amount) -> str:
    if amount.is_month:
        return f"the month {amount.shown!r}"
    return f"the number {amount.shown!r}" + (f" with its unit ({amount.unit})" if amount.unit else "")
