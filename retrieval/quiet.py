"""Libraries write no bars and no notices of their own to stderr, and fetch nothing that nobody asked for.

What is turned off is turned off for this package's own calls; what an app sets for itself stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import ERROR
from typing import Any

from .environment import set_default, unset

TOKENIZERS = "TOKENIZERS_PARALLELISM"
PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"


@contextmanager
def without_bars() -> Iterator[None]:
    """Load, train or write a model without the bars and reports of transformers; its errors are still logged."""
    from transformers.utils import logging

    def disabled(bar: Callable[..., Any], given: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return bar(*given, **{**options, "disable": True})

    hook, verbosity = logging.set_tqdm_hook(disabled), logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        logging.set_tqdm_hook(hook)
        logging.set_verbosity(verbosity)


def keep_prices_offline() -> None:
    """Let DSPy read the prices of models that it comes with, instead of fetching newer ones at its first call.

    An app that wants the newer ones sets ``LITELLM_LOCAL_MODEL_COST_MAP=false``.
    """
    set_default(PRICES, "true")


class _ForkNotice:
    """Says before a fork what tokenizers would decide after it, with a notice on stderr: no threads in the child."""

    def __init__(self) -> None:
        self._added = False

    def before(self) -> None:
        self._added = set_default(TOKENIZERS, "false")

    def after_in_parent(self) -> None:
        if self._added:
            unset(TOKENIZERS)


_NOTICE = _ForkNotice()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_NOTICE.before, after_in_parent=_NOTICE.after_in_parent)
