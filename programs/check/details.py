"""The names and numbers of a claim: each stands in what it cites, in any spelling, or the question said it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .amounts import MONTHS, Amount, read_amounts
from .cited import Case, Fault
from .claim_words import FUNCTION_WORDS, Word, is_english, parts, read_words, stem

_CHINESE_NUMBER = re.compile("[一二三四五六七八九十百千万億亿兩两]")
_LARGEST_SPELT = 12
"""Up to here, another language's number words, which are not known here, may stand for a number in digits."""
_ENDINGS = frozenset(
    ["s", "es", "an", "n", "ian", "ish", "ese", "ic", "al", "sql", "ql", "db", "js", "io", "lang"]
)
"""What a short form leaves out, and what makes another word of a name: Postgres and PostgreSQL, Egypt and Egyptian."""
_YEARS = range(1000, 3000)

# Words that begin a sentence in capitals and are verbs after one that may be a name.
_VERBS = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "has",
        "had",
        "have",
        "does",
        "did",
        "do",
        "can",
        "could",
        "will",
        "would",
        "may",
        "might",
        "must",
        "should",
        "shall",
        "cannot",
        "isn't",
        "wasn't",
        "doesn't",
        "didn't",
        "won't",
        "can't",
        "hasn't",
        "rose",
        "fell",
        "went",
        "gave",
        "kept",
        "held",
        "made",
        "began",
        "came",
        "took",
        "won",
        "lost",
        "sold",
        "bought",
        "said",
        "told",
        "wrote",
        "ran",
        "built",
        "sent",
        "found",
        "left",
        "grew",
        "drew",
        "broke",
        "sank",
        "shrank",
        "hid",
        "led",
        "paid",
        "met",
        "cut",
        "put",
        "set",
        "hit",
        "usually",
        "always",
        "never",
        "often",
        "also",
        "only",
        "still",
        "already",
        "now",
        "then",
    ]
)
_ABSTRACT = re.compile(
    r"(tion|sion|ment|ness|ity|ing|ism|ance|ence|ure|age|ship|hood|al|ery|ics|th|ly|ed|cy|er|or|y)$"
)


def find_unsupported_detail(case: Case) -> Fault | None:
    """Return the first number or name of a claim that neither what it cites nor the question holds."""
    amount = _unsupported_amount(case)
    if amount:
        return Fault("unsupported_detail", f"{_spelt(amount)} does not stand in what it cites")
    for word in names(case.words):
        if not (is_named(word, case.evidence_words) or is_named(word, read_words(case.question))):
            return Fault("unsupported_detail", f"the name {word.text!r} does not stand in what it cites")
    if case.is_english:
        word = _name_at_the_start(case)
        if word:
            return Fault("unsupported_detail", f"the name {word.text!r} does not stand in what it cites")
    return None


def names(words: Sequence[Word]) -> Iterator[Word]:
    """Yield the names among the words of a text: distinctive words, and capitalised ones within an English sentence."""
    text = " ".join(word.text for word in words)
    capitalised = sum(word.text[0].isupper() for word in words)
    # Headlines and shouts capitalise everything, German every noun.
    telling = capitalised <= 0.6 * len(words) and is_english(text)
    for word in words:
        if text.isupper() or word.lower in ("i", "i'm", "i've", "ok"):
            continue
        is_amount = bool(read_amounts(word.text.capitalize()))
        if word.is_distinctive and not word.text[0].isdigit() and not is_amount:
            yield word
        elif telling and word.text[0].isupper() and not word.initial and word.lower not in FUNCTION_WORDS:
            if not is_amount and word.lower not in MONTHS:
                yield word


def is_named(word: Word, among: Sequence[Word]) -> bool:
    """Tell whether a name stands among words in any spelling: case, hyphens, plural, short form, first letters."""
    forms = _forms(word.lower)
    for other in among:
        others = _forms(other.lower) | {form for piece in parts(other.lower) for form in _forms(piece)}
        if forms & others or any(_is_short_form(mine, its) for mine in forms for its in others):
            return True
    pieces = parts(word.lower)
    if len(pieces) > 1:
        return all(len(piece) < 2 or is_named(_as_word(piece), among) for piece in pieces)
    return word.text.isupper() and _is_initials(word.lower, among)


def _as_word(text: str) -> Word:
    return Word(text, False, False, "")


def _forms(word: str) -> set[str]:
    joined = "".join(parts(word))
    return {word, joined, stem(joined)}


def _is_short_form(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and long.startswith(short) and long[len(short) :] in _ENDINGS


def _is_initials(letters: str, among: Sequence[Word]) -> bool:
    initials = "".join(piece[0] for word in among for piece in parts(word.lower))
    return len(letters) > 1 and letters.removesuffix("s") in initials


def _name_at_the_start(case: Case) -> Word | None:
    """Return a first word that is a name and stands nowhere: a bare noun before its verb or with a possessive ``'s``."""
    if len(case.words) < 3:
        return None
    first, second = case.words[:2]
    if (
        first.lower in FUNCTION_WORDS
        or not first.text[0].isupper()
        or first.is_distinctive
        or second.before != " "
    ):
        return None
    if (
        first.lower.endswith("s")
        or read_amounts(first.text)
        or (_ABSTRACT.search(first.lower) and not first.possessive)
    ):
        return None
    is_subject = first.possessive or second.lower in _VERBS or re.search(r"[^su]s$|ed$", second.lower)
    known = is_named(first, case.evidence_words) or is_named(first, read_words(case.question))
    return first if is_subject and not known else None


def _unsupported_amount(case: Case) -> Amount | None:
    claimed = [amount for amount in read_amounts(case.claim) if amount.is_sure]
    asked = read_amounts(case.question)
    known = [*case.evidence_amounts]
    for amount in claimed:
        if any(amount.states(other) for other in known) or any(_repeats(amount, other) for other in asked):
            continue
        if not case.is_english and not _can_be_told(amount, case):
            continue
        if _is_derived(amount, known, asked):
            continue
        return amount
    return None


def _repeats(amount: Amount, asked: Amount) -> bool:
    """Tell whether the question says this amount itself, with its unit where the claim has one."""
    return amount.states(asked) and (amount.unit is None or asked.unit is not None or amount.values[0] > 12)


def _can_be_told(amount: Amount, case: Case) -> bool:
    """Tell whether a number can be missed where number words of the language are not known."""
    if amount.is_month or amount.is_spelt or amount.values[0] <= _LARGEST_SPELT:
        return False
    return bool(case.evidence_amounts) and not any(map(_CHINESE_NUMBER.search, case.sentences))


def _is_derived(amount: Amount, known: Sequence[Amount], asked: Sequence[Amount]) -> bool:
    """Tell whether a year is another one of what is cited or asked, and the years cited, added."""
    if amount.is_month or amount.values[0] not in _YEARS:
        return False
    years = [value for other in (*known, *asked) for value in other.values if value in _YEARS]
    spans = [value for other in known for value in other.values if other.unit == "year"]
    return any(abs(amount.values[0] - year) in spans for year in years)


def _spelt(amount: Amount) -> str:
    if amount.is_month:
        return f"the month {amount.shown!r}"
    return f"the number {amount.shown!r}" + (f" with its unit ({amount.unit})" if amount.unit else "")
