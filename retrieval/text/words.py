"""The words of a text as the lexical stage compares them, and those of them that say what it is about.

Words are compared in normal form, in small letters and without accents. Text without spaces has no words to be seen: it is
compared by overlapping pairs of characters (Chinese, Japanese, Korean) or triples (Thai, Lao, Khmer, Burmese, Tibetan), as
Lucene's CJK analyser does; each was the best of 1 to 5 characters for the one and the other on XQuAD in Chinese and Thai.

A stop word says nothing, unless it is a name: ``NOW``, ``$IT``, ``Will``. Names are words of their own, marked by `NAME`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import regex

from .normal_form import normal_text

# Closed-class English words, as any grammar lists them, the small talk of a chat, and what an apostrophe leaves.
_STOP_WORDS = """
a about after again all also am an and any are as at be because been before being between both but by can could
did do does doing don down during each few for from further get give had has have having he her here hers him his
how i if in into is it its itself just know let like me more most much my need no nor not now of off on once one
only or other our out over own please same she should show so some such tell than that the their them then there
these they this those through to too under until up us use used using very want was way we were what when where
which while who whom why will with would you your yours
aren couldn d didn doesn hadn hasn haven isn ll m re s shouldn t ve wasn weren won wouldn
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

NAME = "\ue000"
"""Stands before a stop word that is a name: no keyboard has this character."""

_WORD = r"[\p{L}\p{N}\p{M}\p{Co}_]"
_PAIRED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Yi}ー々]"
_TRIPLED = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Tai_Tham}\p{New_Tai_Lue}\p{Tai_Le}]"
_RUN = regex.compile(
    rf"(?P<pairs>{_PAIRED}[{_PAIRED}\u3099\u309a]*)|(?P<triples>{_TRIPLED}+)|(?:(?!{_PAIRED}|{_TRIPLED}){_WORD})+",
    regex.VERSION1,
)
_ACCENTED = regex.compile(r"([\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+")
_CASED = regex.compile(rf"(?<!{_WORD})(\$?)({_WORD}+)")
_LONGEST_NAME = 80
"""Characters of a title or a metadata value that may be a name."""


def content_words(text: str) -> list[str]:
    """Return the distinct words of a text, stop words left out unless nothing else is there."""
    words = list(dict.fromkeys(_words(text)))
    return [word for word in words if word not in STOP_WORDS] or words


def indexed_words(title: str, text: str, metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words by which a passage is found, in its order, and then the names that it holds."""
    for run, size in _runs(f"{title}\n{text}"):
        yield from _pieces(run, size)
        # What is shorter than a piece is looked for as the beginning of one; these are the beginnings at the run's end.
        yield from (run[-length:] for length in range(min(size, len(run)) - 1, 0, -1))
    for value in (title, *_strings(metadata)):
        yield from (NAME + word for word in _names_of_value(value))
    for line in text.split("\n"):
        yield from (NAME + word for word in _names_of_line(line))


def spelt_words(title: str, text: str) -> set[str]:
    """Return the words of a passage that a misspelt word may have been meant for: of letters alone, and of three at least."""
    return {run for run, size in _runs(f"{title}\n{text}") if not size and len(run) > 2 and run.isalpha()}


def searched_words(question: str) -> list[str]:
    """Return the distinct words and names that a question is searched by; none for one without words.

    A word that ends in ``*`` finds all that begin so: it is text without spaces and shorter than a piece.
    """
    runs = list(_runs(question))
    words = [
        word + "*" * (len(run) < size)
        for run, size in runs
        for word in _pieces(run, size)
        if word not in STOP_WORDS
    ]
    names = [NAME + word for word in _names_asked(question)]
    return list(dict.fromkeys([*(words or (run for run, _ in runs)), *names]))


def side_by_side(question: str) -> list[tuple[str, str]]:
    """Return the pairs of words that stand side by side in a question, or with one other between them.

    Words that say nothing are left out first, and those that come again. Text without spaces has no pairs: its pieces overlap,
    and stand side by side wherever they occur.
    """
    runs = (run for run, size in _runs(question) if not size and run not in STOP_WORDS)
    words = list(dict.fromkeys(runs))
    return [(word, other) for place, word in enumerate(words) for other in words[place + 1 : place + 3]]


def _words(text: str) -> Iterator[str]:
    for run, size in _runs(text):
        yield from _pieces(run, size)


def _runs(text: str) -> Iterator[tuple[str, int]]:
    """Yield each word with 0, and each run of text without spaces with the characters that its pieces have."""
    for match in _RUN.finditer(_folded(text)):
        yield match[0], 2 if match["pairs"] else 3 if match["triples"] else 0


def _pieces(run: str, size: int) -> list[str]:
    if not size or len(run) <= size:
        return [run]
    return [run[at : at + size] for at in range(len(run) - size + 1)]


def _folded(text: str) -> str:
    """Return a text in normal form, in small letters, without the accents of alphabets that can do without."""
    folded = normal_text(text).casefold().replace("\u0640", "")
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFC", _ACCENTED.sub(r"\1", unicodedata.normalize("NFKD", folded)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(inner)


def _names_of_value(value: str) -> list[str]:
    """Return the words of a title or a metadata value that is made of stop words alone, such as ``NOW`` or ``The Who``."""
    words = list(_words(value)) if len(value) <= _LONGEST_NAME else []
    return words if all(word in STOP_WORDS for word in words) else []


def _names_of_line(line: str) -> list[str]:
    """Return the stop words that a line writes as names: in capitals, after ``$``, or with a capital within a sentence.

    Capitals say nothing where no word is in small letters.
    """
    found = list(_CASED.finditer(line))
    telling = any(match[2][0].islower() for match in found)
    return [
        word
        for match in found
        if (word := match[2].casefold()) in STOP_WORDS
        and (
            match[1] or (telling and len(word) > 1 and _is_capitalised_name(match[2], line[: match.start()]))
        )
    ]


def _is_capitalised_name(word: str, before: str) -> bool:
    """Tell whether capitals make a name of a word: not that of the first word of a sentence, entry or cell."""
    before = before.rstrip(" \t'\"“”‘’(*_")
    return word.isupper() or (word[0].isupper() and before != "" and before[-1] not in ".!?:;…|>-#[])。")


def _names_asked(question: str) -> list[str]:
    """Return the stop words of a question that may be names: all of them, where its letters are all of one case."""
    if question in (question.upper(), question.lower(), question.title()):
        return [
            word
            for match in _CASED.finditer(question)
            if (word := match[2].casefold()) in STOP_WORDS and (match[1] or len(word) > 1)
        ]
    return [word for line in question.split("\n") for word in _names_of_line(line)]
