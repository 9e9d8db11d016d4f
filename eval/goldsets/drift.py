"""Whether users ask what a gold set asks: the one sample of questions against the other, as an embedder sees them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from ...programs.sentences import fitting
from ...retrieval.errors import BoundError
from ...retrieval.models.profiles import DEFAULT_PROFILE, Profile, shared_embedder
from ..stats.paired import Interval, wilson
from .asked import read_asked_questions
from .goldset import ALL, read_gold_set

FEWEST = 5
"""Questions on each side, below which nothing is compared."""
MOST = 1000
"""Questions of each side that are compared; of more, so many are drawn."""
PERMUTATIONS = 999
_OWN = 0.05
"""Share of the set's own questions that are farther from all others of it than the bound of `GoldDrift.covered`."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StrangeQuestion:
    """A question that a user asked, far from all that a gold set asks."""

    question: str
    nearest: str
    """The question of the set that is nearest to it."""
    cosine: float


@dataclass(frozen=True)
class GoldDrift:
    """What users ask against what a gold set asks."""

    asked: int
    """Distinct questions of users that were compared."""
    gold: int
    """Questions of the set that were compared."""
    distance: float
    """Energy distance between the two samples, 0 for the same; of unit vectors, by their Euclidean distances."""
    p: float
    """How often a split of all these questions at random is as far apart (of 999, and this one)."""
    covered: Interval
    """Share of the users' questions that lie as near to one of the set's as 19 of 20 of the set's own lie to another."""
    strangest: tuple[StrangeQuestion, ...]
    """Those that lie farthest from the set, at most ten, the farthest first."""
    kinds: Mapping[str, int]
    """What became of the users' questions, see `ASKED_KINDS`."""
    words: tuple[float, float]
    """Median words of a user's question, and of one of the set."""
    strange_documents: Interval
    """Share of the users' questions whose answer went by a document that no question of the set is about."""

    @property
    def differs(self) -> bool:
        """Whether the two samples differ by more than chance would make them."""
        return self.p < 0.05


def compare_with_use(
    logs: Sequence[Path],
    folder: Path,
    *,
    program: str | None = None,
    profile: str | Profile = DEFAULT_PROFILE,
    seed: int = 0,
) -> GoldDrift:
    """Compare what users asked with what a gold set asks, of all its splits.

    The test is that of Székely and Rizzo (2004): energy distance, its p from permutations. Of a large sample `MOST` are drawn.

    Args:
        logs: as `read_asked_questions` takes them.
        folder: of the gold set.
        program: the one whose questions are compared; those of all programs if left out.
        profile: whose embedder says how near two questions are.
        seed: of what is drawn.

    Raises:
        GoldSetError: a log or the gold set is faulty. BoundError: fewer than `FEWEST` questions on one side.
    """
    asked = {q.question: q for q in read_asked_questions(logs).questions if program in (None, q.program)}
    gold = [q for q in read_gold_set(folder, ALL).questions.values() if program in (None, q.program)]
    for what, count in (("users' questions", len(asked)), ("questions of the set", len(gold))):
        if count < FEWEST:
            raise BoundError(
                f"{count} {what}{'' if program is None else f' for {program}'}: at least {FEWEST} are compared"
            )
    drawn, own = _drawn(list(asked.values()), seed), _drawn(gold, seed)
    embedder = shared_embedder(profile)
    texts = [*(q.question for q in drawn), *(q.text for q in own)]
    vectors = embedder.embed_questions([fitting(text, embedder) for text in texts]).astype(np.float64)
    cosines = vectors @ vectors.T
    distances = np.sqrt(np.clip(2 - 2 * cosines, 0, None))
    distance, p = _energy(distances, len(drawn), seed)
    across, within = cosines[: len(drawn), len(drawn) :], cosines[len(drawn) :, len(drawn) :].copy()
    np.fill_diagonal(within, -1)
    bound = float(np.quantile(within.max(axis=1), _OWN))
    nearest = across.max(axis=1)
    about = {document for question in gold for document in question.gold}
    return GoldDrift(
        asked=len(drawn),
        gold=len(own),
        distance=distance,
        p=p,
        covered=wilson(int(np.count_nonzero(nearest >= bound)), len(drawn)),
        strangest=tuple(
            StrangeQuestion(drawn[at].question, own[int(across[at].argmax())].text, float(nearest[at]))
            for at in np.argsort(nearest, kind="stable")[:10]
            if nearest[at] < bound
        ),
        kinds=Counter(question.kind for question in drawn),
        words=(median(len(q.question.split()) for q in drawn), median(len(q.text.split()) for q in own)),
        strange_documents=wilson(sum(q.document not in about for q in drawn if q.document), len(drawn)),
    )


def _drawn(questions: list[Any], seed: int) -> list[Any]:
    return random.Random(seed).sample(questions, MOST) if len(questions) > MOST else questions


def _energy(distances: Matrix, first: int, seed: int) -> tuple[float, float]:
    """Return the energy distance of the first so many from the others, and the share of splits that are as far apart.

    Args:
        distances: between all of them, (n, n).
    """
    count = len(distances)
    rng = np.random.default_rng(seed)
    splits = np.zeros((PERMUTATIONS + 1, count))
    splits[:, :first] = 1
    for row in splits[1:]:
        rng.shuffle(row)
    sums = splits @ distances  # (splits, n): from each to all of the one side
    within = (sums * splits).sum(axis=1)
    across = (sums * (1 - splits)).sum(axis=1)
    other = distances.sum() - within - 2 * across
    rest = count - first
    energy = 2 * across / (first * rest) - within / first**2 - other / rest**2
    # Of splits that are the same but for rounding, none is nearer.
    return float(energy[0]), float(np.mean(energy >= energy[0] - 1e-12))
