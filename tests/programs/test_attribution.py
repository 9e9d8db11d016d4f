"""A claim cites the sentence that states it, whatever number a language model set before it.

1. A sentence that is repeated word for word cites itself, and nothing else.
2. A claim that what it cites does not support cites the sentence that has its words, if that supports it.
3. Citations that have nothing of a claim go, if the others support it; no more are kept than a claim may have.
4. Nothing is moved without a word, and nothing where support is not asked for.
"""

from __future__ import annotations

import pytest

from quincunx.programs.check.claims import ClaimCheck, SupportCheck
from quincunx.signatures.evidence import Citation, Claim, Evidence

PORT = "PgBouncer listens on port 6432 by default."
POOL = "Transaction pooling lends a server connection to a client for one transaction."
WHEEL = "Twine uploads finished wheels to the Python Package Index."
TOKEN = "The user name for an upload with a token is __token__."
PASSAGES = [
    Evidence(id="pgbouncer", title="PgBouncer", text=f"{PORT} {POOL}"),
    Evidence(id="twine", title="Twine", text=f"{WHEEL} {TOKEN}"),
]


def cite(quote: str) -> Citation:
    passage = next(passage for passage in PASSAGES if quote in passage.text)
    start = passage.text.index(quote)
    return passage.citation(start, start + len(quote))


def checked(text: str, *quotes: str, support: SupportCheck | None = None) -> tuple[list[str], list[str]]:
    """Return the quotes that a claim cites after the check, and the rules that were broken."""
    check = ClaimCheck(
        {passage.id: passage for passage in PASSAGES},
        None,
        support or SupportCheck(layers=("details", "polarity")),
    )
    claim, cited = check.claim(Claim(text=text, citations=[cite(quote) for quote in quotes]), "claims[0]")
    citations = claim.citations if claim is not None else []
    assert list(cited) == list(dict.fromkeys(citation.passage_id for citation in citations))
    return [citation.quote for citation in citations], [dropped.rule for dropped in check.dropped]


@pytest.mark.parametrize("quotes", [(POOL,), (WHEEL, TOKEN), (PORT, WHEEL), ()])
@pytest.mark.parametrize("text", [PORT, PORT.upper(), PORT.removesuffix("."), PORT.replace(" ", "  ")])
def test_a_sentence_that_is_repeated_cites_itself_and_nothing_else(
    text: str, quotes: tuple[str, ...]
) -> None:
    wrong = [quote for quote in quotes if quote != PORT]
    assert checked(text, *quotes) == ([PORT], ["wrong_sentence"] * len(wrong))


def test_a_claim_cites_the_sentence_that_has_its_words() -> None:
    claim = "Twine uploads wheels to the Python Package Index."
    assert checked(claim, PORT) == ([WHEEL], ["wrong_sentence"])
    assert checked(claim, WHEEL) == ([WHEEL], [])


def test_words_of_a_title_count_for_the_sentences_under_it() -> None:
    assert checked("With a token, Twine's user name for an upload is __token__.", POOL) == (
        [TOKEN],
        ["wrong_sentence"],
    )


@pytest.mark.parametrize(
    "claim",
    [
        "Twine uploads finished wheels to the Maven Central Index.",
        "PgBouncer listens on port 5432 by default.",
        "Twine listens on port 6432.",
        "The index is closed on Sundays, and mail is answered by the help desk.",
    ],
)
def test_a_claim_that_no_sentence_states_does_not_stand(claim: str) -> None:
    kept, rules = checked(claim, POOL)
    assert kept == []
    assert rules != []


def test_what_turns_the_sense_of_its_own_sentence_is_not_moved_to_it() -> None:
    kept, rules = checked("PgBouncer never listens on port 6432 by default.", PORT)
    assert (kept, rules) == ([], ["flipped"])


def test_citations_that_have_nothing_of_the_claim_go() -> None:
    claim = "By default the port of PgBouncer is 6432."
    assert checked(claim, PORT, WHEEL) == ([PORT], ["wrong_sentence"])
    assert checked(claim, WHEEL, PORT) == ([PORT], ["wrong_sentence"])


def test_a_claim_keeps_the_nearest_of_its_citations_as_many_as_it_may_have() -> None:
    support = SupportCheck(layers=("details", "polarity"), most_cites=1)
    claim = "PgBouncer lends a server connection to a client for one transaction."
    assert checked(claim, PORT, POOL, support=support) == ([POOL], ["wrong_sentence"])


def test_citations_that_support_a_claim_together_stay() -> None:
    claim = "Twine uploads wheels, and the user name for an upload with a token is __token__."
    assert checked(claim, WHEEL, TOKEN) == ([WHEEL, TOKEN], [])


def test_where_support_is_not_asked_for_every_citation_stays() -> None:
    assert checked(PORT, WHEEL, support=SupportCheck(layers=())) == ([WHEEL], [])


def test_a_claim_that_another_sentence_states_far_better_cites_that() -> None:
    claim = "Uploading finished wheels goes to the Package Index."
    assert checked(claim, TOKEN) == ([WHEEL], ["wrong_sentence"])
    assert checked(claim, WHEEL, TOKEN) == ([WHEEL, TOKEN], [])


def test_a_heading_states_nothing_however_often_it_is_repeated() -> None:
    text = "## Ports of the pool server\n\nIt listens on 6432.\n\n***\n"
    page = Evidence(id="p", title="Guide", text=text)
    check = ClaimCheck({"p": page}, None, SupportCheck())
    for said in ("Ports of the pool server", "***", ""):
        assert check.claim(Claim(text=said, citations=[]), "claims[0]") == (None, {})


def test_what_was_taken_out_is_reported_once_with_its_place() -> None:
    check = ClaimCheck({passage.id: passage for passage in PASSAGES}, None, SupportCheck())
    foreign = Citation(passage_id="[99]", quote="")
    check.claim(Claim(text=PORT, citations=[foreign, cite(POOL), cite(PORT)]), "claims[2]")
    assert [(dropped.where, dropped.rule) for dropped in check.dropped] == [
        ("claims[2].citations[0]", "foreign_id"),
        ("claims[2].citations[1]", "wrong_sentence"),
    ]
