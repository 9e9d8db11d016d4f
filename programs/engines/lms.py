"""Language models by name, and what their errors come from."""

from __future__ import annotations

from typing import Any

import dspy

from ...retrieval.errors import QuincunxError, UsageError


def lm(model: str, **settings: Any) -> dspy.LM:
    """Return a language model for `load` or ``dspy.context``.

    ``extractive`` is the engine that quotes the passages in its prompt and generates nothing.
    ``ollama/<model>`` is asked through `OllamaEngine`; beside the settings of `dspy.LM` (``temperature``,
    ``max_tokens``, …) it takes ``host``, ``timeout_s``, ``num_ctx``, ``keep_alive``, ``retries``,
    ``backoff_s`` and ``count_tokens``. Any other name is handed to `dspy.LM` as it is.
    """
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
