"""An answer of a service as far as it is shown: DSPy and the search are not loaded for it, as for `quincunx.Answer`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...retrieval.passages import Candidate, Passage
from ...signatures.evidence import Citation
from .output_view import view_output
from .parts_from_json import candidate_from_json, passage_from_json


@dataclass(frozen=True)
class DroppedPart:
    """What the check took out of a model's answer."""

    where: str
    reason: str


@dataclass(frozen=True)
class ServedAnswer:
    """The attributes of `quincunx.Answer` that are shown, under the same names."""

    program: str
    index: str
    question: str
    engine: str
    answered: bool
    refusal: str | None
    output: Any
    citations: list[Citation]
    dropped: list[DroppedPart]
    passages: list[Passage]
    candidates: list[Candidate]
    notes: list[str]


def served_answer(told: Mapping[str, Any], schema: Mapping[str, Any]) -> ServedAnswer:
    """Return the answer that `answer_as_json` tells, its output read by the program's schema."""
    plain = ("program", "index", "question", "engine", "answered", "refusal", "notes")
    return ServedAnswer(
        **{name: told[name] for name in plain},
        output=view_output(told["output"], schema),
        citations=[Citation.model_validate(citation) for citation in told["citations"]],
        dropped=[DroppedPart(dropped["where"], dropped["reason"]) for dropped in told["dropped"]],
        passages=[passage_from_json(passage) for passage in told["passages"]],
        candidates=[candidate_from_json(candidate) for candidate in told["candidates"]],
    )
