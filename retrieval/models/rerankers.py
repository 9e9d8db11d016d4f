"""Second-stage models: a question and its candidates in, one score for each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import ModelOutputError

Scores = npt.NDArray[np.float32]
"""Shape (passages,), higher is better, comparable within one question only."""


class Reranker(Protocol):
    """What retrieval asks of a second-stage model. Implementations are safe to share across threads."""

    @property
    def name(self) -> str: ...

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        """Score each passage against the question; finite raw scores, in the order given."""
        ...


def require_scores(scores: Scores, count: int, name: str) -> Scores:
    """Return ``scores`` when they are ``count`` finite numbers; raise `ModelOutputError` if not."""
    if scores.shape != (count,):
        raise ModelOutputError(f"{name} returned scores of shape {scores.shape}, expected {(count,)}")
    if not np.all(np.isfinite(scores)):
        raise ModelOutputError(
            f"{name} returned a score that is not finite for passage {int(np.argmin(np.isfinite(scores)))}"
        )
    return scores
