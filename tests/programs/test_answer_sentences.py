"""Which sentences of a passage can answer, and what they are read below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.sentences import Sentence, as_claims, best, read_answers, score_sentences
from quincunx.retrieval.models.profiles import shared_embedder
from quincunx.signatures.evidence import Evidence


def answers(text: str, title: str = "Page") -> list[str]:
    return [answer.text for answer in read_answers(Evidence(id="a", title=title, text=text))]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("## Which port?\n\nPort 8080.", ["Port 8080."]),
        ("Which port\n----------\n\nPort 8080.", ["Port 8080."]),
        ("Can I pay by invoice? Sure. Really?", ["Sure."]),
        ("**Can I pay?** Yes.", ["Yes."]),
        ("可以退货吗？可以。", ["可以。"]),
        ("هل يمكنني الدفع؟ نعم.", ["نعم."]),
        ("One.\n\n***\n\n---\n\n- Two.\n- \n1. Three.\n> Four.", ["One.", "Two.", "Three.", "Four."]),
        ("---\ntitle: Notes\nkind: memo\n---\nThe text.", ["The text."]),
        ("+++\ntitle = 'Notes'\n+++\n\nThe text.", ["The text."]),
        ("| city | days |\n|---|---|\n| Oslo | 3 |\n| Rome | 5 |", ["| Oslo | 3 |", "| Rome | 5 |"]),
        ("```sh\npip install quincunx\n```", ["pip install quincunx"]),
        ("<!-- draft -->\n\n<p></p>\n\nText.", ["Text."]),
        ("Ask Dr. Ito, e.g. about No. 5 of the list. Then wait.",
         ["Ask Dr. Ito, e.g. about No. 5 of the list.", "Then wait."]),
        ("See vol. 2 of it. It is short.", ["See vol. 2 of it.", "It is short."]),
        ("…\n\n—\n\nYes.", ["Yes."]),
    ],
)  # fmt: skip
def test_only_what_can_answer_is_a_sentence_to_answer_with(text: str, kept: list[str]) -> None:
    assert answers(text) == kept


def test_the_heading_of_a_passage_is_no_answer_and_a_title_alone_is() -> None:
    assert answers("Which port\n\nPort 8080.", "Guide › Which port") == ["Port 8080."]
    assert answers("Release notes of May", "Release notes of May") == ["Release notes of May"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much does a pallet cost?", "40 euro."),
        ("Can I pay by invoice?", "No."),
        ("Which port does the server listen on?", "Port 8080."),
        ("Is there a warranty?", "Two years."),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_short_answer_wins_below_the_heading_that_asks_for_it(
    question: str, answer: str, whole: bool
) -> None:
    asked = {
        "Which port does the server listen on?": "Port 8080.",
        "How much does a pallet cost?": "40 euro.",
        "Can I pay by invoice?": "No.",
        "Is there a warranty?": "Two years.",
    }
    if whole:
        text = "\n\n".join(f"## {heading}\n\n{said}" for heading, said in asked.items())
        passages = [Evidence(id="faq", title="Support FAQ", text=text)]
    else:
        passages = [
            Evidence(id=heading, title=f"Support FAQ › {heading}", text=f"## {heading}\n\n{said}")
            for heading, said in asked.items()
        ]
    scored = score_sentences(question, passages, shared_embedder("embedded"))
    assert [s.text for s in best([s for sentences in scored for s in sentences], 1)] == [answer]


def test_a_question_heads_its_answer_and_the_head_of_a_table_its_rows() -> None:
    def reading(text: str) -> str:
        return [answer.reading for answer in read_answers(Evidence(id="a", title="FAQ", text=text))][-1]

    assert reading("Can I pay by invoice?\nNo.") == "FAQ\nCan I pay by invoice?\nNo."
    assert reading("# FAQ\n\nText.") == "FAQ\nText."
    assert reading("| city | days |\n|---|---|\n| Oslo | 3 |") == "FAQ\n| city | days |\n| Oslo | 3 |"


def test_a_sentence_that_several_passages_hold_is_given_once() -> None:
    texts = ["It is free.", "It is  FREE.", "It\nis free."]
    given = [
        Sentence(Evidence(id=str(i), title="T", text=text), text, 0, 0.9) for i, text in enumerate(texts)
    ]
    assert [s.text for s in best(given, 3)] == ["It is free."]


def test_a_claim_is_on_one_line_and_its_quote_as_it_stands() -> None:
    passage = Evidence(id="a", title="T", text="> It is kept\n> for years. Ask.")
    (answer, *_) = read_answers(passage)
    (claim,) = as_claims([Sentence(passage, answer.text, 0, 0.9)])
    assert claim.text == "It is kept for years."
    assert claim.citations[0].quote in passage.text


@given(st.text('Aa1.?!*#-|>`~\n" ？。é+_<', max_size=80), st.sampled_from(["", "A", "a › 1"]))
def test_every_answer_stands_in_its_passage_and_asks_nothing(text: str, title: str) -> None:
    passage = Evidence(id="a", title=title, text=text)
    for found in read_answers(passage):
        answer, reading = found.text, found.reading
        assert text.startswith(answer, found.start) or answer in text[found.start :]
        assert all(head < found.start for head in found.heads)
        assert any(character.isalnum() for character in answer)
        assert reading.endswith(answer)
        assert "`" in text or "<" in text or "|" in text or not answer.endswith(("?", "？"))
