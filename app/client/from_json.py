"""Answers, searches and events of JSON values: what `as_json` makes, the other way round.

What a service does not tell is left empty: the orders of the dense and of the lexical stage hold the candidates alone, and a
search's documents are not there, for its passages came with their neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from ...programs.answer import Answer
from ...programs.budget import Usage
from ...programs.check.claims import Dropped
from ...programs.check.forms import empty_output
from ...programs.events import CheckedSentence, Cited, Done, Event, Failed, Passages, Status, Token
from ...programs.registry import program_names, program_spec
from ...retrieval.errors import ServiceError
from ...retrieval.models.precision.choice import FormatTrial, PrecisionReport
from ...retrieval.models.precision.fidelity import Fidelity
from ...retrieval.passages import Candidate, Passage
from ...retrieval.search import SearchResult
from ...signatures.evidence import Citation, Claim
from .output_view import view_output
from .parts_from_json import candidate_from_json, passage_from_json
from .understood import understood

Schemas = Mapping[str, Mapping[str, Any]]
"""The schema of an output by the name of its program, of programs that are not known here."""
Stage = Literal["dense", "lexical"]


@dataclass(frozen=True)
class ServedSearchResult(SearchResult):
    """What a search of a service found: its passages are those that it gave."""

    given: tuple[Passage, ...] = ()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The n that were kept, in final order, with their neighbours."""
        return self.given


@understood()
def needs_schemas(told: Mapping[str, Any]) -> bool:
    """Tell whether an answer, several, or an event that holds one is of a program that is not known here."""
    answers = told.get("answers", [told.get("answer", told)])
    return any("program" in answer and answer["program"] not in program_names() for answer in answers)


@understood()
def search_from_json(told: Mapping[str, Any]) -> SearchResult:
    """Return the search that `search_as_json` tells."""
    passages = tuple(map(passage_from_json, told["passages"]))
    candidates = tuple(map(candidate_from_json, told["candidates"]))
    return _search(told, told["question"], (), told["n"], passages, candidates)


@understood()
def answer_from_json(told: Mapping[str, Any], schemas: Schemas) -> Answer:
    """Return the answer that `answer_as_json` tells; where the service gave it an ``id``, it has that too.

    Raises:
        ServiceError: the output is not that of the program of that name here.
    """
    passages = tuple(map(passage_from_json, told["passages"]))
    candidates = tuple(map(candidate_from_json, told["candidates"]))
    question, *queries = told["searched"]
    search = _search(told, question, tuple(queries), len(passages), passages, candidates)
    plain = (
        "program",
        "index",
        "question",
        "details",
        "searched",
        "engine",
        "answered",
        "refusal",
        "left_out",
    )
    return Answer(
        **{name: told[name] for name in plain},
        id=told.get("id", ""),
        output=_output(told["program"], told["output"], told["answered"], schemas),
        citations=[Citation.model_validate(citation) for citation in told["citations"]],
        dropped=[Dropped(**dropped) for dropped in told["dropped"]],
        passages=list(passages),
        candidates=list(candidates),
        search=search,
        usage=Usage(**told["usage"]),
        seconds=dict(told["seconds"]),
        notes=list(told["notes"]),
    )


@understood()
def outcomes_from_json(told: Mapping[str, Any], schemas: Schemas) -> list[Answer | Failed]:
    """Return several answers, and why there is none in the place of one."""
    return [
        Failed(entry["code"], entry["message"])
        if entry.get("type") == "error"
        else answer_from_json(entry, schemas)
        for entry in told["answers"]
    ]


@understood()
def event_from_json(told: Mapping[str, Any], schemas: Schemas) -> Event:
    """Return the event that `event_as_json` tells.

    Raises:
        ServiceError: a type that is not known here.
    """
    kind = told["type"]
    if kind == "status":
        return Status(told["stage"])
    if kind == "passages":
        return Passages(
            tuple(map(passage_from_json, told["passages"])),
            tuple(map(candidate_from_json, told["candidates"])),
        )
    if kind == "token":
        return Token(told["text"])
    if kind == "sentence":
        return CheckedSentence(Claim.model_validate(told["claim"]))
    if kind == "citation":
        return Cited(Citation.model_validate(told["citation"]))
    if kind == "done":
        return Done(answer_from_json(told["answer"], schemas))
    if kind == "error":
        return Failed(told["code"], told["message"])
    raise ServiceError(
        f"the service tells of {kind!r}, which is not known here: use the version that it runs"
    )


def _search(
    told: Mapping[str, Any],
    question: str,
    queries: tuple[str, ...],
    n: int,
    passages: tuple[Passage, ...],
    candidates: tuple[Candidate, ...],
) -> SearchResult:
    return ServedSearchResult(
        question=question,
        generations=dict(told["generations"]),
        candidates=candidates,
        dense=_by_rank(candidates, "dense"),
        lexical=_by_rank(candidates, "lexical"),
        n=n,
        notes=tuple(told["notes"]),
        queries=queries,
        near_words={word: tuple(names) for word, names in told["near_words"].items()},
        precision=_precision(told.get("precision")),
        seconds=dict(told.get("seconds", {})),
        given=passages,
    )


def _by_rank(candidates: tuple[Candidate, ...], stage: Stage) -> tuple[Passage, ...]:
    ranked = [(getattr(candidate, f"{stage}_rank"), candidate.passage) for candidate in candidates]
    found = sorted((pair for pair in ranked if pair[0] is not None), key=lambda pair: int(pair[0]))
    return tuple(passage for _, passage in found)


def _precision(told: Mapping[str, Any] | None) -> PrecisionReport | None:
    if told is None:
        return None
    measured = told["precision"] != "fp32" and told["speed"] is not None and told["fidelity"] is not None
    trial = {told["precision"]: FormatTrial(told["speed"], Fidelity(**told["fidelity"]))} if measured else {}
    return PrecisionReport(told["precision"], told["forced"], trial)


def _output(program: str, told: Any, answered: bool, schemas: Schemas) -> Any:
    if program not in program_names():
        return view_output(told, schemas.get(program, {}))
    wanted = program_spec(program).output_type
    empty = empty_output(wanted)
    if not answered and told == to_jsonable_python(empty):
        return empty  # which need not keep to the bounds of its fields
    try:
        return TypeAdapter(wanted).validate_python(told)
    except ValidationError as error:
        raise ServiceError(
            f"the output of program {program!r} is not that of the program of that name here: use the version that the "
            "service runs"
        ) from error
