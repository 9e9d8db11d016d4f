"""What the extractive engine is asked: a program's inputs as JSON, rather than as a prompt for a reader of English."""

from __future__ import annotations

import json
from typing import Any

import dspy
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ....signatures.conversation import Turn
from ....signatures.evidence import Evidence


class UnreadableInputsError(ValueError):
    """The message is not one that `TypedInputsAdapter` makes."""


class TypedInputs(BaseModel):
    """One question to the engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: str
    output: str
    """The output field that is asked for."""
    question: str
    details: dict[str, str] = {}
    """The other inputs that are text, by name in the order of the signature."""
    passages: list[Evidence] = []
    history: list[Turn] = []
    most: int = 1
    """How many queries a question is to be split into at most."""

    @property
    def whole_question(self) -> str:
        """The question with its details, such as the cards that were drawn."""
        return " ".join([self.question, *self.details.values()]).strip()


def read_typed_inputs(message: str) -> TypedInputs:
    """Return what a message asks; raises `UnreadableInputsError`."""
    try:
        return TypedInputs.model_validate_json(message)
    except ValidationError as error:
        raise UnreadableInputsError(str(error.errors(include_url=False)[0]["msg"])) from error


class TypedInputsAdapter(dspy.Adapter):
    """Hands a program's inputs to the extractive engine as JSON, and reads its JSON reply."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(
        self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {
            "program": self._program,
            "output": next(iter(signature.output_fields)),
            "question": inputs["question"].strip(),
            "details": {
                name: inputs[name].strip()
                for name in signature.input_fields
                if name != "question" and isinstance(inputs.get(name), str)
            },
            **{name: inputs[name] for name in ("passages", "history", "most") if name in inputs},
        }
        return [{"role": "user", "content": json.dumps(to_jsonable_python(asked), ensure_ascii=False)}]

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        said = json.loads(completion)
        return {
            name: TypeAdapter(info.annotation).validate_python(said[name])
            for name, info in signature.output_fields.items()
        }
