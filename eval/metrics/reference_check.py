"""Whether an answer says what the reference answer says, and whether what it says is supported, claim by claim.

No model is asked: a claim of the reference is stated where the answer holds most of its content words and departs from none of
its names, numbers and denials, by the rules that hold claims to what they cite (`check_support`). On 71 answers of the
extractive engine to dev questions of the canons, graded by hand as whole, half or no answer, the share stated correlates .88
with the grades, citation recall .77. All claims are stated by 21 of 23 whole answers, 1 of 15 half ones and none of 33 wrong
ones; half of the gold is cited by 23, 13 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from ...programs.check.support.cited import CitedSentence, wording
from ...programs.check.support.claim_words import content_stems, read_words
from ...programs.check.support.layers import Layer
from ...programs.check.support.rules import check_support
from ...programs.said import claims_of
from ...retrieval.passages import Passage
from ...retrieval.text.sentences import read_sentences

LEAST_WORDS = 0.6
"""Share of a claim's content words that an answer must hold to state it; from .3 to .5, and at .7, the grades above correlate .81 to
.85."""
_LAYERS: tuple[Layer, ...] = ("details", "polarity")
_AND = re.compile(r";\s+")


def reference_stated(reference: str, lines: Sequence[str], question: str) -> float:
    """Return the share of a reference's claims that an answer states, 0 to 1.

    Args:
        reference: the answer that the gold set holds; each of its sentences, and each part between semicolons, is a claim. One
            without a sentence, such as ``-``, is a claim as a whole.
        lines: what the answer says, claim by claim; none for a refusal.
        question: what was asked; names and numbers that it says may stand in the claims.
    """
    said = [CitedSentence(line) for line in lines]
    plain = [wording(line) for line in lines]
    held = {stem for line in lines for stem in content_stems(read_words(line))}

    def is_stated(claim: str, wanted: set[str]) -> bool:
        if any(wording(claim) in line for line in plain):
            return True
        if not wanted or len(wanted & held) < LEAST_WORDS * len(wanted):
            return False
        return check_support(claim, said, question, layers=_LAYERS) is None

    claims = [
        (claim, set(content_stems(read_words(claim)))) for claim in list(_claims(reference)) or [reference]
    ]
    # "No; it can be lost." is told by what follows the no.
    telling = [(claim, stems) for claim, stems in claims if stems] or claims
    return fmean(is_stated(claim, stems) for claim, stems in telling)


def claims_supported(
    output: Any, reference: str, passages: Mapping[str, Passage], question: str
) -> float | None:
    """Return the share of an answer's claims that what they cite, or the reference, supports; ``None`` where it makes none.

    Args:
        output: the program's output as JSON values.
        reference: as above; empty where there is none.
        passages: by id, those that are cited.
        question: as above.
    """
    told = [CitedSentence(claim) for claim in _claims(reference)]
    shares = []
    for claim in claims_of(output):
        cited = [
            _cited(citation["quote"], passages[citation["passage_id"]]) for citation in claim["citations"]
        ]
        shares.append(
            any(
                evidence and check_support(claim["text"], evidence, question, layers=_LAYERS) is None
                for evidence in (cited, told)
            )
        )
    return fmean(shares) if shares else None


def _claims(reference: str) -> Iterator[str]:
    for span in read_sentences(reference):
        yield from filter(None, _AND.split(reference[span.start : span.end].strip()))


def _cited(quote: str, passage: Passage) -> CitedSentence:
    about = {name: str(value) for name, value in passage.metadata.items()}
    return CitedSentence(quote, passage.title, about, passage.document_id)
