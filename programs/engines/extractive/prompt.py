"""Reading back what a DSPy prompt asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ....signatures.conversation import Turn
from ....signatures.evidence import Evidence

_RESPOND_CHAT = "Respond with the corresponding output fields, starting with the field "
_RESPOND_JSON = "Respond with a JSON object in the following order of fields: "
_NAMED = re.compile(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`")
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n", re.MULTILINE)


class UnreadablePromptError(ValueError):
    """The prompt is not one that quincunx's programs make."""


@dataclass(frozen=True)
class Ask:
    """One question of a program, as its prompt states it."""

    fields: Mapping[str, str]
    """The input fields, as they are written."""
    output_field: str
    as_json: bool
    """Whether the reply must be one JSON object, rather than DSPy's field markers."""

    @property
    def question(self) -> str:
        return self.field("question")

    @property
    def whole_question(self) -> str:
        """The question with its details, such as the cards that were drawn."""
        names = [name for name in self.fields if name not in ("history", "passages")]
        return " ".join(
            self.fields[name] for name in sorted(names, key=lambda name: name != "question")
        ).strip()

    @property
    def passages(self) -> tuple[Evidence, ...]:
        try:
            return tuple(Evidence.model_validate(passage) for passage in json.loads(self.field("passages")))
        except ValueError as error:
            raise UnreadablePromptError(f"its passages cannot be read ({error})") from error

    @property
    def history(self) -> tuple[Turn, ...]:
        try:
            return tuple(Turn.model_validate(turn) for turn in json.loads(self.field("history")))
        except ValueError as error:
            raise UnreadablePromptError(f"its history cannot be read ({error})") from error

    def field(self, name: str) -> str:
        """Return an input field as it is written."""
        if name not in self.fields:
            raise UnreadablePromptError(f"it has inputs {sorted(self.fields)}, and no {name}")
        return self.fields[name]


def read_prompt(message: str) -> Ask:
    """Read the last user message of DSPy's ChatAdapter or JSONAdapter."""
    as_json = message.rfind(_RESPOND_JSON) > message.rfind(_RESPOND_CHAT)
    body, found, rest = message.rpartition(_RESPOND_JSON if as_json else _RESPOND_CHAT)
    if not found:
        raise UnreadablePromptError("it does not end with DSPy's list of output fields")
    fields = _fields(body)
    outputs = [name for name in _NAMED.findall(rest) if name != "completed"]
    if len(outputs) != 1 or "question" not in fields:
        raise UnreadablePromptError(
            f"it has inputs {sorted(fields)} and outputs {outputs}; expected a question among them, and one output"
        )
    return Ask(fields, outputs[0], as_json)


def _fields(body: str) -> dict[str, str]:
    marks = list(_FIELD.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return {mark[1]: body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}
