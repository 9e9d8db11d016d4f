"""Passages, candidates and citations of JSON values; no library is loaded for them but pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...retrieval.passages import Candidate, Part, Passage


def passage_from_json(told: Mapping[str, Any]) -> Passage:
    """Return the passage that `search_as_json` and `answer_as_json` tell."""
    return Passage(**{**told, "parts": tuple(Part(**part) for part in told["parts"])})


def candidate_from_json(told: Mapping[str, Any]) -> Candidate:
    """Return the candidate that `candidate_as_json` tells."""
    values = {name: value for name, value in told.items() if name != "id"}
    values |= {"passage": passage_from_json(told["passage"]), "duplicates": tuple(told["duplicates"])}
    return Candidate(**values)
