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
from .pace import Pace, measure_pace

CHARACTERS_PER_TOKEN = 6
"""Of a long English text, rounded up."""
USUAL_TOKENS = 512
"""That a reranker reads which does not say."""
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
        if not may_cut:
            await self._require_whole(question, texts, distinct)
        scores = np.empty(len(distinct), dtype=np.float32)
        cuts: list[Truncation | None] = [None] * len(distinct)
        for places in self.pace.slices(distinct, len(question)):
            some = [distinct[place] for place in places]
            scores[places], told = await asyncio.to_thread(self._score, question, some)
            for place, cut in zip(places, told, strict=True):
                cuts[place] = cut
        of = {text: place for place, text in enumerate(distinct)}
        wanted = [of[text] for text in texts]
        return self._ranking(question, scores[wanted], [cuts[place] for place in wanted])

    def _score(self, question: str, texts: list[str]) -> tuple[Scores, Sequence[Truncation | None]]:
        return self.reranker.score(question, texts), self._truncations(question, texts)

    def _truncations(self, question: str, texts: list[str]) -> Sequence[Truncation | None]:
        model = unwrapped(self.reranker)
        told = model.truncations(question, texts) if isinstance(model, CutsTexts) else None
        return [None] * len(texts) if told is None else told

    async def _require_whole(self, question: str, texts: Sequence[str], distinct: list[str]) -> None:
        told = dict(
            zip(distinct, await asyncio.to_thread(self._truncations, question, distinct), strict=True)
        )
        for place, text in enumerate(texts):
            cut = told[text]
            if cut is None:
                raise Problem(
                    422, "cut_unknown", f"{self.names.name} does not tell what it cuts: allow it by truncate"
                )
            if cut.question_cut or cut.passage_cut:
                raise Problem(
                    422,
                    "text_too_long",
                    f"text {place} and the query are {cut.question_cut + cut.passage_cut} tokens longer than "
                    f"{self.names.name} reads: shorten them, or allow cutting by truncate",
                )

    def _ranking(self, question: str, scores: Scores, cuts: Sequence[Truncation | None]) -> Ranking:
        model = unwrapped(self.reranker)
        raw = scores.astype(np.float64)
        told = [cut for cut in cuts if cut is not None]
        return Ranking(
            raw=raw,
            relevance=model.relevance(question, scores) if isinstance(model, OwnScale) else expit(raw),
            cut=tuple(place for place, cut in enumerate(told) if cut.passage_cut) if told else None,
            question_cut=max((cut.question_cut for cut in told), default=0),
        )


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
    longest = CHARACTERS_PER_TOKEN * int(getattr(identity, "max_tokens", USUAL_TOKENS))
    return ServedReranker(
        reranker, names, measure_pace(lambda texts: model.score("What is it?", texts), longest)
    )
