"""Language models by name, and what their errors come from."""

from __future__ import annotations

import functools
import threading
import weakref
from typing import Any

import dspy

from ...retrieval.arguments import require_type
from ...retrieval.errors import QuincunxError, UsageError
from ...retrieval.processes import after_fork_in_child
from ...retrieval.quiet import keep_prices_offline

keep_prices_offline()  # before the first call of any language model

_asked: weakref.WeakValueDictionary[int, dspy.LM] = weakref.WeakValueDictionary()
_left_to_parent: list[Any] = []
"""Clients of the parent process: to close them here is not a child's business."""


def lm(model: str, **settings: Any) -> dspy.LM:
    """Return a language model for `load` or ``dspy.context``.

    ``extractive`` is the engine that quotes the passages in its prompt and generates nothing.
    ``ollama/<model>`` is asked through `OllamaEngine`; beside the settings of `dspy.LM` (``temperature``,
    ``max_tokens``, …) it takes ``host``, ``timeout_s``, ``num_ctx``, ``keep_alive``, ``retries``,
    ``backoff_s`` and ``count_tokens``. Any other name is handed to `dspy.LM` as it is.

    Raises:
        UsageError: a setting or a name of which no language model can be made.

    Example:
        >>> quincunx.lm("extractive").model
        'extractive/all-MiniLM-L6-v2'
        >>> quincunx.lm("openai/gpt-4o-mini", temperature=0.0).kwargs["temperature"]
        0.0
    """
    require_type("model", model, str, "a name, such as 'openai/gpt-4o-mini' or 'ollama/llama3.2'")
    if model == "extractive":
        from .extractive.engine import MODEL, AsyncExtractiveEngine, ExtractiveEngine

        engine = ExtractiveEngine()
        # Nothing is saved by caching what is computed here, and DSPy's cache key would not know the engine.
        return dspy.LM(
            MODEL, engine=engine, async_engine=AsyncExtractiveEngine(engine), cache=False, **settings
        )
    if model.startswith("ollama/"):
        from .ollama_engine import ollama_lm

        return ollama_lm(model, **settings)
    try:
        return dspy.LM(model, **settings)
    except (ValueError, TypeError) as error:
        raise UsageError(f"no language model can be made of {model!r} and {settings}: {error}") from error


def require_lm(given: object) -> dspy.BaseLM:
    """Return the language model that an app named or set; raises `UsageError` for what is none."""
    if isinstance(given, str):
        return lm(given)
    require_type(
        "lm", given, dspy.BaseLM, "a language model of DSPy, or the name of one such as 'ollama/llama3.2'"
    )
    return given


class ForwardingEngine:
    """An engine of a language model that answers nothing itself, and hands on what it is asked to another one."""

    def __init__(self, asked: dspy.LM) -> None:
        self.asked = asked


def asked_in_the_end(lm: Any) -> Any:
    """Return the language model that answers: another one, where the engine only hands on."""
    engine = getattr(lm, "engine", None)
    return asked_in_the_end(engine.asked) if isinstance(engine, ForwardingEngine) else lm


@functools.cache
def extractive_lm() -> dspy.LM:
    """Return the extractive engine that answers where no language model is set, the same for all programs."""
    return lm("extractive")


def keep_connections_apart(lm: Any) -> None:
    """See to it that a child forked later asks this language model over connections of its own.

    DSPy's clients keep connections open, and of two processes that share one, each gets answers to the other's questions.
    """
    if isinstance(lm, dspy.LM):
        _asked[id(lm)] = lm


def _drop_connections() -> None:
    for lm in list(_asked.values()):
        _left_to_parent.extend(lm._engine_store.values())
        lm._engine_store.clear()
        lm._engine_lock = threading.RLock()
    if "cache" in vars(dspy):
        dspy.cache._lock = threading.RLock()


after_fork_in_child(_drop_connections)


def typed_cause(error: BaseException) -> QuincunxError | None:
    """Return the typed error that an error of DSPy was raised from, or None: the error itself counts too."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, QuincunxError):
            return cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return None
