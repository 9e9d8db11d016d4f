"""DSPy programs with retrieval built in: twenty candidates in, five passages out, answers that were checked.

The names below are loaded when first used, so that importing quincunx costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .programs.answer import Answer
    from .programs.engines.lms import lm
    from .programs.loading import load
    from .retrieval.errors import QuincunxError
    from .retrieval.index.manage import build_index
    from .retrieval.passages import Candidate, Passage
    from .retrieval.retriever import Retriever
    from .retrieval.settings import SearchSettings

__all__ = [
    "Answer",
    "Candidate",
    "Passage",
    "QuincunxError",
    "Retriever",
    "SearchSettings",
    "build_index",
    "lm",
    "load",
]

_HOMES = {
    "Answer": ".programs.answer",
    "Candidate": ".retrieval.passages",
    "Passage": ".retrieval.passages",
    "QuincunxError": ".retrieval.errors",
    "Retriever": ".retrieval.retriever",
    "SearchSettings": ".retrieval.settings",
    "build_index": ".retrieval.index.manage",
    "lm": ".programs.engines.lms",
    "load": ".programs.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
