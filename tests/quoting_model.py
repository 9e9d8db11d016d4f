"""A language model that reads DSPy's prompts and answers as the extractive engine would, in the form that was asked for."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from quincunx.programs.engines.extractive.engine import TypedInputs, extract
from quincunx.programs.prompt.citing import prompt_signature
from quincunx.programs.prompt.reply_types import asked_fields
from quincunx.programs.registry import program_names, program_spec
from quincunx.signatures.evidence import Claim, Pointer

_RESPOND_CHAT = "Respond with the corresponding output fields, starting with the field "
_RESPOND_JSON = "Respond with a JSON object in the following order of fields: "
_NAMED = re.compile(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`")
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n", re.MULTILINE)
_FORM = re.compile(r"and nothing else:\n(\{.*\})\n")
_PASSAGE = re.compile(r"^P\d+ ")
_SENTENCE = re.compile(r"^\[(\d+)\] (.*)$")


@lru_cache(maxsize=10_000)
def quoted(system: str, asked: str) -> str:
    """Answer a prompt in whatever form it asks for; a pure function of its first and last message, so each is read once."""
    return numbered(system, asked) if _FORM.search(system) else in_quotes(asked)


def answer_chat(body: dict[str, Any]) -> str:
    """Answer a chat as `OllamaServer.script` does."""
    system = "\n".join(message["content"] for message in body["messages"] if message["role"] == "system")
    return quoted(system, body["messages"][-1]["content"])


def numbered(system: str, asked: str) -> str:
    """Answer a prompt of the compact form, citing numbers."""
    form = _FORM.search(system)
    assert form is not None
    wanted = list(json.loads(form[1]))
    fields = _fields(asked)
    passages, sentences = _read_passages(fields.pop("passages", ""))
    spec = next(
        spec
        for spec in map(program_spec, program_names())
        if list(_asked(spec.signature).output_fields) == wanted
    )
    said = extract(
        TypedInputs.model_validate(
            {
                "program": spec.name,
                "output": spec.output_field,
                "question": fields.pop("question"),
                "passages": passages,
                "history": json.loads(fields.pop("history", "[]")),
                "details": fields,
            }
        )
    )
    return json.dumps(_with_numbers(said, sentences), ensure_ascii=False)


def _asked(signature: Any) -> Any:
    """Return a signature as a prompt of the compact form words it."""
    return prompt_signature(signature, "numbers")


def _read_passages(text: str) -> tuple[list[dict[str, Any]], dict[tuple[str, str], int]]:
    """Return the passages as evidence whose ids are their labels, and the number of each (label, sentence)."""
    passages: list[dict[str, Any]] = []
    sentences: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        if _PASSAGE.match(line):
            label, _, title = line.partition(" ")
            about = {}
            before, _, listed = title.removesuffix(")").rpartition(" (")
            if title.endswith(")") and all(": " in pair for pair in listed.split("; ")):
                title, about = before, dict(pair.split(": ", 1) for pair in listed.split("; "))
            passages.append({"id": label, "title": title, "text": "", "about": about})
        elif found := _SENTENCE.match(line):
            passages[-1]["text"] += f"{found[2]}\n\n"
            sentences[passages[-1]["id"], found[2]] = int(found[1])
    return passages, sentences


def _with_numbers(value: Any, sentences: dict[tuple[str, str], int]) -> Any:
    """Return an output as a reply with numbers, as JSON values."""
    if isinstance(value, Claim):
        numbers = [
            number
            for citation in value.citations
            for (label, text), number in sentences.items()
            if label == citation.passage_id and citation.quote in text
        ]
        return {"text": value.text, "cites": numbers}
    if isinstance(value, Pointer):
        return value.passage_id
    if isinstance(value, list):
        return [_with_numbers(entry, sentences) for entry in value]
    if isinstance(value, BaseModel):
        return {name: _with_numbers(getattr(value, name), sentences) for name, _ in asked_fields(type(value))}
    return value


def in_quotes(prompt: str) -> str:
    """Answer a prompt of DSPy's chat or JSON adapter."""
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
