"""What a claim is about: the passages that it cites are about that, and what is said of one is not said of another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
    groups = list(passages.values())
    if len(groups) < 2 or not case.is_english:
        return None
    marks = [_marks(group) for group in groups]
    texts = [{mark for sentence in group for mark in _content(sentence.text)} for group in groups]
    crossed: dict[int, set[str]] = {}
    for at, inherits, said in _runs(case.claim, marks):
        if inherits and not is_proper_title(groups[at][0].title):
            continue
        said -= set().union(*marks)
        others = set().union(*texts[:at], *texts[at + 1 :])
        own, foreign = said & (texts[at] - others), said & (others - texts[at])
        if len(foreign) > len(own):
            crossed[at] = crossed.get(at, set()) | foreign
            if len(crossed) > 1 or (len(foreign) >= 2 and not (inherits and own)):
                return Fault(
                    "mixed_passages",
                    f"{', '.join(map(repr, sorted(crossed[at])[:3]))} is said of another passage's subject than "
                    f"{groups[at][0].title!r}",
                )
    return None


def _runs(claim: str, marks: Sequence[set[str]]) -> Iterator[tuple[int, bool, set[str]]]:
    """Yield, for each run of clauses about one passage's subject, its place, whether an earlier clause named it, its words."""
    subject, inherited = None, set[str]()
    for clause in _CLAUSE.split(claim):
        said = _content(clause)
        named = [
            at for at, mine in enumerate(marks) if said & (mine - set().union(*marks[:at], *marks[at + 1 :]))
        ]
        if not named:
            inherited |= said
            continue
        if subject is not None and inherited:
            yield subject, True, inherited
        inherited = set()
        subject = named[0] if len(named) == 1 else None
        if subject is not None:
            yield subject, False, said
    if subject is not None and inherited:
        yield subject, True, inherited


def _content(text: str) -> set[str]:
    amounts = {
        f"{amount.values[0]:g}" for amount in read_amounts(text) if not amount.is_month and amount.is_sure
    }
    return set(content_stems(read_words(text))) | amounts


def _marks(group: Sequence[CitedSentence]) -> set[str]:
    """Return the words by which a passage's subject is told: those of its title and the distinctive names of its sentences."""
    return {
        mark
        for sentence in group
        for mark in (
            *_content(re.sub(r"\([^)]*\)", "", sentence.title)),
            *(
                word.stem
                for word in read_words(sentence.text)
                if word.is_distinctive and "-" not in word.text
            ),
        )
    }
