"""Language models by name."""

from __future__ import annotations

from typing import Any

import dspy


def lm(model: str, **settings: Any) -> dspy.LM:
    """Return a language model for `load` or ``dspy.context``.

    ``extractive`` is the engine that quotes the passages in its prompt and generates nothing. Any other name is
    handed to `dspy.LM` as it is.
    """
    if model == "extractive":
        from .extractive.engine import MODEL, AsyncExtractiveEngine, ExtractiveEngine

        engine = ExtractiveEngine()
        # Nothing is saved by caching what is computed here, and DSPy's cache key would not know the engine.
        return dspy.LM(
            MODEL, engine=engine, async_engine=AsyncExtractiveEngine(engine), cache=False, **settings
        )
    return dspy.LM(model, **settings)
