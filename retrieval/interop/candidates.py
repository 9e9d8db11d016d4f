"""What a found passage looks like to a library that knows only an id, a text and a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields

from ..handle import SearchHandle
from ..models.profiles import Profile
from ..passages import Candidate, Metadata

KEY = "quincunx"
"""Where in the metadata lies what the stages thought; it is about one question, not about the passage."""

POSITION = ("document_id", "start", "end")
"""The metadata that says where the passage lies, which tells a model nothing."""


def handle(index: str | Sequence[str] | SearchHandle, profile: str | Profile) -> SearchHandle:
    """Return the handle itself, which keeps the profile that it has, or one of the named indexes.

    Raises:
        BadNameError, BoundError, UnknownIndexError, UnknownProfileError: as `SearchHandle` says.
    """
    return index if isinstance(index, SearchHandle) else SearchHandle(index, profile)


def score(candidate: Candidate) -> float:
    """One over the final rank: 1, ½, ⅓, …

    The only number of a candidate that falls strictly from place to place under all settings: the combined
    order sorts by a sum over this question's candidates, and scores of stages tie where passages are alike.
    """
    return 1.0 / (candidate.final_rank or candidate.fused_rank)


def metadata(candidate: Candidate) -> Metadata:
    """Return the passage's title, where it lies (``place`` is the page or the like, if it has one) and own metadata, and all else of the candidate under `KEY`; all JSON.

    Own metadata of a name that is taken gives way, and is kept under `KEY` as ``shadowed``.
    """
    passage = candidate.passage
    stages: Metadata = {item.name: getattr(candidate, item.name) for item in fields(candidate)}
    del stages["passage"]
    stages |= {"score": score(candidate), "duplicates": list(candidate.duplicates)}
    place = {"title": passage.title, **{name: getattr(passage, name) for name in POSITION}}
    if passage.parts:
        place["place"] = str(passage.parts[0])
    own = deepcopy(passage.metadata)  # open indexes keep passages, and metadata is the reader's to change
    if taken := {name: own.pop(name) for name in (*place, KEY) if name in own}:
        stages["shadowed"] = taken
    return {**place, **own, KEY: stages}
