"""Any program's output is laid out by its form."""

from __future__ import annotations

from pydantic import BaseModel, computed_field

from quincunx.app.render.answers import answer_lines
from quincunx.signatures.evidence import Claim


def claim(text: str) -> Claim:
    return Claim(text=text, citations=[])


class Rule(BaseModel):
    section: str = ""
    days: int | None = None
    tags: list[str] = []
    reasons: list[Claim] = []
    best: Claim = claim("")


class Policy(BaseModel):
    title: str = ""
    rules: list[Rule] = []


class Prose(BaseModel):
    sentences: list[Claim] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def whole(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


def test_claims_are_lines() -> None:
    assert list(answer_lines(claim("one"))) == ["– one"]
    assert list(answer_lines([claim("one"), claim("two")])) == ["– one", "– two"]


def test_a_model_is_its_facts_and_then_its_claims() -> None:
    rule = Rule(
        section="4", days=20, tags=["leave", "pay"], reasons=[claim("it says so")], best=claim("this")
    )
    lines = ["section 4 · days 20 · tags leave, pay", "for it", "  – it says so", "best", "  – this"]
    assert list(answer_lines(rule)) == lines
    assert list(answer_lines([rule])) == lines
    assert list(answer_lines(Policy(title="Leave", rules=[rule]))) == ["title Leave", *lines]


def test_text_that_repeats_its_claims_stands_in_their_place() -> None:
    assert list(answer_lines(Prose(sentences=[claim("One."), claim("Two.")]))) == ["One. Two."]
