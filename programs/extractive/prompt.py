"""Reading back what a DSPy prompt asks for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ...signatures.evidence import Evidence

_RESPOND_CHAT = "Respond with the corresponding output fields, starting with the field "
_RESPOND_JSON = "Respond with a JSON object in the following order of fields: "
_NAMED = re.compile(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`")
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n", re.MULTILINE)


class UnreadablePromptError(ValueError):
    """The prompt is not one that quincunx's programs make."""


@dataclass(frozen=True)
class Ask:
    """One question of a program, as its prompt states it."""

    question: str
    passages: tuple[Evidence, ...]
    output_field: str
    as_json: bool
    """Whether the reply must be one JSON object, rather than DSPy's field markers."""


def read_prompt(message: str) -> Ask:
    """Read the last user message of DSPy's ChatAdapter or JSONAdapter."""
    as_json = message.rfind(_RESPOND_JSON) > message.rfind(_RESPOND_CHAT)
    body, found, rest = message.rpartition(_RESPOND_JSON if as_json else _RESPOND_CHAT)
    if not found:
        raise UnreadablePromptError("it does not end with DSPy's list of output fields")
    fields = _fields(body)
    outputs = [name for name in _NAMED.findall(rest) if name != "completed"]
    if len(outputs) != 1 or not {"question", "passages"} <= fields.keys():
        raise UnreadablePromptError(
            f"it has inputs {sorted(fields)} and outputs {outputs}; expected question, passages and one output"
        )
    try:
        passages = tuple(Evidence.model_validate(passage) for passage in json.loads(fields["passages"]))
    except ValueError as error:
        raise UnreadablePromptError(f"its passages cannot be read ({error})") from error
    return Ask(fields["question"], passages, outputs[0], as_json)


def _fields(body: str) -> dict[str, str]:
    marks = list(_FIELD.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return {mark[1]: body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}
