"""Every output that a program may have works in both ways to cite, under each of DSPy's adapters."""

from __future__ import annotations

import json
from typing import Any, Literal, cast

import dspy
import pytest
from pydantic import BaseModel, Field
from scripted import in_markers
from three_sentences import FOUND, SKY, SNOW, Fixed, asked, signature

from quincunx.programs.call.steps import evidence
from quincunx.programs.program import GroundedProgram
from quincunx.programs.prompt.citing import prompt_signature
from quincunx.programs.prompt.compact_adapter import CompactAdapter
from quincunx.programs.prompt.numbered_passages import NumberedPassages
from quincunx.programs.prompt.reply_types import read_reply, reply_type, write_reply
from quincunx.programs.spec import ProgramSpec
from quincunx.retrieval.errors import UsageError
from quincunx.signatures.evidence import Claim, Pointer


class Page(BaseModel):
    passage_id: str
    why: list[Claim]


class Pages(BaseModel):
    pages: list[Page]
    total: int = 0


class Verdict(BaseModel):
    verdict: bool
    because: Claim


class Named(BaseModel):
    question: str = ""
    tone: str = ""
    claims: list[Claim]


class Shadowing(BaseModel):
    instructions: str = ""
    fields: str = ""
    claims: list[Claim]


class Optional(BaseModel):
    claims: list[Claim]
    more: list[Claim] | None = None
    one: Claim | None = None
    at: Pointer | None = None


class Pointing(BaseModel):
    claims: list[Claim]
    at: Pointer = Pointer(passage_id="")


class Tree(BaseModel):
    claims: list[Claim]
    children: list[Tree] = Field(default_factory=list)


class Aliased(BaseModel):
    said: list[Claim] = Field(alias="claims")


class Choosing(BaseModel):
    kind: Literal["colour", "shape"] = "colour"
    tags: dict[str, str] = Field(default_factory=dict)
    scores: list[float] = Field(default_factory=list)
    claims: list[Claim]


BLUE, WHITE = {"text": "Blue.", "cites": [1]}, {"text": "White.", "cites": [3]}
REPLIES: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "claim": (Claim, {"output": BLUE}, [SKY]),
    "claims": (list[Claim], {"output": [BLUE, WHITE]}, [SKY, SNOW]),
    "model": (Page, {"passage_id": "P2", "why": [WHITE]}, [SNOW]),
    "models": (Pages, {"pages": [{"passage_id": "P1", "why": [BLUE]}]}, [SKY]),
    "list of models": (list[Page], {"output": [{"passage_id": "[2]", "why": [WHITE]}]}, [SNOW]),
    "model of one claim": (Verdict, {"verdict": True, "because": BLUE}, [SKY]),
    "named like an input": (Named, {"output": {"question": "Which?", "claims": [BLUE]}}, [SKY]),
    "named like a signature's own": (Shadowing, {"output": {"fields": "x", "claims": [BLUE]}}, [SKY]),
    "optional": (Optional, {"claims": [BLUE], "more": [WHITE], "one": WHITE, "at": "P2"}, [SKY, SNOW]),
    "optional left out": (Optional, {"claims": [BLUE]}, [SKY]),
    "a pointer": (Pointing, {"claims": [BLUE], "at": "P2"}, [SKY]),
    "a pointer left out": (Pointing, {"claims": [BLUE]}, [SKY]),
    "recursive": (Tree, {"claims": [BLUE], "children": [{"claims": [WHITE]}]}, [SKY, SNOW]),
    "aliased": (Aliased, {"said": [BLUE]}, [SKY]),
    "a choice": (Choosing, {"kind": "shape", "tags": {"a": "b"}, "scores": [0.5], "claims": [BLUE]}, [SKY]),
}


def sections(reply: dict[str, Any]) -> str:
    """Write a reply as DSPy's chat adapter reads it: text as it is, and all else as JSON."""
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in reply.items()}
    return "".join(f"[[ ## {name} ## ]]\n{value}\n\n" for name, value in written.items())


@pytest.mark.parametrize("output", REPLIES)
@pytest.mark.parametrize("adapter", ["compact", "chat", "json"])
def test_every_supported_output_cites_by_number_under_each_adapter(output: str, adapter: str) -> None:
    kind, reply, quotes = REPLIES[output]
    adapters = {"compact": None, "chat": dspy.ChatAdapter(), "json": dspy.JSONAdapter()}
    written = sections(reply) + "[[ ## completed ## ]]" if adapter == "chat" else reply
    answer, engine = asked(kind, written, adapter=adapters[adapter], tone=str)
    assert [citation.quote for citation in answer.citations] == quotes
    assert {dropped.rule for dropped in answer.dropped} <= ({"foreign_id"} if "left out" in output else set())
    assert len(engine.prompts) == 1
    assert "P1 Sky" in engine.prompts[0]
    record = answer.record()["output"]
    assert "cites" not in json.dumps(record)


@pytest.mark.parametrize("output", REPLIES)
@pytest.mark.parametrize("adapter", [None, dspy.ChatAdapter(), dspy.JSONAdapter()])
def test_every_supported_output_cites_quotes_under_each_adapter(
    output: str, adapter: dspy.Adapter | None
) -> None:
    kind, numbers, quotes = REPLIES[output]
    by_number, _ = asked(kind, numbers, tone=str)
    reply = _in_quotes(by_number.output)
    written = (
        json.dumps({"output": reply})
        if isinstance(adapter, dspy.JSONAdapter)
        else in_markers("output", reply)
    )
    answer, engine = asked(kind, written, "quotes", adapter, tone=str)
    assert [citation.quote for citation in answer.citations] == quotes
    assert answer.output == by_number.output
    assert len(engine.prompts) == 1
    assert '"text"' in engine.prompts[0]


def _in_quotes(value: Any) -> Any:
    """Return an output as a model writes it that cites quotes."""
    if isinstance(value, list):
        return [_in_quotes(part) for part in value]
    return json.loads(value.model_dump_json(by_alias=True)) if isinstance(value, BaseModel) else value


@pytest.mark.parametrize("output", REPLIES)
def test_a_reply_that_is_read_and_written_is_the_same_reply(output: str) -> None:
    """So that demos show what a model would have said."""
    kind, reply, _ = REPLIES[output]
    passages = NumberedPassages([evidence(passage) for passage in FOUND])
    twin = reply_type(kind)
    said = reply["output"] if set(reply) == {"output"} else reply
    typed = dspy.adapters.utils.parse_value(said, twin)
    read = read_reply(kind, typed, passages)
    again = dspy.adapters.utils.parse_value(write_reply(read, passages), twin)
    assert read_reply(kind, again, passages) == read


@pytest.mark.parametrize("adapter", [None, dspy.ChatAdapter(), dspy.JSONAdapter()])
def test_a_reply_of_another_form_is_asked_for_again_and_then_one_error(adapter: dspy.Adapter | None) -> None:
    for reply in (
        '{"because": null}',
        '{"verdict": true}',
        "no form",
        '{"verdict": true, "because": {"text": "x"}}',
    ):
        with pytest.raises(Exception, match="does not have the form") as caught:
            asked(Verdict, reply, adapter=adapter)
        assert getattr(caught.value, "code", None) == "bad_model_output"


@pytest.mark.parametrize("cites", ["words", "", "Numbers", None, 1, ["numbers"]])
def test_another_way_to_cite_is_one_typed_error(cites: Any) -> None:
    program = GroundedProgram(ProgramSpec("mine", signature(list[Claim])), cast(Any, Fixed(FOUND)))
    with pytest.raises(UsageError, match="cites must be one of numbers, quotes"):
        program.cites = cites
    assert program.cites == "numbers"


class Bounds(BaseModel):
    claims: list[Claim] = Field(description="what holds", json_schema_extra={"maxItems": 7})
    more: list[Claim] | None = None
    tags: list[str] = Field(default_factory=list, description="words for it")


def test_a_list_holds_as_many_entries_as_its_field_declares_and_says_so() -> None:
    sky = {"cites": [1], "text": "The sky is blue."}
    reply = {"claims": [sky] * 9, "more": [sky] * 6, "tags": ["a"] * 6}
    answer, _ = asked(Bounds, reply)
    assert (len(answer.output.claims), len(answer.output.more), len(answer.output.tags)) == (7, 5, 6)
    assert [dropped.rule for dropped in answer.dropped] == ["too_many"] * 3
    told = CompactAdapter().format_system_message(prompt_signature(cast(Any, signature(Bounds)), "numbers"))
    assert "what holds (at most 7)\n" in told
    assert "words for it\n" in told
    schema = reply_type(Bounds).model_json_schema()["properties"]
    assert {name: field["maxItems"] for name, field in schema.items()} == {"claims": 7, "more": 5, "tags": 5}
