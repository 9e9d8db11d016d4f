"""Searches, answers, and what a stream tells on the way to one, as JSON values that hold all an app gets in process."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from ..programs.answer import Answer
from ..programs.events import CheckedSentence, Cited, Done, Event, Passages
from ..retrieval.passages import Candidate, Passage
from ..retrieval.search import SearchResult
from ..retrieval.settings import SearchSettings


def search_as_json(index: str, found: SearchResult, settings: SearchSettings) -> dict[str, Any]:
    """Return what a search of an index, or of several joined by commas, found."""
    return {
        "index": index,
        "question": found.question,
        "k": settings.k,
        "n": settings.n,
        "where": None if settings.where is None else str(settings.where),
        "generations": dict(found.generations),
        "notes": list(found.notes),
        "near_words": {word: list(names) for word, names in found.near_words.items()},
        "precision": None if found.precision is None else found.precision.as_dict(),
        "passages": [passage_as_json(passage) for passage in found.passages],
        "candidates": [candidate_as_json(candidate) for candidate in found.candidates],
    }


def passage_as_json(passage: Passage) -> dict[str, Any]:
    """Return a passage; its metadata are those of the passage itself, not a copy, which for 25 passages costs 1 ms."""
    return {**_fields(passage), "parts": [asdict(part) for part in passage.parts]}


def candidate_as_json(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate with its passage, and its rank and score at every stage."""
    return {
        "id": candidate.passage.id,
        **_fields(candidate),
        "passage": passage_as_json(candidate.passage),
        "duplicates": list(candidate.duplicates),
    }


def _fields(item: Any) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item)}


def answer_as_json(answer: Answer) -> dict[str, Any]:
    """Return an answer: its `record`, with passages and candidates whole, and the seconds that each stage took."""
    return {
        **answer.record(),
        "passages": [passage_as_json(passage) for passage in answer.passages],
        "candidates": [candidate_as_json(candidate) for candidate in answer.candidates],
        "generations": dict(answer.search.generations),
        "near_words": {word: list(names) for word, names in answer.search.near_words.items()},
        "seconds": dict(answer.seconds),
    }


def event_as_json(event: Event) -> dict[str, Any]:
    """Return an event of a stream; its ``type`` says which."""
    record: dict[str, Any]
    if isinstance(event, Passages):
        record = {
            "passages": [passage_as_json(passage) for passage in event.passages],
            "candidates": [candidate_as_json(candidate) for candidate in event.candidates],
        }
    elif isinstance(event, CheckedSentence):
        record = {"claim": event.claim.model_dump()}
    elif isinstance(event, Cited):
        record = {"citation": event.citation.model_dump()}
    elif isinstance(event, Done):
        record = {"answer": answer_as_json(event.answer)}
    else:
        record = asdict(event)
    return {"type": event.type, **record}
