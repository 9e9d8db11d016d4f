"""Whether a claim turns what it cites into its opposite, or says always where that says often. For English."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .amounts import read_amounts
from .cited import Case, Fault
from .claim_words import FUNCTION_WORDS, Word, content_stems, read_words, stem, word_set
from .opposites import DENIALS, DENYING, NOT_AFFIRMING, OMISSIONS, OPPOSITES, SAME_SIDE
from .quantifiers import find_stronger_word

_SCOPE = 4
"""Words that say something and stand after a denial, at most, that it denies."""
_SOFTENING = word_set("only just necessarily always all every everyone entirely quite exactly yet")
_ENDS_SCOPE = word_set(
    """
    and but or because while whereas although so since unless until as if than when which who
    """
)
_UN = re.compile(r"un(?!der|i[^n]|til|lock|fold|veil|pack|load|zip|roll|wind|do)\w{4}")
"""Words that "un-" denies, and not "unlock"."""
_LESS = re.compile(
    r"\b(less than|fewer than|under|below|at most|up to|no more than|short of)((?: [\w.,%-]+){1,4})"
)
_MORE = re.compile(
    r"\b(more than|over|above|beyond|at least|no less than|well past|exceed\w*)((?: [\w.,%-]+){1,4})"
)
_COMPARES = re.compile(
    r"\b(?:more|less|fewer|(?!rather|other|either|whether|later|sooner)\w{2,}er)\b[^.;:]{0,60}\bthan\b"
)
_COMPARED = re.compile(
    r"\b(?:than|more|less|fewer|most|least|better|best|worse|worst|only|unlike|whereas|while|but|too|even|as \w+ as|"
    r"(?!other|either|whether)[a-z]{3,}(?:er|est))\b",
    re.IGNORECASE,
)
"""Words by which a text may compare; many words that end alike do not, which only makes the rule say less."""
_PIVOTS = {
    "than": "than",
    "before": "time",
    "after": "time",
    "whereas": "contrast",
    "while": "contrast",
    "not": "denial",
}


def find_flipped(case: Case) -> Fault | None:
    """Return a fault where the claim denies what is cited, affirms what is denied, or puts in a strong quantifier."""
    if not case.is_english:
        return None
    return (
        find_stronger_word(case)
        or _denied(case)
        or _affirmed(case)
        or _other_bound(case)
        or _prefixed(case)
        or _opposite(case)
        or _sides_swapped(case)
        or _reversal_left_out(case)
        or _compared_by_itself(case)
        or _never_for_rarely(case)
        or _on_for_off(case)
    )


def _compared_by_itself(case: Case) -> Fault | None:
    """Return a fault where a claim puts one thing above another, and nothing that is cited compares or counts."""
    found = _COMPARES.search(case.claim)
    if found is None or any(read_amounts(text) or _COMPARED.search(text) for text in case.sentences):
        return None
    return _fault(f"{found[0]!r} compares, and nothing that it cites does")


def _never_for_rarely(case: Case) -> Fault | None:
    """Return a fault where a claim says never, or no … ever, and what it cites rarely, and denies nothing."""
    found = re.search(r"\b(?:never|no\b.*\bever|none)\b", case.claim, re.IGNORECASE)
    cited = " ".join(case.sentences)
    if found is None or re.search(r"\b(?:no|not|never|none|nor|n't|cannot|without)\b", cited, re.IGNORECASE):
        return None
    rarely = re.search(r"\b(?:rarely|seldom|hardly|scarcely|few)\b", cited, re.IGNORECASE)
    return _fault(f"it says never, and what it cites {rarely[0]!r}") if rarely else None


def _on_for_off(case: Case) -> Fault | None:
    """Return a fault where a claim says that something happens unless it is turned off, and it is off by default."""
    is_off = any(
        re.search(r"\boff (?:by|as a) default\b|\bby default\b[^.;]*\boff\b", text) for text in case.sentences
    )
    turned = re.search(r"\b(?:unless|until|but)\b[^.;]*\b(?:off|disabled?)\b", case.claim)
    return (
        _fault("it says on unless turned off, and what it cites off by default")
        if is_off and turned
        else None
    )


def _fault(reason: str) -> Fault:
    return Fault("flipped", reason)


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
        is_answer = lower == "no" and at == 0 and len(words) > 1 and "," in words[1].before
        is_need = at > 0 and words[at - 1].lower == "need"
        if is_answer or is_need or following in _SOFTENING:
            continue
        scope: list[str] = []
        for later in words[at + 1 :]:
            if re.search(r"[,;:.]", later.before) or (
                later.lower in _ENDS_SCOPE and (scope or later.lower != "as")
            ):
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
        or word.lower.startswith("non-")
        or _UN.match(word.lower)
        for word in words
    )


def _denied(case: Case) -> Fault | None:
    """Return a fault where the claim denies something, and what is cited has no word that denies."""
    cited = [word for text in case.sentences for word in read_words(text)]
    denials = list(_denials(case.words))
    if len(denials) == 2 and denials[1].word == "without":
        return None  # "not … without" affirms
    for denial in denials:
        opposed = any(OPPOSITES.get(word, set()) & case.evidence_stems for word in denial.scope)
        borne = denial.scope[:1] and denial.scope[0] in case.evidence_stems
        if (
            borne
            and not opposed
            and not _is_denying([word for word in cited if word.stem != denial.scope[0]])
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
    if any(
        word.lower in NOT_AFFIRMING or word.lower.endswith("n't") or _UN.match(word.lower)
        for word in case.words
    ):
        return None
    said = set(case.stems)
    for text in case.bearing:
        words = read_words(text)
        if re.search(r"\bnot\b[^.;]*,? but\b", text):
            continue
        for denial in _denials(words):
            shared = [word for word in denial.scope if word in said]
            if shared and denial.scope[0] in said and len(shared) >= 0.5 * len(denial.scope):
                return _fault(f"what it cites says {denial.word!r} of {shared[0]!r}")
        for clause in re.split(r"[,;:] | (?:and|but|because|unless|so|while|although) ", text):
            inner = read_words(clause)
            omission = next((word.text for word in inner if word.lower in OMISSIONS), None)
            told = {word for word in content_stems(inner) if omission and word != stem(omission.lower())}
            if omission and len(told & said) >= max(2, 0.6 * len(told)):
                return _fault(f"what it cites says {omission!r}")
    return None


# --- opposites


def _other_bound(case: Case) -> Fault | None:
    """Return a fault where the claim says "more than" of what the evidence says "less than" of, or "not yet" of "already"."""
    claim = case.claim.lower()
    for text in map(str.lower, case.bearing):
        for mine, its in ((_LESS, _MORE), (_MORE, _LESS)):
            for bound in mine.findall(claim):
                same = any(_bounded(bound) & _bounded(other) for other in mine.findall(text))
                other_side = any(_bounded(bound) & _bounded(other) for other in its.findall(text))
                if other_side and not same and " not " not in claim:
                    return _fault(
                        f"{' '.join(''.join(bound).split())!r} is bounded from the other side in what it cites"
                    )
        for yet, other in ((claim, text), (text, claim)):
            not_yet = re.search(r"\b(?:not|n't|never)\b(?: \w+){0,2}? yet\b|\byet to\b", yet)
            if not_yet and "already" in other and "already" not in yet:
                return _fault("'not yet' is the opposite of 'already'")
    return None


def _bounded(bound: tuple[str, str]) -> set[str]:
    """Return what a bound is set to: its numbers, and its words where the bound cannot be a place ("above the door")."""
    word, text = bound
    amounts = {f"{amount.values[0]:g}" for amount in read_amounts(text) if amount.is_sure}
    if word in ("under", "below", "over", "above"):
        return amounts
    return amounts | {word for word in content_stems(read_words(text)) if not read_amounts(word)}


def _prefixed(case: Case) -> Fault | None:
    """Return a fault where the claim has a word that is cited with un- or in- before it, or the other way round."""
    said = {word.lower for word in case.words}
    cited = {word.lower for text in case.sentences for word in read_words(text)}
    if any(True for text in (case.claim, *case.sentences) for _ in _denials(read_words(text))):
        return None
    for one, other in ((said, cited), (cited, said)):
        for word in sorted(one - other):
            bare = re.match(r"(?:un|in|im|ir|il|non-?|dis)(\w{4,})$", word)
            if bare and bare[1] in other - one:
                return _fault(f"{(word if one is said else bare[1])!r} is the opposite of what it cites")
    return None


def _opposite(case: Case) -> Fault | None:
    said = [word.stem for word in case.words]
    denied = {word for denial in _denials(case.words) for word in denial.scope}
    for text in case.bearing:
        read = read_words(text)
        words = [word.stem for word in read]
        its_denied = {word for denial in _denials(read) for word in denial.scope}
        for at, word in enumerate(said):
            opposites = OPPOSITES.get(word, set())
            if SAME_SIDE.get(word, set()) & case.evidence_stems:
                opposites = opposites & set(said)
            for other in sorted(opposites & set(words)):
                if word not in case.evidence_stems | set(words) and not (opposites & set(said)):
                    compared = "than" in words and words.index(other) < words.index("than")
                    if (word in denied) != (other in its_denied) or (compared and "than" in said):
                        continue
                    if _share_context(said, at, words, words.index(other)):
                        return _fault(f"{word!r} is the opposite of {other!r} in what it cites")
                # Both stand in both: each must go with the same word.
                if other in said and word in words:
                    mine, its = _after(said, word), _after(words, other)
                    others = (mine, its, _after(said, other), _after(words, word))
                    if mine and mine == its != others[3] and "one" not in others:
                        return _fault(f"{word!r} and {other!r} have changed places")
    return None


def _share_context(said: Sequence[str], at: int, words: Sequence[str], place: int) -> bool:
    """Tell whether two words stand beside a word that both texts have."""
    near = _neighbours(said, at) & _neighbours(words, place)
    return bool(near)


def _neighbours(words: Sequence[str], at: int) -> set[str]:
    before = [word for word in words[:at] if word not in FUNCTION_WORDS][-2:]
    after = [word for word in words[at + 1 :] if word not in FUNCTION_WORDS][:2]
    return {*before, *after}


def _after(words: Sequence[str], word: str) -> str | None:
    at = words.index(word) + 1
    return next((later for later in words[at:] if later not in FUNCTION_WORDS or later == "one"), None)


def _sides_swapped(case: Case) -> Fault | None:
    """Return a fault where what stood on one side of "than", "before" or "whereas" stands on the other."""
    for pivot, kind in _PIVOTS.items():
        said = _sides(case.words, pivot, kind)
        if said is None:
            continue
        for text in case.bearing:
            words = read_words(text)
            for other, other_kind in _PIVOTS.items():
                sides = _sides(words, other, kind) if other_kind == kind else None
                if sides is None:
                    continue
                turned = kind == "time" and pivot != other
                if kind == "than":
                    turned = _direction(case.words) * _direction(words) < 0
                left, right = said
                its_left, its_right = sides[::-1] if turned else sides
                crossed = min(len(left & its_right), len(right & its_left))
                straight = len(left & its_left) + len(right & its_right)
                # A contrast may be told from either end; halfway turned, it says the contrary.
                if crossed and (straight > 1 if kind == "contrast" else True):
                    return _fault(f"what stands on the two sides of {pivot!r} has changed places")
    return None


def _sides(words: Sequence[Word], pivot: str, kind: str) -> tuple[set[str], set[str]] | None:
    """Return the stems on either side of a pivot that stands once, with none of its kin; but for contrasts, in its clause."""
    kin = {other for other, its in _PIVOTS.items() if its == kind} if kind != "contrast" else {pivot}
    places = [at for at, word in enumerate(words) if word.lower in kin]
    if len(places) != 1 or places[0] == 0 or words[places[0]].lower != pivot:
        return None
    start, end = 0, len(words)
    if kind != "contrast":
        breaks = [at for at, word in enumerate(words) if re.search(r"[,;:.]", word.before)]
        start = max((at for at in breaks if at <= places[0]), default=0)
        end = min((at for at in breaks if at > places[0]), default=end)
    left, right = (
        {word.stem for word in side if word.lower not in FUNCTION_WORDS}
        for side in (words[start : places[0]], words[places[0] + 1 : end])
    )
    return left - right, right - left


def _direction(words: Sequence[Word]) -> int:
    return -1 if any(word.lower in ("less", "fewer", "lower", "slower", "smaller") for word in words) else 1


def _reversal_left_out(case: Case) -> Fault | None:
    """Return a fault where all that is cited is said of a reversed card alone, and neither claim nor question says so."""
    told = f"{case.claim} {case.question}".lower()
    if re.search(r"revers|upside|upturned|on its head|rx\b", told):
        return None
    if all(re.match(r"(?:when |if )?reversed\b", text.lower()) for text in case.sentences):
        return _fault("what it cites is said of the reversed position only")
    return None
