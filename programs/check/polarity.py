"""Whether a claim turns what it cites into its opposite, or says always where that says often. For English."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from .cited import Case, Fault
from .claim_words import FUNCTION_WORDS, Word, read_words, stem
from .opposites import DENIALS, DENYING, OPPOSITES, UNIVERSAL_KIN, UNIVERSALS

_SCOPE = 4
"""Words that say something and stand after a denial, at most, that it denies."""
_ENDS_SCOPE = frozenset(
    [
        "and",
        "but",
        "or",
        "because",
        "while",
        "whereas",
        "although",
        "so",
        "since",
        "unless",
        "until",
        "as",
        "if",
        "than",
        "when",
        "which",
        "who",
    ]
)
_PREFIXES = ("un", "non", "in", "im", "dis")
_PIVOTS = {
    "than": "than",
    "before": "time",
    "after": "time",
    "whereas": "contrast",
    "while": "contrast",
    "not": "denial",
}
_SUPERLATIVE = re.compile(r"^[a-z]{2,}(?:[^e]est|iest)$")
_NO_SUPERLATIVES = frozenset(
    [
        "test",
        "request",
        "guest",
        "nest",
        "rest",
        "west",
        "quest",
        "forest",
        "harvest",
        "interest",
        "protest",
        "invest",
        "suggest",
        "contest",
        "digest",
        "manifest",
        "honest",
        "latest",
        "earliest",
        "ingest",
        "pytest",
        "best",
        "arrest",
        "modest",
        "vest",
        "chest",
        "crest",
        "latest",
        "august",
        "attest",
        "detest",
    ]
)


def find_flipped(case: Case) -> Fault | None:
    """Return a fault where the claim denies what is cited, affirms what is denied, or puts in a strong quantifier."""
    if not case.is_english:
        return None
    return (
        _stronger_word(case)
        or _denied(case)
        or _affirmed(case)
        or _opposite(case)
        or _sides_swapped(case)
        or _reversal_left_out(case)
    )


def _fault(reason: str) -> Fault:
    return Fault("flipped", reason)


# --- strong quantifiers


def _stronger_word(case: Case) -> Fault | None:
    evidence = {word.lower for sentence in case.sentences for word in read_words(sentence)}
    asked = [word.lower for word in read_words(case.question)]
    pairs_asked = set(zip(asked, asked[1:], strict=False))
    said = [word.lower for word in case.words]
    for at, word in enumerate(said):
        following = said[at + 1] if at + 1 < len(said) else ""
        if word in UNIVERSALS and not _is_borne_out(word, evidence) and (word, following) not in pairs_asked:
            if word == "only" and _is_not_until(case, said):
                continue
            return _fault(f"{word!r} says more than what it cites")
        if _is_superlative(word, said[at - 1] if at else "") and not any(
            _is_superlative(other, "the")
            or other in ("most", "least", "more", "less", "no", "any", "first", "record")
            for other in evidence
        ):
            if word not in asked and stem(word) not in case.evidence_stems:
                return _fault(f"{word!r} says more than what it cites")
    return None


def _is_borne_out(word: str, evidence: Collection[str]) -> bool:
    if word in evidence:
        return True
    kin = UNIVERSAL_KIN
    if word in ("all", "each", "every", "everyone", "everything", "everybody", "always", "whenever"):
        kin = UNIVERSAL_KIN - {"only", "not", "just", "without", "cannot", "nor", "unless", "until"}
    if word in ("never", "none", "nobody", "nothing"):
        kin = kin | {"neither", "lack", "lacks", "refuses", "refuse", "invisible", "deliberately", "missing"}
        kin -= {"all", "every", "each", "only", "any", "always", "just", "full", "whole", "single", "must"}
    return any(other in kin or other.endswith("n't") for other in evidence)


def _is_not_until(case: Case, said: Sequence[str]) -> bool:
    return any(re.search(r"\b(?:not|no|never)\b.*\buntil\b", text.lower()) for text in case.sentences)


def _is_superlative(word: str, before: str) -> bool:
    if word in ("best", "worst"):
        return before == "the"
    return (
        bool(_SUPERLATIVE.match(word)) and word not in _NO_SUPERLATIVES and before in ("the", "its", "their")
    )


# --- denials


@dataclass(frozen=True)
class _Denial:
    word: str
    scope: tuple[str, ...]
    """Stems of what it denies, in order."""


def _denials(words: Sequence[Word]) -> Iterator[_Denial]:
    for at, word in enumerate(words):
        lower = word.lower
        if not (lower in DENIALS or lower.endswith("n't")):
            continue
        # An answer's "No, …" denies the question; "not only" and "not until" affirm; so does "not X but Y" of Y.
        following = words[at + 1].lower if at + 1 < len(words) else ""
        if (
            lower == "no" and at == 0 and "," in words[1].before if len(words) > 1 else False
        ) or following in ("only", "just"):
            continue
        scope: list[str] = []
        for later in words[at + 1 :]:
            if re.search(r"[,;:.]", later.before) or later.lower in _ENDS_SCOPE:
                if later.lower == "until":
                    scope.clear()
                break
            if later.lower not in FUNCTION_WORDS:
                scope.append(later.stem)
            if len(scope) == _SCOPE:
                break
        yield _Denial(lower, tuple(scope))


def _is_denying(words: Sequence[Word]) -> bool:
    return any(
        word.lower in DENYING
        or word.lower.endswith(("n't", "less"))
        or (word.lower.startswith(("non-", "un", "im", "in", "dis", "mis")) and len(word.lower) > 5)
        for word in words
    )


def _denied(case: Case) -> Fault | None:
    """Return a fault where the claim denies something, and what is cited has no word that denies."""
    cited = [word for text in case.sentences for word in read_words(text)]
    for denial in _denials(case.words):
        if not _is_denying(cited) and not any(
            OPPOSITES.get(word, set()) & case.evidence_stems for word in case.stems
        ):
            return _fault(f"{denial.word!r} is nowhere in what it cites")
        others = [inner for text in case.sentences for inner in _denials(read_words(text))]
        if denial.scope and others:
            head = denial.scope[0]
            affirmed = any(stem(word.lower) == head for word in cited) and not any(
                head in other.scope for other in others
            )
            if affirmed and not any(set(denial.scope) & set(other.scope) for other in others):
                return _fault(f"{denial.word!r} before {head!r} is nowhere in what it cites")
    return None


def _affirmed(case: Case) -> Fault | None:
    """Return a fault where what is cited denies something that the claim says without denying anything."""
    if any(True for _ in _denials(case.words)) or _is_denying(case.words):
        return None
    said = set(case.stems)
    for text in case.sentences:
        words = read_words(text)
        if re.search(r"\bnot\b[^.;]*,? but\b", text):
            continue
        for denial in _denials(words):
            shared = [word for word in denial.scope if word in said]
            if shared and (denial.scope[0] in said or len(shared) >= 0.6 * len(denial.scope)):
                return _fault(f"what it cites says {denial.word!r} of {shared[0]!r}")
    return None


# --- opposites


def _opposite(case: Case) -> Fault | None:
    said = [word.stem for word in case.words]
    for text in case.sentences:
        words = [word.stem for word in read_words(text)]
        if len(set(case.stems) & set(words)) < 2:
            continue
        if any(True for _ in _denials(case.words)) != any(True for _ in _denials(read_words(text))):
            continue
        for word in said:
            opposites = OPPOSITES.get(word, set())
            found = opposites & set(words)
            if not found:
                continue
            everywhere = case.evidence_stems | set(words)
            if word not in everywhere and not (opposites & set(said)):
                return _fault(f"{word!r} is the opposite of {min(found)!r} in what it cites")
            # Both stand in both: each must go with the same word.
            for other in found & set(said):
                if (
                    word in words
                    and _after(said, word)
                    and _after(said, word) == _after(words, other) != _after(words, word)
                ):
                    return _fault(f"{word!r} and {other!r} have changed places")
    return None


def _after(words: Sequence[str], word: str) -> str | None:
    at = words.index(word) + 1
    return next((later for later in words[at:] if later not in FUNCTION_WORDS), None)


def _sides_swapped(case: Case) -> Fault | None:
    """Return a fault where what stood on one side of "than", "before" or "whereas" stands on the other."""
    for pivot, kind in _PIVOTS.items():
        said = _sides(case.words, pivot)
        if said is None:
            continue
        for text in case.sentences:
            words = read_words(text)
            for other, other_kind in _PIVOTS.items():
                sides = _sides(words, other) if other_kind == kind else None
                if sides is None:
                    continue
                turned = kind == "time" and pivot != other
                if kind == "than":
                    turned = _direction(case.words) * _direction(words) < 0
                left, right = said
                its_left, its_right = sides[::-1] if turned else sides
                straight = len(left & (its_left - its_right)) + len(right & (its_right - its_left))
                crossed = len(left & (its_right - its_left)) + len(right & (its_left - its_right))
                if crossed > straight and len(left & its_right) and len(right & its_left):
                    return _fault(f"what stands on the two sides of {pivot!r} has changed places")
    return None


def _sides(words: Sequence[Word], pivot: str) -> tuple[set[str], set[str]] | None:
    places = [at for at, word in enumerate(words) if word.lower == pivot]
    if len(places) != 1 or places[0] == 0:
        return None
    at = places[0]
    sides = tuple(
        {word.stem for word in side if word.lower not in FUNCTION_WORDS}
        for side in (words[:at], words[at + 1 :])
    )
    left, right = sides
    return left - right, right - left


def _direction(words: Sequence[Word]) -> int:
    return -1 if any(word.lower in ("less", "fewer", "lower", "slower", "smaller") for word in words) else 1


def _reversal_left_out(case: Case) -> Fault | None:
    """Return a fault where all that is cited is said of a reversed card alone, and neither claim nor question says so."""
    told = f"{case.claim} {case.question}".lower()
    if all(re.match(r"(?:when |if )?reversed\b", text.lower()) for text in case.sentences) and case.sentences:
        if not re.search(r"revers|upside|upturned|on its head|revresed|rx\b", told):
            return _fault("what it cites is said of the reversed position only")
    return None
