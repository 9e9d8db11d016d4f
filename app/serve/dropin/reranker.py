"""The reranker that is served: one function scores for all shapes of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.special import expit  # type: ignore[import-untyped]

from ....retrieval.models.cache import unwrapped
from ....retrieval.models.pairs import Truncation
from ....retrieval.models.profiles import shared_reranker
from ....retrieval.models.rerankers import Reranker, Scores
from ....retrieval.text.questions import require_question
from ..problems import Problem
from .names import ModelNames
from .pace import Pace, characters, measure_pace

CHARACTERS_PER_TOKEN = 6
"""Of a long English text, rounded up."""
USUAL_TOKENS = 512
"""That a reranker reads which does not say."""
TOKENISED_AT_ONCE = 32
"""Texts of a request."""
ASKED = "What is it?"
"""The question that the pace of a reranker is measured with."""
Numbers = npt.NDArray[np.float64]


@runtime_checkable
class CutsTexts(Protocol):
    """A reranker that tells what it does not read; ``None`` where it cannot."""

    def truncations(self, question: str, passages: Sequence[str]) -> list[Truncation] | None: ...


@runtime_checkable
class OwnScale(Protocol):
    """A reranker whose raw scores are no logits."""

    def relevance(self, question: str, scores: Scores) -> Numbers:
        """Return raw scores from 0 to 1, in the same order."""


@dataclass(frozen=True)
class Ranking:
    """Documents scored against a question; every list is in the order in which they were sent."""

    raw: Numbers
    relevance: Numbers
    """From 0 to 1."""
    cut: tuple[int, ...] | None
    """Places of the documents that were read in part; ``None`` where the reranker does not tell."""
    question_cut: int
    """Tokens of the question that were not read."""

    @property
    def order(self) -> list[int]:
        """The places of the documents, the best first; of equal ones the first that was sent."""
        return [int(place) for place in np.argsort(-self.raw, kind="stable")]


@dataclass(frozen=True)
class ServedReranker:
    """A profile's reranker, loaded and warmed."""

    reranker: Reranker
    names: ModelNames
    pace: Pace

    async def rank(self, question: str, texts: Sequence[str], *, may_cut: bool = True) -> Ranking:
        """Score texts against a question, in slices that each take a turn of the model; cancelled, it ends between two.

        Relevance is the sigmoid of a cross-encoder's logit; other rerankers map their scores by a ``relevance`` of their
        own.

        Raises:
            EmptyQuestionError: the question holds no word.
            Problem: without ``may_cut``, a text is longer than the model reads.
        """
        require_question(question)
        # Each text once: equal ones in two slices would differ in their last bits, and so not tie.
        distinct = list(dict.fromkeys(texts))
        told = await asyncio.to_thread(_truncations, self.reranker, question, distinct)
        of = {text: place for place, text in enumerate(distinct)}
        wanted = [of[text] for text in texts]
        cuts = None if told is None else [told[place] for place in wanted]
        if not may_cut:
            self._require_whole(cuts)
        scores = np.empty(len(distinct), dtype=np.float32)
        for places in self.pace.slices(_sizes(self.reranker, question, distinct, told)):
            some = [distinct[place] for place in places]
            scores[places] = await asyncio.to_thread(self.reranker.score, question, some)
        return self._ranking(question, scores[wanted], cuts)

    def _require_whole(self, cuts: Sequence[Truncation] | None) -> None:
        if cuts is None:
            raise Problem(
                422, "cut_unknown", f"{self.names.name} does not tell what it cuts: allow it by truncate"
            )
        for place, cut in enumerate(cuts):
            if cut.question_cut or cut.passage_cut:
                raise Problem(
                    422,
                    "text_too_long",
                    f"text {place} and the query are {cut.question_cut + cut.passage_cut} tokens longer than "
                    f"{self.names.name} reads: shorten them, or allow cutting by truncate",
                )

    def _ranking(self, question: str, scores: Scores, cuts: Sequence[Truncation] | None) -> Ranking:
        model = unwrapped(self.reranker)
        raw = scores.astype(np.float64)
        return Ranking(
            raw=raw,
            relevance=model.relevance(question, scores) if isinstance(model, OwnScale) else expit(raw),
            cut=None if cuts is None else tuple(place for place, cut in enumerate(cuts) if cut.passage_cut),
            question_cut=max((cut.question_cut for cut in cuts or ()), default=0),
        )


def _truncations(reranker: Reranker, question: str, texts: Sequence[str]) -> list[Truncation] | None:
    model = unwrapped(reranker)
    if not isinstance(model, CutsTexts):
        return None
    found: list[Truncation] = []
    for first in range(0, len(texts), TOKENISED_AT_ONCE):  # others get at the tokenizer in between
        told = model.truncations(question, texts[first : first + TOKENISED_AT_ONCE])
        if told is None:
            return None
        found += told
    return found


def _sizes(
    reranker: Reranker, question: str, texts: Sequence[str], told: Sequence[Truncation] | None
) -> list[int]:
    """Return how much each text is to read, in tokens where the reranker tells them, else in characters."""
    if told is not None:
        return [cut.read for cut in told]
    tokens = int(getattr(getattr(unwrapped(reranker), "identity", None), "max_tokens", None) or USUAL_TOKENS)
    return characters(texts, CHARACTERS_PER_TOKEN * tokens, len(question))


def load_served_reranker(profile: str, others: tuple[str, ...]) -> ServedReranker | None:
    """Load a profile's reranker and measure how fast it reads; ``None`` for a profile without one.

    ``others`` are names under which it may be asked for beside its own.
    """
    reranker = shared_reranker(profile)
    if reranker is None:
        return None
    model = unwrapped(reranker)
    identity = getattr(model, "identity", None)
    # The name of a cross-encoder says what it computes in; without that it is known as well.
    known = () if identity is None else (str(identity.model),)
    names = ModelNames("reranker", reranker.name, tuple(n for n in (*known, *others) if n != reranker.name))

    def sizes(texts: list[str]) -> list[int]:
        return _sizes(reranker, ASKED, texts, _truncations(reranker, ASKED, texts))

    return ServedReranker(reranker, names, measure_pace(lambda texts: model.score(ASKED, texts), sizes))
