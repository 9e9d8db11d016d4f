"""A language model that reads DSPy's prompts and answers as the extractive engine would, in the form that was asked for."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from pydantic_core import to_jsonable_python

from quincunx.programs.engines.extractive.engine import TypedInputs, extract
from quincunx.programs.registry import program_names, program_spec

_RESPOND_CHAT = "Respond with the corresponding output fields, starting with the field "
_RESPOND_JSON = "Respond with a JSON object in the following order of fields: "
_NAMED = re.compile(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`")
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n", re.MULTILINE)


@lru_cache(maxsize=10_000)
def quoted(prompt: str) -> str:
    """Answer the last message of a prompt of DSPy's chat or JSON adapter; a pure function of it, so each is read once."""
    as_json = prompt.rfind(_RESPOND_JSON) > prompt.rfind(_RESPOND_CHAT)
    body, _, rest = prompt.rpartition(_RESPOND_JSON if as_json else _RESPOND_CHAT)
    (output,) = (name for name in _NAMED.findall(rest) if name != "completed")
    fields = _fields(body)
    programs = {program_spec(name).output_field: name for name in reversed(program_names())}
    asked = TypedInputs.model_validate(
        {
            "program": programs.get(output, "chat_bridge"),
            "output": output,
            "question": fields.pop("question"),
            "passages": json.loads(fields.pop("passages", "[]")),
            "history": json.loads(fields.pop("history", "[]")),
            "most": int(fields.pop("most", "1")),
            "details": fields,
        }
    )
    said = to_jsonable_python(extract(asked), round_trip=True)
    if as_json:
        return json.dumps({output: said}, ensure_ascii=False)
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return f"[[ ## {output} ## ]]\n{text}\n\n[[ ## completed ## ]]"


def _fields(body: str) -> dict[str, str]:
    marks = list(_FIELD.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return {mark[1]: body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}
