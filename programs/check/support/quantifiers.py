"""Strong quantifiers of a claim (all, always, only, the fastest): what it cites says as much, or they are put in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from .cited import Case, Fault
from .claim_words import FUNCTION_WORDS, Word, read_words, stem, word_set
from .opposites import HEDGES, UNIVERSAL_KIN, UNIVERSALS

_SUPERLATIVE = re.compile(r"^[a-z]{2,}(?:[^e]est|iest)$")
_NO_SUPERLATIVES = word_set(
    """
    test request guest nest rest west quest forest harvest interest protest invest suggest contest digest
    manifest honest latest earliest ingest pytest best arrest modest vest chest crest latest august attest
    detest
    """
)
_BEARS_ALL = UNIVERSAL_KIN - word_set("only not just without cannot nor unless until must no")
"""Words that bear "all" or "always" out."""
_BEARS_NONE = UNIVERSAL_KIN - word_set(
    "all every each only any always just full whole single must"
) | word_set("neither lack lacks refuse refuses invisible deliberately missing")
"""Words that bear "none" or "never" out."""
_OFTEN = word_set(
    "usually often sometimes occasionally commonly generally typically mostly frequently rarely seldom tends"
)
_TIMES = word_set("second minut hour day night week month quart year decad morn even tim")
_NONE = word_set("never none nobody nothing")


def find_stronger_word(case: Case) -> Fault | None:
    """Return a fault where a claim has a strong quantifier that what it cites does not bear out."""
    evidence = {word.lower for sentence in case.sentences for word in read_words(sentence)}
    asked = [word.lower for word in read_words(case.question)]
    pairs_asked = set(pairwise(asked))
    said = [word.lower for word in case.words]
    for at, word in enumerate(said):
        is_strong = (
            word in UNIVERSALS
            and tuple(said[at : at + 2]) not in pairs_asked
            and _bears_on_evidence(case, at)
        )
        if is_strong and (_is_hedged(case, at, evidence) or not _is_borne_out(case, at, evidence)):
            return Fault("flipped", f"{word!r} says more than what it cites")
        is_new = word not in asked and stem(word) not in case.evidence_stems
        if _is_superlative(word, said[at - 1] if at else "") and is_new and not _has_superlative(evidence):
            return Fault("flipped", f"{word!r} says more than what it cites")
    return None


def _is_borne_out(case: Case, at: int, evidence: set[str]) -> bool:
    word = case.words[at].lower
    if word == "only":
        if any(re.search(r"\b(?:not|no|never)\b.*\buntil\b", text.lower()) for text in case.sentences):
            return True
        # "The only card" is not borne out by "only smaller".
        places = [
            (words, place)
            for words in map(read_words, case.sentences)
            for place, other in enumerate(words)
            if other.lower == word
        ]
        if places:
            mine = _neighbours(case.words, at)
            return any(mine & _neighbours(words, place) for words, place in places)
    if word in evidence:
        return True
    kin = _BEARS_NONE if word in _NONE else UNIVERSAL_KIN if word in ("only", "solely") else _BEARS_ALL
    return any(other in kin or (other.endswith("n't") and kin is not _BEARS_ALL) for other in evidence)


def _is_hedged(case: Case, at: int, evidence: set[str]) -> bool:
    """Tell whether what is cited says "most modules" or "usually" where the claim says "all modules" or "always"."""
    word = case.words[at].lower
    if word in ("always", "never", "whenever", "invariably"):
        return bool(evidence & _OFTEN) and not evidence & {"always", "never", "every", "each", "no"}
    if word not in ("all", "every", "each", "no", "none", "any"):
        return False
    counted = next((other.stem for other in case.words[at + 1 :] if other.lower not in FUNCTION_WORDS), None)
    before = [
        {other.lower for other in words[max(0, place - 2) : place]}
        for words in map(read_words, case.sentences)
        for place, other in enumerate(words)
        if other.stem == counted
    ]
    return any(words & HEDGES for words in before) and not any(words & UNIVERSALS for words in before)


def _bears_on_evidence(case: Case, at: int) -> bool:
    """Tell whether a quantifier bears on words of what is cited: "everything is green" may be the asker's situation."""
    following: list[str] = []
    for word in case.words[at + 1 :]:
        if re.search(r"[,;:.]", word.before):
            break
        if word.lower not in FUNCTION_WORDS:
            following.append(word.stem)
    before = [word.stem for word in case.words[:at] if word.lower not in FUNCTION_WORDS][-1:]
    if at and case.words[at - 1].lower in ("it", "them"):
        return False
    if following[:1] and following[0] in _TIMES:
        return False  # "each year" says how often
    most = 1 if case.words[at].lower.endswith(("one", "body", "thing")) else 2
    return any(word in case.evidence_stems for word in following[:most] or before)


def _neighbours(words: Sequence[Word], at: int) -> set[str]:
    before = [word.stem for word in words[:at] if word.lower not in FUNCTION_WORDS][-2:]
    after = [word.stem for word in words[at + 1 :] if word.lower not in FUNCTION_WORDS][:2]
    return {*before, *after}


def _is_superlative(word: str, before: str) -> bool:
    if word in ("best", "worst"):
        return before == "the"
    return (
        bool(_SUPERLATIVE.match(word)) and word not in _NO_SUPERLATIVES and before in ("the", "its", "their")
    )


def _has_superlative(evidence: set[str]) -> bool:
    ranking = {"most", "least", "more", "less", "no", "any", "first", "record"}
    return any(word in ranking or _is_superlative(word, "the") for word in evidence)
