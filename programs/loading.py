"""Loading a program by its name, or one that was compiled and saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import dspy

from ..retrieval.arguments import require_type
from ..retrieval.errors import UsageError
from ..retrieval.handle import SearchHandle
from ..retrieval.models.profiles import DEFAULT_PROFILE, Profile
from ..retrieval.retriever import Retriever
from ..retrieval.settings import SearchSettings, require_settings
from ..retrieval.storage.home import saved_index
from .artifact.read import read_artifact, saved_folder
from .artifact.save import apply_artifact, search_settings
from .artifact.schema import RetrievalRecord
from .budget import Budget
from .program import BUDGET, GroundedProgram
from .prompt.rules import Cites
from .registry import program_names, program_spec
from .spec import ProgramSpec
from .trace import CallRecord


def load(
    program: str | Path,
    *,
    index: str | Sequence[str] | SearchHandle | None = None,
    profile: str | Profile | None = None,
    settings: SearchSettings | None = None,
    lm: dspy.BaseLM | str | None = None,
    queries: int | None = None,
    cites: Cites | None = None,
    budget: Budget | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    allow_other_index: bool = False,
) -> GroundedProgram:
    """Return a program ready to be called, by its name: one of `program_names`, or one that was compiled and saved.

    Args:
        program: ``chat_bridge``, ``ticker_fit``, ``catalyst_precedent``, ``resource_search``, ``astrology_reading``,
            one of your own that was added, the name of a saved program, or the folder of one.
        index: name of an index in the home folder, or several; left out, the one the program was saved with (also one
            that `optimize` built of a gold set), or that of its `ProgramSpec`.
        profile: the models that made the index.
        settings: how it searches; left out, as the program was saved, or the defaults. `ProgramSpec.leaves_out` is added to
            its filter; an app that wants those passages too sets ``program.retriever.settings`` afterwards.
        lm: the language model that answers, or the name of one as `quincunx.lm` takes it; the program keeps it through
            DSPy's optimizers and copies. Left out, the one in ``dspy.context`` does, or else the extractive engine,
            with a warning. It is never read from a saved program.
        queries: how many queries a question is split into at most (``ticker_fit`` and ``catalyst_precedent``); left
            out, as the program was saved, or 1.
        cites: whether the language model cites the ``numbers`` of sentences or ``quotes`` their words; left out, as the
            program was saved, or numbers.
        budget: what each call may spend; left out, without bounds.
        on_call: gets a `CallRecord` after every call.
        allow_other_index: accept an index of another embedder than the saved program was compiled with.

    Raises:
        UsageError: an argument of a wrong type.
        UnknownProgramError, UnknownIndexError, UnknownProfileError: a name that is not known.
        ArtifactError, ArtifactMismatchError: a saved program that is damaged, or made for something else.

    Example:
        >>> program = quincunx.load("chat_bridge")
        >>> program(question="What is Sage Daily?").citations[0].passage_id
        'bd-sage-daily'
        >>> quincunx.load("chat_brige")
        Traceback (most recent call last):
        quincunx.retrieval.errors.UnknownProgramError: unknown program 'chat_brige'...
    """
    if isinstance(program, str) and program in program_names():
        spec = program_spec(program)
        loaded = _program(
            spec,
            _own_index(spec) if index is None else index,
            DEFAULT_PROFILE if profile is None else profile,
            settings,
        )
    else:
        artifact = read_artifact(saved_folder(program))
        saved = artifact.retrieval
        loaded = _program(
            program_spec(artifact.program),
            _saved_handle(saved, profile) if index is None else index,
            saved.profile if profile is None else profile,
            settings,
        )
        if settings is None:
            loaded.retriever.settings = search_settings(artifact)
        apply_artifact(loaded, artifact, allow_other_index=allow_other_index)
        loaded.adapter = {"json": dspy.JSONAdapter(), "chat": dspy.ChatAdapter()}.get(artifact.adapter)
        loaded.queries, loaded.cites = artifact.queries, artifact.cites
    if lm is not None:
        loaded.set_lm(lm)
    if queries is not None:
        loaded.queries = queries
    if cites is not None:
        loaded.cites = cites
    if budget is not None:
        require_type("budget", budget, Budget, BUDGET)
        loaded.budget = budget
    if on_call is not None:
        loaded.on_call.add(on_call)
    return loaded


def _saved_handle(saved: RetrievalRecord, profile: str | Profile | None) -> SearchHandle:
    """Return the indexes that a program was saved with; those of an optimisation lie in its run's folder."""
    names = [saved_index(entry.name) for entry in saved.indexes]
    return SearchHandle(names, saved.profile if profile is None else profile)


def _own_index(spec: ProgramSpec) -> str:
    if spec.index is None:
        raise UsageError(f"program {spec.name} has no index of its own: name one, such as index='handbook'")
    return spec.index


def _program(
    spec: ProgramSpec,
    index: str | Sequence[str] | SearchHandle,
    profile: str | Profile,
    settings: SearchSettings | None,
) -> GroundedProgram:
    if spec.leaves_out is not None:
        settings = require_settings(settings)
        kept = ~spec.leaves_out.optional()
        where = kept if settings.where is None else settings.where & kept
        settings = replace(settings, where=where)
    return GroundedProgram(spec, Retriever(index, profile=profile, settings=settings))
