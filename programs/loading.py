"""The programs by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dspy

from ..retrieval.errors import UnknownProgramError
from ..retrieval.handle import SearchHandle
from ..retrieval.profiles import DEFAULT_PROFILE
from ..retrieval.retriever import Retriever
from ..retrieval.searching import SearchSettings
from ..signatures.astrology_reading import AstrologyReading
from ..signatures.catalyst_precedent import CatalystPrecedents
from ..signatures.chat_bridge import ChatBridge
from ..signatures.resource_search import ResourceSearch
from ..signatures.ticker_fit import TickerFits
from .grounded import GroundedProgram


@dataclass(frozen=True)
class Task:
    """What makes one program differ from the next."""

    signature: type[dspy.Signature]
    index: str
    """The index it searches unless told otherwise: a canon of the demo."""


TASKS = {
    "chat_bridge": Task(ChatBridge, "builddaily"),
    "ticker_fit": Task(TickerFits, "paiddaily"),
    "catalyst_precedent": Task(CatalystPrecedents, "paiddaily"),
    "resource_search": Task(ResourceSearch, "builddaily"),
    "astrology_reading": Task(AstrologyReading, "sagedaily"),
}


def load(
    program: str,
    *,
    index: str | Sequence[str] | SearchHandle | None = None,
    profile: str = DEFAULT_PROFILE,
    settings: SearchSettings | None = None,
    lm: dspy.BaseLM | None = None,
) -> GroundedProgram:
    """Return a program ready to be called.

    Args:
        program: one of ``chat_bridge``, ``ticker_fit``, ``catalyst_precedent``, ``resource_search``,
            ``astrology_reading``.
        index: name of an index in the home folder, or several; the program's own canon if left out.
        profile: the models that made the index.
        settings: how it searches.
        lm: the language model that answers. Left out, the one in ``dspy.context`` does, or else the
            extractive engine.

    Raises:
        UnknownProgramError, UnknownIndexError, UnknownProfileError: a name that is not known.
    """
    if program not in TASKS:
        raise UnknownProgramError(program, TASKS)
    task = TASKS[program]
    retriever = Retriever(task.index if index is None else index, profile=profile, settings=settings)
    loaded = GroundedProgram(program, task.signature, retriever)
    if lm is not None:
        loaded.set_lm(lm)
    return loaded
