"""A language model whose answers truly depend on its prompt, for optimizers to work on: no weights, no dice.

It answers as the extractive engine does, or else says something of the last passage, whatever was asked. Which, depends on
how hard the question is (a digit of its hash, 0 to 5) and on its *skill*: 2, and 2 more for each phrase of `HELPS` in its
instructions and for each demo (two at most), and 2 less for each phrase of `HARMS`. So a prompt can be made better, and
worse.

Asked to make a question self-contained, it repeats the question. Asked to write a prompt, it repeats the helpful phrases that
it was shown and adds two phrases, helpful or harmful, that the hash of the request picks.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from quoting_model import quoted

HELPS = (
    "Compare every passage with the question.",
    "Prefer the passage that names what is asked for.",
    "Quote the sentence that answers.",
    "Read to the last passage before you choose.",
)
HARMS = ("Answer in a playful tone.", "Trust the last passage most.")
DIFFICULTIES = 6
_PASSAGES = re.compile(r"(\[\[ ## passages ## \]\]\n)(P1 .*?|\[.*?\])(\n\n\[\[ ## |\n\nRespond)", re.DOTALL)
_LAST = re.compile(r"P\d+ [^\n]*(?:\n\S[^\n]*)*\Z")
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\n(?:All interactions|In adhering)", re.DOTALL)


def answer(body: dict[str, Any]) -> str:
    """Answer a chat as `OllamaServer.script` does."""
    messages = body["messages"]
    system = "\n".join(message["content"] for message in messages if message["role"] == "system")
    asked = messages[-1]["content"]
    if _PASSAGES.search(asked) and "[[ ## question ## ]]" in asked:
        return _answered(system, messages, asked)
    if "`standalone`" in system and "[[ ## history ## ]]" in asked:
        return f"[[ ## standalone ## ]]\n{_field(asked, 'question')}\n\n[[ ## completed ## ]]"
    return _written(system, asked)


def _field(prompt: str, name: str) -> str:
    return prompt.split(f"[[ ## {name} ## ]]")[1].split("[[ ##")[0].split("\n\nRespond")[0].strip()


def skill(system: str, demos: int) -> int:
    """Return how well the model does under some instructions."""
    helps = sum(phrase in system for phrase in HELPS)
    harms = sum(phrase in system for phrase in HARMS)
    return 2 * (1 + helps + min(demos, 2) - harms)


def _answered(system: str, messages: list[dict[str, Any]], asked: str) -> str:
    question = _field(asked, "question")
    demos = sum(message["role"] == "assistant" for message in messages)
    if _digit(question, DIFFICULTIES) >= skill(system, demos):
        passages = _PASSAGES.search(asked)
        assert passages is not None
        last, text = _last_passage(passages[2])
        asked = asked.replace(question, text.split(". ")[0])
        asked = _PASSAGES.sub(lambda found: found[1] + last + found[3], asked)
    return quoted(system, asked)


def _last_passage(passages: str) -> tuple[str, str]:
    """Return the last passage as the prompt has it, and its text."""
    if passages.startswith("["):
        last = json.loads(passages)[-1]
        return json.dumps([last]), last["text"]
    found = _LAST.search(passages)
    assert found is not None
    sentences = re.findall(r"^\[\d+\] (.*)$", found[0], re.MULTILINE)
    return found[0], sentences[0]


def _written(system: str, asked: str) -> str:
    shown = [phrase for phrase in HELPS if phrase in system + asked]
    every = [phrase for phrase in HELPS + HARMS if phrase not in shown]
    first, second = (_digit(turn + system + asked, len(every)) for turn in ("first", "second"))
    text = " ".join(dict.fromkeys([*shown, every[first], every[second]]))
    listed = _OUTPUTS.search(system)
    outputs = re.findall(r"^\d+\. `(\w+)` \((.*?)\)", listed[1] if listed else "", re.MULTILINE)
    values: dict[str, Any] = {}
    for name, kind in outputs:
        modules = re.findall(r"program\.\w+", asked)
        values[name] = dict.fromkeys(modules, text) if kind.startswith("dict") else text
    if "[[ ## completed ## ]]" in system:
        parts = [
            f"[[ ## {name} ## ]]\n{json.dumps(value) if isinstance(value, dict) else value}"
            for name, value in values.items()
        ]
        return "\n\n".join([*parts, "[[ ## completed ## ]]"])
    return json.dumps(values) if values else text


def _digit(text: str, base: int) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % base
