"""Programs as optimizers leave them, on an index that costs nothing, and the prompts that they make."""

from __future__ import annotations

import json
import random
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import dspy
from parts import Hashing
from pydantic import BaseModel, TypeAdapter, computed_field

from quincunx.programs.program import GroundedProgram
from quincunx.programs.spec import ProgramSpec
from quincunx.retrieval.index.build import build
from quincunx.retrieval.passages import Document
from quincunx.retrieval.retriever import Retriever
from quincunx.retrieval.storage.home import index_folder
from quincunx.signatures.evidence import Claim, Evidence

ODD = 'Schön, “quoted” \\ "plain"\n\n  indented\tand 日本 🜚 \u2060 { [[ x'


def tiny_index() -> str:
    """Build an index of two documents."""
    build(index_folder("tiny"), [Document("a", "A", "Text a."), Document("b", "B", "Text b.")], Hashing())
    return "tiny"


class Reply(BaseModel):
    sentences: list[Claim]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answer(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


class Frozen(dspy.Signature):
    """Answer from the passages."""

    question: str = dspy.InputField(desc="what is asked")
    passages: list[Evidence] = dspy.InputField(desc="the sources")
    reply: Reply = dspy.OutputField(desc="the answer")


def of(signature: type[dspy.Signature], index: str = "tiny") -> GroundedProgram:
    """A program whose predictor has this signature, be it one that a spec would not take."""
    made = GroundedProgram(ProgramSpec("chat_bridge", Frozen), Retriever(index))
    made.predict = dspy.Predict(signature)
    return made


def splitting(index: str = "tiny") -> GroundedProgram:
    """A program that splits its questions up."""
    return GroundedProgram(ProgramSpec("ticker_fit", Frozen, decomposes=True), Retriever(index))


def value_of(annotation: Any, seed: random.Random) -> Any:
    """Make a value of a type, with text that is hard to carry."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is dspy.History:
        return dspy.History(messages=[{"question": f"Before? {seed.random()}", "answer": "So."}])
    if origin is typing.Annotated:
        return value_of(arguments[0], seed)
    if origin is typing.Literal:
        return seed.choice(arguments)
    if origin in (typing.Union, types.UnionType):
        return value_of(next(a for a in arguments if a is not type(None)), seed)
    if origin is tuple and Ellipsis not in arguments:
        return tuple(value_of(argument, seed) for argument in arguments)
    if origin in (list, tuple):
        return origin(value_of(arguments[0], seed) for _ in range(2))
    if origin is dict:
        return {f"key {i}": value_of(arguments[1], seed) for i in range(2)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.model_validate(
            {name: value_of(info.annotation, seed) for name, info in annotation.model_fields.items()}
        )
    plain: dict[Any, Callable[[], Any]] = {
        str: lambda: f"{seed.random()} {ODD}",
        bool: lambda: seed.random() < 0.5,
        int: lambda: seed.randint(0, 9),
        float: seed.random,
    }
    return plain[annotation]()


def compiled(program: GroundedProgram, seed: int = 1) -> GroundedProgram:
    """Do to a program what optimizers do: other instructions, other words for fields, demos."""
    dice = random.Random(seed)
    for _, predictor in program.named_predictors():
        signature = predictor.signature.with_instructions(f"Answer well ({seed}).\n\n    Indented. {ODD}")
        for name in signature.fields:
            signature = signature.with_updated_fields(name, desc=f"{name}, {ODD}", prefix=f"{name.upper()}:")
        predictor.signature = signature
        whole = {name: value_of(info.annotation, dice) for name, info in signature.fields.items()}
        partial = {name: value for name, value in whole.items() if name != next(iter(signature.input_fields))}
        predictor.demos = [
            dspy.Example(**whole, augmented=True),
            dspy.Example(**partial, unrelated={1, 2}),
            dict(whole),
        ]
    return program


def given(program: GroundedProgram) -> dict[str, dict[str, Any]]:
    """Make one input for each predictor, as JSON values."""
    return {
        name: {
            field: TypeAdapter(info.annotation).dump_python(
                value_of(info.annotation, random.Random(7)), mode="json"
            )
            for field, info in predictor.signature.input_fields.items()
        }
        for name, predictor in program.named_predictors()
    }


def prompts(program: GroundedProgram, inputs: dict[str, dict[str, Any]]) -> str:
    """Write out every prompt that the program makes of the inputs, by both adapters."""
    made = []
    for name, predictor in program.named_predictors():
        known = predictor.signature.input_fields
        values = {
            field: TypeAdapter(known[field].annotation).validate_python(value)
            for field, value in inputs[name].items()
        }
        made += [
            adapter.format(predictor.signature, predictor.demos, values)
            for adapter in (dspy.ChatAdapter(), dspy.JSONAdapter())
        ]
    return json.dumps(made)


def state(program: GroundedProgram) -> list[Any]:
    return [(id(p.signature), id(p.demos), p.lm, dict(p.config)) for _, p in program.named_predictors()]


def file_of(folder: Path) -> Path:
    (path,) = folder.glob("program-*.json")
    return path


def dumped(value: Any) -> bytes:
    """Write JSON, and what is nearly JSON."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value).encode()
    finally:
        sys.set_int_max_str_digits(limit)
