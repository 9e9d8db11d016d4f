"""What a question asks of a subject, and a claim tells, though nothing that is cited speaks of it: a price, a licence."""

from __future__ import annotations

from .cited import Case, Fault
from .claim_words import content_stems, read_words, stem, word_set

_ASKED_FOR = {
    "price": (
        word_set("cost costs price priced prices charge charged charges fee fees expensive cheap dear"),
        word_set(
            "free gratis pay pays paying payment payments money dollar euro pound cent discount bill billed buy subscription"
            " tariff rate spend nothing refund"
        ),
    ),
    "licence": (
        word_set("licence license licensed licensing"),
        word_set("mit apache bsd gpl agpl lgpl mpl isc proprietary copyleft permissive source commercial"),
    ),
    "dividend": (
        word_set("dividend dividends payout payouts"),
        word_set("distribution distributions yield yields"),
    ),
}
"""By what is asked for: the words that ask for it and tell it, and others that speak of it."""
_STEMS = {
    kind: (frozenset(map(stem, asking)), frozenset(map(stem, asking | others)))
    for kind, (asking, others) in _ASKED_FOR.items()
}


def find_untold_attribute(case: Case) -> Fault | None:
    """Return a fault where a claim tells what the question asks for, and nothing cited has a word on it."""
    if not case.is_english:
        return None
    asked = set(content_stems(read_words(case.question)))
    for kind, (asking, speaking) in _STEMS.items():
        if asking & asked and asking & set(case.stems) and not speaking & case.evidence_stems:
            return Fault("unsupported_detail", f"nothing that it cites speaks of a {kind}")
    return None
