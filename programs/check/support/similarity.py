"""How near a claim is to the sentences that it cites, by the models that a profile has, and the least that is enough.

A score of nearness tells what a sentence is about, and little more: a claim turned into its opposite is as near to it as a
true one. It finds claims whose sentences are about something else; names, numbers and the words that turn the sense are
for the other layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from ....retrieval.models.cache import CachedReranker, unwrapped
from ....retrieval.processes import working
from .cited import Case, Fault

if TYPE_CHECKING:
    from ....retrieval.models.late_interaction import LateInteractionReranker
    from ....retrieval.models.rerankers import Reranker

Vectors = npt.NDArray[np.float32]

LEAST_SUPPORT = {
    # With the other layers, from no bound to this one, 248 instead of 245 of 287 unsupported claims are found and 9 instead of
    # 8 of 289 supported ones dropped (eval/claims train and dev, and 140 written apart from the rules); at .44, 254 and 17.
    "maxsim-words(sentence-transformers/all-MiniLM-L6-v2)": 0.30,
}
"""By a model's name, the least score of a supported claim. Chosen on `eval/claims/train.jsonl`; a model without a row is
not asked."""


class SupportModel(Protocol):
    """Scores how well sentences support a claim: the more, the better; on a scale of its own."""

    @property
    def name(self) -> str: ...

    def __call__(self, claim: str, sentences: Sequence[str]) -> float: ...


class TokenSupport:
    """Nearness by token vectors: half the cosine of the means, half MaxSim to and fro; the best of the sentences.

    MaxSim (Khattab and Zaharia 2020) to and fro: for each token of the one text its best cosine in the other, averaged, as
    BERTScore does (Zhang et al. 2020). To: over all sentences together; fro: for the sentence that the claim covers best.
    """

    def __init__(self, reranker: LateInteractionReranker, remembering: CachedReranker | None = None) -> None:
        """``remembering``: what remembers the scores of that reranker, if anything does."""
        self.name = reranker.name
        self._reranker, self._remembering = reranker, remembering

    def __call__(self, claim: str, sentences: Sequence[str]) -> float:
        if self._remembering is None:
            return self._nearness(claim, sentences)
        return self._remembering.remembered(
            "support", [claim, *sentences], lambda: self._nearness(claim, sentences)
        )

    def _nearness(self, claim: str, sentences: Sequence[str]) -> float:
        said, *cited = self._reranker.token_vectors([claim, *sentences])
        with working():
            cosine = max(float(_mean(said) @ _mean(vectors)) for vectors in cited)
            # (claim tokens, sentence tokens) of each sentence, without the tokens that mark the ends
            tables = [said[1:-1] @ vectors[1:-1].T for vectors in cited]
        to = np.max([table.max(axis=1) for table in tables], axis=0).mean()
        fro = max(table.max(axis=0).mean() for table in tables)
        return float(cosine / 2 + (to + fro) / 4)


class PairSupport:
    """A cross-encoder's raw score of claim and sentence: the best of the sentences."""

    def __init__(self, reranker: Reranker) -> None:
        self.name = reranker.name
        self._reranker = reranker

    def __call__(self, claim: str, sentences: Sequence[str]) -> float:
        return float(self._reranker.score(claim, sentences).max())


def support_model(reranker: Reranker | None) -> SupportModel | None:
    """Return the model of support that a profile's second stage makes; ``None`` where it has none."""
    from ....retrieval.models.late_interaction import LateInteractionReranker

    if reranker is None:
        return None
    model = unwrapped(reranker)
    if not isinstance(model, LateInteractionReranker):
        return PairSupport(reranker)
    return TokenSupport(model, reranker if isinstance(reranker, CachedReranker) else None)


def find_low_support(case: Case, model: SupportModel) -> Fault | None:
    """Return a fault where a claim is farther from what it cites than supported claims are."""
    least = LEAST_SUPPORT.get(model.name)
    sentences = [text for text in case.sentences if text.strip()]
    # A claim of its sentences' own words alone is near enough, however short it is.
    if least is None or not sentences or case.says_nothing_new:
        return None
    score = model(case.claim, sentences)
    if score >= least:
        return None
    return Fault("low_support", f"it scores {score:.2f} of the {least:.2f} at least that support takes")


def _mean(vectors: Vectors) -> Vectors:
    mean: Vectors = vectors.mean(axis=0)
    return mean / np.float32(np.linalg.norm(mean))
