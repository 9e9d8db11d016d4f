"""Programs of one's own: which specs are taken, which outputs can be checked, and one typed error for the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy
import pytest
from pydantic import BaseModel, Field
from scripted import in_markers, scripted

import quincunx
from quincunx import AnswerCase, Claim, Evidence, Measure, Pointer, ProgramSpec, add_program
from quincunx.eval.goldsets.goldset import GoldQuestion
from quincunx.eval.metrics.answer_checks import check_answer
from quincunx.programs import registry
from quincunx.programs.check.forms import empty_output, output_form
from quincunx.retrieval.errors import BoundError, ProgramSpecError, UnsupportedOutputError, UsageError


class Page(BaseModel):
    passage_id: str
    title: str = ""
    why: list[Claim]


class Pages(BaseModel):
    pages: list[Page]
    total: int = 0


class Verdictless(BaseModel):
    verdict: bool
    because: Claim


class Nested(BaseModel):
    inner: Page
    score: float | None


class Dated(BaseModel):
    when: complex
    claims: list[Claim]


def signature(output: Any, **inputs: Any) -> type[dspy.Signature]:
    fields: dict[str, Any] = {
        "question": (str, dspy.InputField()),
        "passages": (list[Evidence], dspy.InputField()),
        **{name: (kind, dspy.InputField()) for name, kind in inputs.items()},
        "output": (output, dspy.OutputField()),
    }
    made: type[dspy.Signature] = dspy.Signature(fields, "Answer from the passages.")
    return made


@pytest.fixture(autouse=True)
def own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds is gone after it."""
    monkeypatch.setattr(registry, "_added", dict(registry._added))
    registry.program_spec.cache_clear()


def loaded(output: Any, **settings: Any) -> Any:
    add_program(ProgramSpec("mine", signature(output)))
    return quincunx.load("mine", index="builddaily", **settings)


FORMS = {
    "claim": Claim,
    "claims": list[Claim],
    "model of claims": Page,
    "model of models": Pages,
    "list of models": list[Page],
    "model of one claim": Verdictless,
    "nested": Nested,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_supported_output_is_filled_by_the_extractive_engine_and_checked(
    canons: Path, form: str
) -> None:
    answer = loaded(FORMS[form])(question="What is Sage Daily?")
    assert answer.answered
    assert answer.citations
    texts = {passage.id: passage.text for passage in answer.passages}
    assert all(citation.quote in texts[citation.passage_id] for citation in answer.citations)
    assert answer.record()["output"]


@pytest.mark.parametrize("form", FORMS)
def test_of_every_supported_output_what_is_not_supported_is_taken_out(canons: Path, form: str) -> None:
    lie = {
        "text": "Made up.",
        "citations": [{"passage_id": "bd-sage-daily", "quote": "words that stand nowhere"}],
    }
    page = {"passage_id": "bd-sage-daily", "title": "Sage", "why": [lie]}
    replies: dict[str, Any] = {
        "claim": lie,
        "claims": [lie],
        "model of claims": page,
        "model of models": {"pages": [page], "total": 3},
        "list of models": [page],
        "model of one claim": {"verdict": True, "because": lie},
        "nested": {"inner": page, "score": 0.5},
    }
    lm, _ = scripted(lambda prompt: in_markers("output", replies[form]))
    answer = loaded(FORMS[form], lm=lm, cites="quotes")(question="What is Sage Daily?")
    assert not answer.answered
    assert answer.citations == []
    assert {dropped.rule for dropped in answer.dropped} >= {"no_such_quote", "no_citation"}
    assert answer.output == empty_output(FORMS[form])


@pytest.mark.parametrize(
    ("output", "named"),
    [
        (str, "str"),
        (Evidence, "Evidence"),
        (list[str], "list"),
        (dict[str, Claim], "dict"),
        (Dated, "Dated.when"),
    ],
)
def test_an_output_that_could_not_be_checked_is_one_typed_error_that_says_what_can(
    output: Any, named: str
) -> None:
    with pytest.raises(UnsupportedOutputError, match=r"supported: a Claim, list\[Claim\]") as refused:
        ProgramSpec("mine", signature(output))
    assert named in str(refused.value)


def test_a_recursive_model_is_told_apart_without_end() -> None:
    class Tree(BaseModel):
        claims: list[Claim]
        children: list[Tree] = Field(default_factory=list)

    assert output_form(Tree) == "model"
    assert ProgramSpec("mine", signature(Tree)).output_type is Tree


def test_a_pointer_to_a_passage_that_was_not_given_does_not_stand(canons: Path) -> None:
    class Pointing(BaseModel):
        claims: list[Claim]
        at: Pointer = Pointer(passage_id="")

    quote = "Sage Daily is the sister site of Build Daily and gives tarot and transit readings."
    claim = {
        "text": "Sage Daily is a sister site.",
        "citations": [{"passage_id": "bd-sage-daily", "quote": quote}],
    }
    lm, _ = scripted(
        lambda prompt: in_markers("output", {"claims": [claim], "at": {"passage_id": "bd-none"}})
    )
    answer = loaded(Pointing, lm=lm, cites="quotes")(question="What is Sage Daily?")
    assert answer.answered
    assert answer.output.at.passage_id == ""
    assert [dropped.rule for dropped in answer.dropped] == ["foreign_id"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"name": "My program"}, "lower-case letters.*'My program'"),
        ({"signature": str}, "must be a class made of dspy.Signature"),
        ({"signature": dspy.Signature("question -> answer")}, "no input 'passages'"),
        ({"metric": {"charm": 1}}, "no part 'charm'; known: citation_recall"),
        ({"metric": {"kept": -1}}, "at least 0 and not all 0"),
        ({"metric": {}}, "at least 0 and not all 0"),
        ({"right": ("charm", 0.5)}, "no part 'charm'"),
        ({"measures": {"kept": Measure(lambda case: 1.0)}}, "'kept' is there for every program already"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_with_the_value_and_the_remedy(
    settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(ProgramSpecError, match=why):
        ProgramSpec(**{"name": "mine", "signature": signature(list[Claim]), **settings})


@pytest.mark.parametrize("most", [0, -1, "5", 2.5, True])
def test_a_list_that_declares_no_number_of_entries_is_refused_by_name(most: Any) -> None:
    class Bounded(BaseModel):
        claims: list[Claim] = Field(description="claims", json_schema_extra={"maxItems": most})

    with pytest.raises(
        ProgramSpecError, match=r"maxItems of Bounded\.claims of program 'mine'.*whole number"
    ):
        ProgramSpec("mine", signature(Bounded))


def test_a_name_belongs_to_one_program() -> None:
    spec = ProgramSpec("mine", signature(list[Claim]))
    add_program(spec)
    add_program(spec)
    with pytest.raises(ProgramSpecError, match="'mine' is there already"):
        add_program(ProgramSpec("mine", signature(Claim)))
    with pytest.raises(ProgramSpecError, match="'chat_bridge' is there already"):
        add_program(ProgramSpec("chat_bridge", signature(Claim)))
    with pytest.raises(ProgramSpecError, match="takes a ProgramSpec"):
        add_program(signature(Claim))  # type: ignore[arg-type]
    with pytest.raises(ProgramSpecError, match=r"'no\.such' cannot be imported"):
        registry.import_programs("no.such")


def test_a_program_without_an_index_of_its_own_asks_for_one(canons: Path) -> None:
    add_program(ProgramSpec("mine", signature(list[Claim])))
    with pytest.raises(UsageError, match="program mine has no index of its own"):
        quincunx.load("mine")


def test_a_measure_outside_its_bounds_is_refused_by_name() -> None:
    def wild(case: AnswerCase) -> float:
        return 1.5

    add_program(ProgramSpec("mine", signature(list[Claim]), measures={"wild": Measure(wild)}))
    question = GoldQuestion("q", "q", {}, gold={"a": 1})
    record = {"output": [], "citations": [], "answered": False}
    with pytest.raises(BoundError, match="measure 'wild' of program mine must give from 0 to 1"):
        check_answer("mine", question, record, {})
