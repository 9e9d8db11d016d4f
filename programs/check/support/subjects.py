"""What a claim is about: the passages that it cites are about that, and what is said of one is not said of another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, product

from .amounts import read_amounts
from .cited import Case, CitedSentence, Fault
from .claim_words import (
    FUNCTION_WORDS,
    IRREGULAR,
    Word,
    content_stems,
    read_words,
    word_parts,
    word_set,
)
from .details import VERBS, is_named, names

_ASKER = word_set("you your yours one ones that this these those it they he she who which what there i we my")
_PREDICATES = (VERBS | IRREGULAR.keys()) - word_set(
    "usually always never often also only still already now then cut set put"
)
_NAME = r"[^\W\d_a-z][\w.+-]*(?: [^\W\d_a-z][\w.+-]*){0,2}"
_LISTED = re.compile(rf"({_NAME}(?:, {_NAME})*,? and {_NAME}) (?=[a-z])")
_TOLD_OF_A_MEMBER = 0.4
"""The share of what a claim says that the sentences on one of its subjects must have, for the others to be held to it."""
_TOLD_BY_ONE = 0.9
"""The share of a claim's words that one passage alone must have for nothing to be mixed into it from another."""
_SCENE = word_set(
    "like unlike in on with for from to at your my behind as when if under using between among before after without than"
)
"""Words before what sets the scene of a claim."""
_CONTRAST = re.compile(
    r"(?i:\b(?:unlike|rather than|instead of|in contrast to|as opposed to)\s+(?:the\s+)?)"
    r"([^\W\d_a-z][\w.-]*(?:\s+(?:of\s+|the\s+)*[^\W\d_a-z][\w.-]*)*)"
)
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
        foreign = [word for word in foreign if word.is_distinctive and _is_subject(word, case.told)]
        if not foreign:
            return None
    return _other(foreign[0], case.cited[0])


def find_namesake(case: Case) -> Fault | None:
    """Return a fault where a claim names what shares a word with the title of what it cites: "Jupiter return", "Chiron return".

    So it does where a word beside a word of the title is another one than in the title, and stands nowhere in what is cited.
    """
    if not case.is_english or not case.cited:
        return None
    claimed = _parts(case.told)
    said = {part for part, _ in claimed}
    within = [word for text in case.sentences for word in read_words(text) if not word.initial]
    for sentence in case.cited:
        title = _parts(read_words(re.split(r"[:(]", sentence.title)[0]))
        proper = is_proper_title(sentence.title)
        for (at, (shared, _)), step in product(enumerate(title), (-1, 1)):
            own = _at(title, at + step)
            if own is None or own[0] in said or not (proper or _is_name_among(own[1], within)):
                continue
            for place, (part, word) in enumerate(claimed):
                beside = _at(claimed, place + step) if part == shared else None
                if beside is not None and _is_foreign_name(beside[1], word, case):
                    return _other(beside[1], sentence)
    return None


def find_contrasted(case: Case) -> Fault | None:
    """Return a fault where a claim says of a subject what its sentence sets against it: "Unlike A, B is free", "A is free"."""
    if not case.is_english:
        return None
    said = {word.lower for word in case.words}
    for sentence in case.cited:
        if any(word.lower in said for word in title_words(sentence)):
            continue
        for found in _CONTRAST.finditer(sentence.text):
            name = [word for word in read_words(found[1]) if word.lower not in FUNCTION_WORDS]
            if name and all(word.lower in said for word in name):
                return _other(name[0], sentence)
    return None


def find_subject_of_the_question(case: Case) -> Fault | None:
    """Return a fault where all that a claim's subject says is the question's, and nothing that it cites has a word of it."""
    if not case.is_english:
        return None
    words = case.told
    verb = next((at for at, word in enumerate(words[:8]) if at and word.lower in _PREDICATES), None)
    if (
        verb is None
        or words[0].lower in _SCENE
        or any(word.lower in _ASKER or "," in word.before for word in words[:verb])
    ):
        return None
    after = words[verb + 1] if verb + 1 < len(words) else None
    if after and words[verb].lower in ("is", "are", "was", "were") and after.text[0].isupper():
        return None  # "The winner is Orrin" names what the question described.
    subject = [
        part
        for word in words[:verb]
        for part in content_stems([word])
        if not is_named(word, case.evidence_words)
    ]
    if len(subject) < len(content_stems(words[:verb])):
        return None
    asked = set(content_stems(read_words(case.question))) - case.evidence_stems
    if not subject or not all(word in asked for word in subject):
        return None
    shown = " ".join(word.text for word in words[:verb])
    return Fault("other_subject", f"nothing that it cites is about {shown!r}")


def find_unsupported_member(case: Case) -> Fault | None:
    """Return a fault where a claim says something of "A, B and C", and the sentences on one of them say none of it."""
    listed = _LISTED.match(case.claim)
    said = set(content_stems(read_words(case.claim[listed.end() :]))) if listed else set()
    if not listed or not said or not case.is_english:
        return None
    shares = {}
    for member in re.split(r",? and |, ", listed[1]):
        named = read_words(member)
        its = [
            sentence
            for sentence in case.cited
            if all(is_named(word, read_words(f"{sentence.text} {sentence.title}")) for word in named)
        ]
        told = {word for sentence in its for word in content_stems(read_words(sentence.text))}
        if its:
            shares[member] = len(said & told) / len(said)
    if not shares or max(shares.values()) < _TOLD_OF_A_MEMBER:
        return None
    least = min(shares, key=lambda name: shares[name])
    if shares[least] > max(shares.values()) / 3:
        return None
    return Fault("other_subject", f"nothing of what it says is said of {least!r} in what it cites")


def _parts(words: Sequence[Word]) -> list[tuple[str, Word]]:
    """Return the parts of the words that say something, each with its word."""
    return [
        (part, word)
        for word in words
        if word.lower not in FUNCTION_WORDS
        for part in word_parts(word.lower)
        if part not in FUNCTION_WORDS
    ]


def _at(parts: Sequence[tuple[str, Word]], place: int) -> tuple[str, Word] | None:
    return parts[place] if 0 <= place < len(parts) else None


def _is_foreign_name(word: Word, beside: Word, case: Case) -> bool:
    """Tell whether a word of a claim is a name, or of one compound with the word beside it, and stands in nothing cited."""
    is_name = word.is_distinctive or word.text[0].isupper() or word is beside
    told = (
        word
        for sentence in case.cited
        for text in (sentence.text, sentence.title)
        for word in read_words(text)
    )
    return is_name and not is_named(word, list(told))


def _is_name_among(word: Word, words: Sequence[Word]) -> bool:
    return any(other.lower == word.lower and other.text[0].isupper() for other in words)


def _other(named: Word, sentence: CitedSentence) -> Fault:
    return Fault("other_subject", f"it is about {named.text!r}, and what it cites about {sentence.title!r}")


def _is_subject(name: Word, words: Sequence[Word]) -> bool:
    """Tell whether a name stands at the head of a claim, and not in what only sets the scene: "Like Dependabot, …"."""
    at = words.index(name)
    return at < 4 and not any(word.lower in _SCENE or "," in word.before for word in words[: at + 1])


def _all_names(case: Case) -> list[Word]:
    """Return the names of a claim, and words of it that the question holds and that begin it."""
    found = list(names(case.told))
    for first in case.told[:1]:
        is_plain = first.lower in FUNCTION_WORDS or first.text[0].islower() or bool(read_amounts(first.text))
        if first not in found and not is_plain and is_named(first, read_words(case.question)):
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
    heads = [{_head(sentence.title) for sentence in group} for group in groups]
    are_told_apart = all(not (one & other) for one, other in combinations(heads, 2))
    marks = [_marks(group, heads_only=are_told_apart) for group in groups]
    texts = [
        {mark for sentence in group for mark in _content(f"{sentence.text} {sentence.title}")}
        for group in groups
    ]
    told = _content(case.claim)
    if any(len(told & text) >= _TOLD_BY_ONE * len(told) for text in texts):
        return None
    crossed: dict[int, set[str]] = {}
    subject: int | None = None
    carried = set[str]()
    for clause in _CLAUSE.split(case.claim):
        said = _content(clause)
        named = [
            at for at, mine in enumerate(marks) if said & (mine - set().union(*marks[:at], *marks[at + 1 :]))
        ]
        if named:
            subject, carried = (named[0] if len(named) == 1 else None), set()
        if subject is None or (not named and not is_proper_title(groups[subject][0].title)):
            continue
        others = set().union(*texts[:subject], *texts[subject + 1 :])
        said -= set().union(*marks)
        own, foreign = said & (texts[subject] - others), said & (others - texts[subject])
        # A clause without a subject of its own goes on about that of the clause before.
        carried = set() if own or named else carried | foreign
        foreign = foreign if named else carried
        if len(foreign) > len(own):
            crossed[subject] = crossed.get(subject, set()) | foreign
            if len(crossed) > 1 or len(foreign) >= 2:
                return Fault(
                    "mixed_passages",
                    f"{', '.join(map(repr, sorted(crossed[subject])[:3]))} is said of another passage's subject than "
                    f"{groups[subject][0].title!r}",
                )
    return None


def _content(text: str) -> set[str]:
    amounts = {
        f"{amount.values[0]:g}" for amount in read_amounts(text) if not amount.is_month and amount.is_sure
    }
    return set(content_stems(read_words(text))) | amounts


def _head(title: str) -> str:
    """Return what a title names, without what it says of it: "Nyxo: cliff unlock" → "Nyxo"."""
    return re.split(r": |\(", title)[0]


def _tail(title: str) -> str:
    return title.split(": ", 1)[-1].split("(")[0]


def _marks(group: Sequence[CitedSentence], *, heads_only: bool) -> set[str]:
    """Return the words by which a passage's subject is told: of its title, its metadata, and names that begin its sentences."""
    return {
        mark
        for sentence in group
        for mark in (
            *_content(_head(sentence.title) if heads_only else re.sub(r"\([^)]*\)", "", sentence.title)),
            *(word.stem for word in names(read_words(_tail(sentence.title)))),
            *(
                word.stem
                for text in (sentence.text, *sentence.about.values())
                for word in read_words(text)[:1]
                if word.is_distinctive and "-" not in word.text
            ),
        )
    }
