"""Gold sets, metrics and reports: how good retrieval and answers are, where they lose, and how prompts get better.

The names below are loaded when first used. `compare` and `gate` are in the modules of their names.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "Caps",
    "Price",
    "advise",
    "evaluate_answers",
    "evaluate_retrieval",
    "open_run",
    "optimize",
    "tune_reranker",
]  # loaded by __getattr__

_HOMES = {
    "Caps": ".optimise.spending",
    "Price": ".prices",
    "advise": ".tune.advice",
    "evaluate_answers": ".evaluate",
    "evaluate_retrieval": ".evaluate",
    "open_run": ".results",
    "optimize": ".optimise.run",
    "tune_reranker": ".tune.reranker",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
