"""The programs by name, and those that were compiled and saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dspy

from ..retrieval.errors import UnknownProgramError
from ..retrieval.filters import Filter, field
from ..retrieval.handle import SearchHandle
from ..retrieval.models.profiles import DEFAULT_PROFILE
from ..retrieval.retriever import Retriever
from ..retrieval.settings import SearchSettings
from ..signatures.astrology_reading import AstrologyReading
from ..signatures.catalyst_precedent import CatalystPrecedents
from ..signatures.chat_bridge import ChatBridge
from ..signatures.resource_search import ResourceSearch
from ..signatures.ticker_fit import TickerFits
from .artifact.read import artifact_folder, named_artifacts, read_artifact
from .artifact.save import apply_artifact, search_settings
from .budget import Budget
from .program import GroundedProgram
from .trace import CallRecord


@dataclass(frozen=True)
class Task:
    """What makes one program differ from the next."""

    signature: type[dspy.Signature]
    index: str
    """The index it searches unless told otherwise: a canon of the demo."""
    leaves_out: Filter | None = None
    """Passages that say of themselves that they are another program's, such as catalysts for ticker fit: they are
    never searched, whatever else ``where`` says."""
    decomposes: bool = False
    """Whether its questions may be split into several queries."""


TASKS = {
    "chat_bridge": Task(ChatBridge, "builddaily"),
    "ticker_fit": Task(TickerFits, "paiddaily", field("kind") == "catalyst", decomposes=True),
    "catalyst_precedent": Task(CatalystPrecedents, "paiddaily", field("kind") == "ticker", decomposes=True),
    "resource_search": Task(ResourceSearch, "builddaily"),
    "astrology_reading": Task(AstrologyReading, "sagedaily"),
}


def load(
    program: str | Path,
    *,
    index: str | Sequence[str] | SearchHandle | None = None,
    profile: str | None = None,
    settings: SearchSettings | None = None,
    lm: dspy.BaseLM | None = None,
    queries: int | None = None,
    budget: Budget | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    allow_other_index: bool = False,
) -> GroundedProgram:
    """Return a program ready to be called: one of the five, or one that was compiled and saved.

    Args:
        program: ``chat_bridge``, ``ticker_fit``, ``catalyst_precedent``, ``resource_search``, ``astrology_reading``,
            the name of a saved program, or the folder of one.
        index: name of an index in the home folder, or several; left out, the one the program was saved with,
            or its own canon.
        profile: the models that made the index.
        settings: how it searches; left out, as the program was saved, or the defaults. `Task.leaves_out` is added to
            its filter; an app that wants those passages too sets ``program.retriever.settings`` afterwards.
        lm: the language model that answers. Left out, the one in ``dspy.context`` does, or else the
            extractive engine. It is never read from a saved program.
        queries: how many queries a question is split into at most (``ticker_fit`` and ``catalyst_precedent``); left
            out, as the program was saved, or 1.
        budget: what each call may spend; left out, without bounds.
        on_call: gets a `CallRecord` after every call.
        allow_other_index: accept an index of another embedder than the saved program was compiled with.

    Raises:
        UnknownProgramError, UnknownIndexError, UnknownProfileError: a name that is not known.
        ArtifactError, ArtifactMismatchError: a saved program that is damaged, or made for something else.
    """
    if isinstance(program, str) and program in TASKS:
        loaded = _program(program, index or TASKS[program].index, profile or DEFAULT_PROFILE, settings)
    else:
        artifact = read_artifact(saved_folder(program))
        saved = artifact.retrieval
        loaded = _program(
            artifact.program,
            index or [entry.name for entry in saved.indexes],
            profile or saved.profile,
            settings,
        )
        if settings is None:
            loaded.retriever.settings = search_settings(artifact)
        apply_artifact(loaded, artifact, allow_other_index=allow_other_index)
        loaded.adapter = dspy.JSONAdapter() if artifact.adapter == "json" else dspy.ChatAdapter()
        loaded.queries = artifact.queries
    if lm is not None:
        loaded.set_lm(lm)
    if queries is not None:
        loaded.queries = queries
    if budget is not None:
        loaded.budget = budget
    if on_call is not None:
        loaded.on_call.add(on_call)
    return loaded


def _program(
    name: str, index: str | Sequence[str] | SearchHandle, profile: str, settings: SearchSettings | None
) -> GroundedProgram:
    task = TASKS[name]
    if task.leaves_out is not None:
        settings = settings or SearchSettings()
        where = ~task.leaves_out if settings.where is None else settings.where & ~task.leaves_out
        settings = replace(settings, where=where)
    retriever = Retriever(index, profile=profile, settings=settings)
    return GroundedProgram(name, task.signature, retriever, decomposes=task.decomposes)


def saved_folder(program: str | Path) -> Path:
    """Return the folder of a saved program, given its name or the folder itself."""
    if isinstance(program, Path) or os.sep in program:
        return Path(program)
    if program not in named_artifacts():
        raise UnknownProgramError(program, [*TASKS, *named_artifacts()])
    return artifact_folder(program)
