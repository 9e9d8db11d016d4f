"""What a claim is about: the passages that it cites are about that, and what is said of one is not said of another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .amounts import read_amounts
from .cited import Case, CitedSentence, Fault
from .claim_words import FUNCTION_WORDS, Word, content_stems, read_words
from .details import is_named, names

_CLAUSE = re.compile(
    r"[,;:]\s+(?:and\s+|but\s+|yet\s+|so\s+)?(?:(?:while|whereas|although|though|because|since|as|with)\s+)?"
    r"|\s+(?:while|whereas|although|because|but|and|yet)\s+"
)


def find_other_subject(case: Case) -> Fault | None:
    """Return a fault where a claim names what the question asked for, and nothing that it cites is about that."""
    proper = [sentence for sentence in case.cited if is_proper_title(sentence.title)]
    if not case.is_english or len(proper) < len(case.cited):
        return None
    foreign = [word for word in _all_names(case) if not is_named(word, case.evidence_words)]
    if not foreign:
        return None
    about = [word for sentence in case.cited for word in title_words(sentence)]
    if any(is_named(word, about) for word in case.words if word.lower not in FUNCTION_WORDS):
        return None
    return Fault(
        "other_subject", f"it is about {foreign[0].text!r}, and what it cites about {case.cited[0].title!r}"
    )


def _all_names(case: Case) -> list[Word]:
    """Return the names of a claim, and words of it that the question holds and that begin it."""
    found = list(names(case.words))
    first = case.words[0] if case.words else None
    if first and first not in found and first.text[0].isupper() and first.lower not in FUNCTION_WORDS:
        if is_named(first, read_words(case.question)) and not read_amounts(first.text):
            found.append(first)
    return found


def title_words(sentence: CitedSentence) -> list[Word]:
    """Return the words of a title that say what its passage is about."""
    return [
        word
        for word in read_words(re.sub(r"\([^)]*\)", "", sentence.title))
        if word.lower not in FUNCTION_WORDS
    ]


def is_proper_title(title: str) -> bool:
    """Tell whether a title is a name: each word of it that is not of grammar begins with a capital or is distinctive."""
    words = [word for word in read_words(re.split(r"[:(,]", title)[0]) if word.lower not in FUNCTION_WORDS]
    return bool(words) and all(
        word.text[0].isupper() or word.is_distinctive or len(words) == 1 for word in words
    )


def find_mixed_passages(case: Case) -> Fault | None:
    """Return a fault where a clause names one passage's subject and says what another passage says of its own."""
    passages: dict[str, list[CitedSentence]] = {}
    for sentence in case.cited:
        passages.setdefault(sentence.document_id or sentence.title, []).append(sentence)
    if len(passages) < 2 or not case.is_english:
        return None
    titles = [_marks(group) for group in passages.values()]
    texts = [{mark for sentence in group for mark in _content(sentence.text)} for group in passages.values()]
    subject: int | None = None
    for clause in _CLAUSE.split(case.claim):
        said = _content(clause)
        named = [
            at
            for at, title in enumerate(titles)
            if said & (title - set().union(*titles[:at], *titles[at + 1 :]))
        ]
        if len(named) > 1:
            subject = None
            continue
        inherits = not named
        subject = named[0] if named else subject
        if subject is None:
            continue
        said -= set().union(*titles)
        others = set().union(*texts[:subject], *texts[subject + 1 :])
        own, foreign = said & (texts[subject] - others), said & (others - texts[subject])
        if len(foreign) > len(own) + inherits and len(foreign) >= 2 + inherits:
            group = list(passages.values())[subject]
            return Fault(
                "mixed_passages",
                f"{', '.join(map(repr, sorted(foreign)[:3]))} is said of another passage's subject than {group[0].title!r}",
            )
    return None


def _content(text: str) -> set[str]:
    amounts = {f"{amount.values[0]:g}" for amount in read_amounts(text) if not amount.is_month}
    return set(content_stems(read_words(text))) | amounts


def _marks(group: Sequence[CitedSentence]) -> set[str]:
    """Return the words by which a passage's subject is told."""
    return {mark for sentence in group for mark in _content(re.sub(r"\([^)]*\)", "", sentence.title))}
