"""Three sentences in two passages that every question finds, and a program of one's own to ask about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import dspy
from scripted import Scripted, scripted

from quincunx.programs.answer import Answer
from quincunx.programs.program import GroundedProgram
from quincunx.programs.prompt.rules import Cites
from quincunx.programs.spec import ProgramSpec
from quincunx.retrieval.passages import Passage
from quincunx.retrieval.search import SearchResult
from quincunx.signatures.evidence import Evidence


class Fixed:
    """Finds the same passages for every question."""

    handle = SimpleNamespace(index="fixed", second_stage=None)

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)

    def __call__(self, question: str, queries: Sequence[str] = ()) -> dspy.Prediction:
        search = SearchResult(question, {"fixed": 1}, (), (), (), 5)
        return dspy.Prediction(passages=self.passages, candidates=[], search=search)


SKY, GRASS, SNOW = "The sky is blue today.", "Grass is green in May.", "Snow is white in winter."
FOUND = [
    Passage("p0", "p0", "Sky", f"{SKY} {GRASS}", 0, len(SKY) + len(GRASS) + 1, {}),
    Passage("7", "7", "Snow", SNOW, 0, len(SNOW), {}),
]


def signature(output: Any, **inputs: Any) -> type[dspy.Signature]:
    fields: dict[str, Any] = {
        "question": (str, dspy.InputField()),
        "passages": (list[Evidence], dspy.InputField()),
        **{name: (kind, dspy.InputField()) for name, kind in inputs.items()},
        "output": (output, dspy.OutputField()),
    }
    made: type[dspy.Signature] = dspy.Signature(fields, "Answer from the passages.")
    return made


def asked(
    output: Any, reply: Any, cites: Cites = "numbers", adapter: dspy.Adapter | None = None, **inputs: Any
) -> tuple[Answer, Scripted]:
    """Ask a program with this output a model that replies so; return the answer, and the model's engine."""
    program = GroundedProgram(ProgramSpec("mine", signature(output, **inputs)), cast(Any, Fixed(FOUND)))
    program.cites, program.adapter = cites, adapter
    lm, engine = scripted(lambda _: reply if isinstance(reply, str) else json.dumps(reply))
    program.set_lm(lm)
    return program(question="What colour?", **dict.fromkeys(inputs, "plain")), engine
