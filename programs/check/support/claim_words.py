"""The words of a claim and of what it cites, as the check of support compares them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from ....retrieval.text.normal_form import normal_text

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}_]+(?:['.\-/&+·]?[\p{L}\p{M}\p{N}_]+)*")
_PART = re.compile(r"[-./&+_·]")
_BREAK = re.compile(r"[.!?;:]$")


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(text.split())


FUNCTION_WORDS = word_set(
    """
    a about above across after again against all almost along already also although always am among an and
    another any anyone anything are around as at away back be because become been before behind being below
    beneath besides between beyond both but by can cannot could did do does doing done down due during each
    either else enough even ever every everyone everything few for from further get gets give given gives got
    had has have having he hence her here hers him himself his how however i if in indeed inside instead into is
    it its itself just least less let like many may maybe me might mine more most much must my myself near need
    neither never next no nobody none nor not nothing now of off often on once one only onto or other others our
    ours out outside over own per perhaps please quite rather really same shall she should since so some
    somebody someone something sometimes soon still such than that the their theirs them themselves then there
    therefore these they this those though through throughout thus till to together too toward towards under
    unless unlike until up upon us use used uses using usually very via was we well were what whatever when
    whenever where whereas wherever whether which while who whoever whole whom whose why will with within
    without would yes yet you your yours yourself ll re ve
    """
)
"""English words of grammar, which say nothing of a subject."""

_ENGLISH = word_set(
    """
    the of is are and to with has was from by that which it its for not on at have can when than does as were in
    a your you no its while because
    """
)
_OTHERS = word_set(
    """
    der die das und ist nicht ein eine mit von zu den dem für auf im sich auch wird sind le la les est et des
    une du pas pour dans sur il qui el los las es y que una del por para con se di che per non sono een het van
    niet voor och är att på som det ett jest nie się na w z
    """
)

IRREGULAR = {
    form: base
    for base, forms in {
        "rise": "rose risen", "fall": "fell fallen", "go": "went gone goes", "give": "gave given", "keep": "kept",
        "hold": "held", "make": "made", "begin": "began begun", "come": "came", "take": "took taken", "win": "won",
        "lose": "lost", "sell": "sold", "buy": "bought", "say": "said", "tell": "told", "write": "wrote written",
        "run": "ran", "build": "built", "send": "sent", "find": "found", "leave": "left", "grow": "grew grown",
        "draw": "drew drawn", "break": "broke broken", "know": "knew known", "see": "saw seen", "drive": "drove driven",
        "speak": "spoke spoken", "choose": "chose chosen", "bring": "brought", "think": "thought", "catch": "caught",
        "pay": "paid", "meet": "met", "lead": "led", "sink": "sank sunk", "shrink": "shrank shrunk", "hide": "hid hidden",
        "do": "did done does", "have": "had has", "get": "got gotten", "become": "became", "stand": "stood",
        "feel": "felt", "spend": "spent", "fly": "flew flown", "teach": "taught", "understand": "understood",
        "withdraw": "withdrew withdrawn", "throw": "threw thrown", "hit": "hit", "set": "set", "beat": "beat beaten",
        "swear": "swore sworn", "freeze": "froze frozen", "steal": "stole stolen", "wear": "wore worn", "hear": "heard",
        "seek": "sought", "fight": "fought", "bind": "bound", "wind": "wound", "ride": "rode ridden", "shut": "shut",
        "good": "better best", "bad": "worse worst",
    }.items()
    for form in forms.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text."""

    text: str
    """As written, without a possessive ``'s``."""
    initial: bool
    """It begins a sentence, or what follows a colon or an opening "Yes,"."""
    possessive: bool
    before: str
    """What stands between it and the word before: white space and punctuation."""
    lower: str = field(init=False)
    stem: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", self.text.lower())
        object.__setattr__(self, "stem", stem(self.lower))

    @property
    def is_distinctive(self) -> bool:
        """Tell whether its letters alone make it a name: ``NumPy``, ``QUBR``, ``utf8mb4``, ``__token__``."""
        return self.text.startswith("__") or any(
            part.lower() != part.upper()
            and (any(map(str.isupper, part[1:])) or (any(map(str.isdigit, part)) and not part[0].isdigit()))
            for part in word_parts(self.text)
        )


@lru_cache(maxsize=1024)
def read_words(text: str) -> tuple[Word, ...]:
    """Return the words of a text, in order; text without spaces gives runs of it."""
    text = normal_text(text)
    words: list[Word] = []
    end = 0
    for match in _TOKEN.finditer(text):
        before, found, end = text[end : match.start()], match[0], match.end()
        opening = not words or (words[-1].lower in ("yes", "no") and words[-1].initial and "," in before)
        possessive = found.lower().endswith("'s")
        shown = found[:-2] if possessive else found
        if shown:
            words.append(Word(shown, opening or bool(_BREAK.search(before.strip())), possessive, before))
    return tuple(words)


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return what the forms of an English word have in common, roughly: ``rallies``, ``rallied`` → ``ralli``."""
    word = IRREGULAR.get(word, word)
    if not word.isascii() or not word.isalpha() or len(word) < 4:
        return word
    for ending, instead in (
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("s", ""),
    ):
        if word.endswith(ending):
            if ending != "s" or word[-2] not in "us":
                word = word[: -len(ending)] + instead
            break
    for ending in ("ingly", "edly", "ing", "ed", "ly"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) > 2 and re.search("[aeiouy]", rest):
            word = rest[:-1] if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
            break
    if word.endswith("ll") and len(word) > 5:
        word = word[:-1]  # "cancelled", "cancel"
    return word.rstrip("e").replace("y", "i") if len(word) > 3 else word


def word_parts(word: str) -> list[str]:
    """Return the parts of a compound: ``all-MiniLM-L6-v2`` has four."""
    return [part for part in _PART.split(word) if part]


def content_stems(words: Iterable[Word]) -> list[str]:
    """Return the stems of the words that say something, compounds part by part, in order."""
    return [
        stem(part)
        for word in words
        if word.lower not in FUNCTION_WORDS and "'" not in word.lower
        for part in word_parts(word.lower)
        if part not in FUNCTION_WORDS
    ]


@lru_cache(maxsize=4096)
def is_english(text: str) -> bool:
    """Tell whether a text is in English, as far as its words of grammar say: no other language has more of them."""
    if regex.search(r"[^\P{L}\p{Latin}]", text):
        return False
    words = [word.lower for word in read_words(text)]
    others = sum(word in _OTHERS for word in words)
    return sum(word in _ENGLISH for word in words) >= others and (text.isascii() or others == 0)
